/** Wire layouts of Z_p values, bit by bit. */

type Prime = 17 | 31 | 67;

export function packReference(prime: Prime, values: ArrayLike<number>): Uint8Array {
  return prime === 17 ? packPairs(values) : packBits(values, prime === 31 ? 5 : 7);
}

/** Sixteen values, eight pairs a + 17b of nine bits: eight low bytes, then the eight high bits. */
function packPairs(values: ArrayLike<number>): Uint8Array {
  const groups = Math.ceil(values.length / 16);
  const out = new Uint8Array(groups * 9);
  for (let i = 0; i < values.length; i += 2) {
    const pair = values[i] + 17 * (values[i + 1] ?? 0);
    const group = Math.floor(i / 16);
    const index = (i % 16) / 2;
    out[group * 9 + index] = pair & 255;
    out[group * 9 + 8] |= (pair >> 8) << index;
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
