/** Values of images as files hold them, and the shape of an image. */

/** Bytes, 16 bits without a sign, or numbers. */
export type Elements = Uint8Array | Uint16Array | Float32Array | Float64Array;

/** What images are like. A vector of n numbers is 1 x n, of one channel. */
export interface ImageShape {
  readonly rows: number;
  readonly columns: number;
  /** 1: grey; 3: red, green, blue. Innermost. */
  readonly channels: number;
}
