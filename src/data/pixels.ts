/** One image as its file has it, and as a network takes it: channels and depth. Pure. */
import { Problem } from './problem.ts';

export interface Pixels {
  readonly rows: number;
  readonly columns: number;
  /** 1 or 3. */
  readonly channels: number;
  /** 8 or 16 bits. */
  readonly values: Uint8Array | Uint16Array;
}

/** An image of so many pixels is no input of a network; a small file may unpack to billions. */
export const MOST_PIXELS: number = 4096 * 4096;

const AT_A_TIME = 16;

export function checkPixels(width: number, height: number, source: string): void {
  if (width > 0 && height > 0 && width * height <= MOST_PIXELS) return;
  throw new Problem(`${source}: ${width} x ${height} pixels`, 'give an image of the size that the network takes');
}

export function transparent(source: string): Problem {
  return new Problem(
    `${source}: parts of it are transparent`,
    'save it without transparency, on the ground it should have',
  );
}

/** To 16 bits, or to 8. */
export function withDepth(values: Uint8Array | Uint16Array, deep: boolean): Uint8Array | Uint16Array {
  if (deep === values instanceof Uint16Array) return values;
  return deep ? Uint16Array.from(values, (value) => 257 * value) : Uint8Array.from(values, (value) => value >> 8);
}

/** The first `count` images in their order, a few at a time. @param decode the i-th */
export async function decodeAll(count: number, decode: (i: number) => Promise<Pixels>): Promise<Pixels[]> {
  const all: Pixels[] = [];
  for (let from = 0; from < count; from += AT_A_TIME) {
    const some = Array.from({ length: Math.min(AT_A_TIME, count - from) }, (_, i) => decode(from + i));
    all.push(...(await Promise.all(some)));
  }
  return all;
}

/** Several images, one after the other. */
export interface JoinedPixels extends Pixels {
  /** Whether there were grey ones among coloured ones. */
  readonly mixed: boolean;
}

/**
 * All of one size; grey ones among coloured ones become coloured, 8 bits among 16 become 16.
 * @param sources a name for each, in errors
 */
export function joinPixels(
  all: readonly Pixels[],
  sources: readonly string[],
  wanted?: { readonly channels: number; readonly deep: boolean },
): JoinedPixels {
  const [{ rows, columns }] = all;
  const other = all.findIndex((image) => image.rows !== rows || image.columns !== columns);
  if (other >= 0) {
    throw new Problem(
      `${sources[other]}: ${all[other].rows} x ${all[other].columns} pixels, ${sources[0]} has ${rows} x ${columns}`,
      'bring all images to one size',
    );
  }
  const channels = wanted?.channels ?? Math.max(...new Set(all.map((image) => image.channels)));
  const deep = wanted?.deep ?? all.some(({ values }) => values instanceof Uint16Array);
  const size = rows * columns * channels;
  const values = deep ? new Uint16Array(all.length * size) : new Uint8Array(all.length * size);
  all.forEach((image, i) => values.set(withDepth(withChannels(image, channels, sources[i]), deep), i * size));
  const mixed = wanted === undefined && all.some((image) => image.channels !== channels);
  return { rows, columns, channels, values, mixed };
}

/** A grey image serves where three channels are taken, and one in colours that are all grey where one is. */
export function withChannels({ values, channels: found }: Pixels, wanted: number, source: string): Pixels['values'] {
  if (found === wanted) return values;
  if (found === 1 && wanted === 3) {
    const out = values instanceof Uint8Array ? new Uint8Array(3 * values.length) : new Uint16Array(3 * values.length);
    return out.map((_, i) => values[Math.floor(i / 3)]);
  }
  const grey = values.filter((_, i) => i % 3 === 0);
  if (wanted === 1 && values.every((value, i) => value === grey[Math.floor(i / 3)])) return grey;
  throw new Problem(
    `${source}: an image in colours, the network takes ${wanted === 1 ? 'grey ones' : `${wanted} channels`}`,
    'save it with the channels that the network was trained on',
  );
}
