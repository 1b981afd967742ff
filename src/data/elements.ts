/** Values of images as files hold them, and the shape of an image. */

/** Bytes, 16 bits without a sign, or numbers. */
export type Elements = Uint8Array | Uint16Array | Float32Array | Float64Array;

/** A new array of zeros, of the same type; never a Buffer, which is bytes as well. */
export function sameKind<T extends Elements>(like: T, length: number): T {
  return new KINDS[kindOf(like)](length) as T;
}

const KINDS = { bytes: Uint8Array, '16 bits': Uint16Array, floats: Float32Array, doubles: Float64Array } as const;
export type Kind = 'bytes' | '16 bits' | 'floats' | 'doubles';

export function kindOf(values: Elements): Kind {
  if (values instanceof Uint8Array) return 'bytes';
  if (values instanceof Uint16Array) return '16 bits';
  return values instanceof Float32Array ? 'floats' : 'doubles';
}

/** The largest value of that type, none of which is below 0; Infinity of numbers, which may be anything. */
export function mostOf(values: Elements): number {
  return { bytes: 255, '16 bits': 65_535, floats: Infinity, doubles: Infinity }[kindOf(values)];
}

/** What images are like. A vector of n numbers is 1 x n, of one channel. */
export interface ImageShape {
  readonly rows: number;
  readonly columns: number;
  /** 1: grey; 3: red, green, blue. Innermost. */
  readonly channels: number;
}

/** `28 x 28`, `32 x 32 x 3`. */
export function sizeInWords({ rows, columns, channels }: ImageShape): string {
  return [rows, columns, ...(channels > 1 ? [channels] : [])].join(' x ');
}
