/** Wire layouts of Z_p values, bit by bit. */

type Prime = 17 | 31 | 67;

export function packReference(prime: Prime, values: ArrayLike<number>): Uint8Array {
  return prime === 17 ? packEights(values) : packBits(values, prime === 31 ? 5 : 7);
}

/**
 * Sixty-four values, eight numbers of 33 bits: the low 32 bits of each, then the eight high bits. Number i of the first four is
 * Σ 17^k · value 4i + k and 17^4 times the same of the values sixteen places on; the last four are of the upper 32 values.
 */
function packEights(values: ArrayLike<number>): Uint8Array {
  const groups = Math.ceil(values.length / 64);
  const out = new Uint8Array(groups * 33);
  for (let group = 0; group < groups; group++) {
    for (let index = 0; index < 8; index++) {
      const first = 64 * group + 32 * (index >> 2) + 4 * (index & 3);
      const eight = [0, 1, 2, 3, 16, 17, 18, 19].reduce((sum, at, k) => sum + 17 ** k * (values[first + at] ?? 0), 0);
      for (let byte = 0; byte < 4; byte++) out[33 * group + 4 * index + byte] = Math.floor(eight / 256 ** byte) % 256;
      out[33 * group + 32] |= Math.floor(eight / 2 ** 32) << index;
    }
  }
  return out;
}

/** A little-endian stream of `width`-bit values. */
function packBits(values: ArrayLike<number>, width: number): Uint8Array {
  const out = new Uint8Array(Math.ceil((values.length * width) / 8));
  for (let i = 0; i < values.length; i++) {
    for (let bit = 0; bit < width; bit++) {
      const at = i * width + bit;
      out[at >> 3] |= ((values[i] >> bit) & 1) << (at & 7);
    }
  }
  return out;
}
