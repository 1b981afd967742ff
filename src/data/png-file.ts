/** One image in a PNG file: grey or red, green, blue, 8 or 16 bits a value. Bytes in, pixels out; no IO. */
import { decode, type DecodedPng } from 'fast-png';
import { checkPixels, type Pixels, transparent } from './pixels.ts';
import { Problem } from './problem.ts';

/** As the file has it: a palette becomes colours, 1 to 4 bits become 8, an opaque last channel goes. */
export function decodePng(bytes: Uint8Array, source: string): Pixels {
  // The header's, before anything is unpacked.
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkPixels(...(bytes.length < 24 ? ([0, 0] as const) : ([view.getUint32(16), view.getUint32(20)] as const)), source);
  let png: DecodedPng;
  try {
    png = decode(bytes, { checkCrc: true });
  } catch (error) {
    throw unreadable(source, (error as Error).message, error);
  }
  const { width, height, depth, palette, transparency } = png;
  if (transparency !== undefined) throw transparent(source);
  const full = depth === 16 ? Uint16Array.from(png.data) : spread(png);
  if (palette === undefined) {
    const kept = png.channels === 2 || png.channels === 1 ? 1 : 3;
    return { rows: height, columns: width, channels: kept, values: withoutAlpha(full, png.channels, source) };
  }
  if (full.some((index) => index >= palette.length)) throw unreadable(source, 'a colour that its palette lacks');
  if (palette.some((colour) => colour.length > 3 && colour[3] !== 255)) throw transparent(source);
  const values = new Uint8Array(3 * full.length);
  full.forEach((index, i) => values.set(palette[index].slice(0, 3), 3 * i));
  return { rows: height, columns: width, channels: 3, values };
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

function withoutAlpha(data: Pixels['values'], channels: number, source: string): Pixels['values'] {
  if (channels !== 2 && channels !== 4) return data;
  const opaque = data instanceof Uint8Array ? 255 : 65_535;
  if (data.some((value, i) => i % channels === channels - 1 && value !== opaque)) throw transparent(source);
  return data.filter((_, i) => i % channels !== channels - 1);
}

function unreadable(source: string, why: string, cause?: unknown): Problem {
  return new Problem(`${source}: not readable as PNG: ${why}`, 'save it again as PNG', { cause });
}
