/**
 * Pictures decoded by the browser itself: no decoder has to be loaded. PNG gives what it gives in Node, value by value; JPEG may differ by a unit or two,
 * for its standard leaves the last bit to decoders. Colours are taken as the file has them, whatever profile it names.
 */
import { checkedFrame } from '../../data/jpeg-header.ts';
import { begins, JPEG_MAGIC, PNG_MAGIC } from '../../data/magic.ts';
import { checkPixels, type Pixels, transparent } from '../../data/pixels.ts';
import { Problem } from '../../data/problem.ts';

/** In a PNG file: width and height, then the bits of a value. */
const [WIDTH_AT, DEPTH_AT] = [16, 24];

/** What is used of a page's own. */
interface Canvases {
  readonly createImageBitmap: (from: Blob, how: object) => Promise<Bitmap>;
  readonly OffscreenCanvas: new (
    width: number,
    height: number,
  ) => {
    getContext(
      kind: '2d',
      how: object,
    ): {
      drawImage(bitmap: Bitmap, x: number, y: number): void;
      getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray };
    };
  };
}

interface Bitmap {
  readonly width: number;
  readonly height: number;
  close(): void;
}

/** As it stands in the file: no profile, no turning. */
const AS_IT_IS = { colorSpaceConversion: 'none', premultiplyAlpha: 'none', imageOrientation: 'none' };

export async function decodeInPage(bytes: Uint8Array, source: string): Promise<Pixels> {
  if (begins(bytes, PNG_MAGIC)) checkHeader(bytes, source);
  // A browser makes something of colours for print, and not what another makes of them.
  else if (begins(bytes, JPEG_MAGIC)) checkedFrame(bytes, source);
  else {
    throw new Problem(`${source}: neither a PNG nor a JPEG image`, 'save it again as PNG, or leave it out');
  }
  const { createImageBitmap, OffscreenCanvas } = globalThis as unknown as Canvases;
  const bitmap = await createImageBitmap(new Blob([bytes as Uint8Array<ArrayBuffer>]), AS_IT_IS).catch(
    (cause: unknown) => {
      throw new Problem(`${source}: this browser cannot read it`, 'save it again as PNG', { cause });
    },
  );
  try {
    const { width, height } = bitmap;
    checkPixels(width, height, source);
    const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
    context.drawImage(bitmap, 0, 0);
    return pixelsOf(context.getImageData(0, 0, width, height).data, width, height, source);
  } finally {
    bitmap.close();
  }
}

function checkHeader(bytes: Uint8Array, source: string): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length <= DEPTH_AT) throw new Problem(`${source}: cut short`, 'save it again as PNG');
  checkPixels(view.getUint32(WIDTH_AT), view.getUint32(WIDTH_AT + 4), source);
  if (bytes[DEPTH_AT] === 16) {
    throw new Problem(`${source}: 16 bits a value, of which a page sees 8`, 'save it with 8, or upload it from Node');
  }
}

/** One channel where all is grey. */
function pixelsOf(data: Uint8ClampedArray, columns: number, rows: number, source: string): Pixels {
  let isGrey = true;
  for (let at = 0; at < data.length; at += 4) {
    isGrey &&= data[at] === data[at + 1] && data[at] === data[at + 2];
    if (data[at + 3] !== 255) throw transparent(source);
  }
  const channels = isGrey ? 1 : 3;
  const values = new Uint8Array(rows * columns * channels);
  for (let i = 0; i < values.length; i++) values[i] = isGrey ? data[4 * i] : data[4 * Math.floor(i / 3) + (i % 3)];
  return { rows, columns, channels, values };
}
