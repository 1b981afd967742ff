/** One image in a PNG file, as a network takes it: grey or red, green, blue, a byte a pixel and channel. Bytes in, pixels out; no IO. */
import { decode, type DecodedPng } from 'fast-png';
import { Problem } from './problem.ts';

export interface PngImage {
  readonly rows: number;
  readonly columns: number;
  /** 1 or 3. */
  readonly channels: number;
  readonly pixels: Uint8Array;
}

/** An image of so many pixels is no input of a network; a small file may unpack to billions. */
const MOST_PIXELS = 4096 * 4096;

/** @param channels that the network takes; a grey image serves where three are taken, and a colour image without colours where one is */
export function readPng(bytes: Uint8Array, source: string, channels: number): PngImage {
  checkSize(bytes, source);
  let png: DecodedPng;
  try {
    png = decode(bytes, { checkCrc: true });
  } catch (error) {
    throw new Problem(`${source}: not readable as PNG: ${(error as Error).message}`, 'save it again as PNG', {
      cause: error,
    });
  }
  const { width, height, depth, palette, transparency } = png;
  if (transparency !== undefined) throw transparent(source);
  const full = depth === 16 ? Uint8Array.from(png.data, (value) => value >> 8) : spread(png);
  if (palette !== undefined && full.some((index) => index >= palette.length))
    throw new Problem(`${source}: not readable as PNG: a colour that its palette lacks`, 'save it again as PNG');
  const colours =
    palette === undefined ? full : Uint8Array.from(Array.from(full, (index) => palette[index].slice(0, 3)).flat());
  const found = palette === undefined ? png.channels : 3;
  if (palette?.some((colour) => colour.length > 3 && colour[3] !== 255) === true) throw transparent(source);
  const opaque = withoutAlpha(colours, found, source);
  const kept = found === 2 || found === 1 ? 1 : 3;
  return { rows: height, columns: width, channels, pixels: converted(opaque, kept, channels, source) };
}

/** The header's, before anything is unpacked. */
function checkSize(bytes: Uint8Array, source: string): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [width, height] = bytes.length < 24 ? [0, 0] : [view.getUint32(16), view.getUint32(20)];
  if (width > 0 && height > 0 && width * height <= MOST_PIXELS) return;
  throw new Problem(`${source}: ${width} x ${height} pixels`, 'give a PNG image of the size that the network takes');
}

/** Samples of fewer than eight bits, packed row by row, as bytes: 0 to 255, or indices of a palette. */
function spread({ data, depth, width, height, channels, palette }: DecodedPng): Uint8Array {
  if (depth === 8) return data as Uint8Array;
  const perRow = width * channels;
  const rowBytes = Math.ceil((perRow * depth) / 8);
  const most = 2 ** depth - 1;
  const scale = palette === undefined ? 255 / most : 1;
  return Uint8Array.from({ length: perRow * height }, (_, i) => {
    const [row, at] = [Math.floor(i / perRow), i % perRow];
    const byte = data[row * rowBytes + Math.floor((at * depth) / 8)];
    return ((byte >> (8 - depth - ((at * depth) % 8))) & most) * scale;
  });
}

function withoutAlpha(data: Uint8Array, channels: number, source: string): Uint8Array {
  if (channels !== 2 && channels !== 4) return data;
  if (data.some((value, i) => i % channels === channels - 1 && value !== 255)) throw transparent(source);
  return data.filter((_, i) => i % channels !== channels - 1);
}

function converted(pixels: Uint8Array, found: number, wanted: number, source: string): Uint8Array {
  if (found === wanted) return pixels;
  if (found === 1 && wanted === 3)
    return Uint8Array.from({ length: 3 * pixels.length }, (_, i) => pixels[Math.floor(i / 3)]);
  const grey = pixels.filter((_, i) => i % 3 === 0);
  if (wanted === 1 && pixels.every((value, i) => value === grey[Math.floor(i / 3)])) return grey;
  throw new Problem(
    `${source}: an image in colours, the network takes ${wanted === 1 ? 'grey ones' : `${wanted} channels`}`,
    'save it with the channels that the network was trained on',
  );
}

function transparent(source: string): Problem {
  return new Problem(
    `${source}: parts of it are transparent`,
    'save it without transparency, on the ground it should have',
  );
}
