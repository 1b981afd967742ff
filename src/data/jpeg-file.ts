/** One image in a JPEG file: grey, or red, green, blue; baseline or progressive. Bytes in, pixels out; no IO. */
import { decode } from 'jpeg-js';
import { checkedFrame, unreadable } from './jpeg-header.ts';
import type { Pixels } from './pixels.ts';

const MEGABYTES = 1024;

export function decodeJpeg(bytes: Uint8Array, source: string): Pixels {
  const { components, rows, columns } = checkedFrame(bytes, source);
  let rgb: Uint8Array;
  try {
    // What is damaged is no picture.
    const options = { useTArray: true, formatAsRGBA: false, tolerantDecoding: false } as const;
    rgb = decode(bytes, { ...options, maxMemoryUsageInMB: MEGABYTES }).data;
  } catch (error) {
    throw unreadable(source, (error as Error).message, error);
  }
  if (rgb.length !== 3 * rows * columns)
    throw unreadable(source, `${rgb.length} values for ${columns} x ${rows} pixels`);
  const values = components === 1 ? rgb.filter((_, i) => i % 3 === 0) : rgb;
  return { rows, columns, channels: components, values };
}
