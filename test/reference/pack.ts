/** Wire layouts of Z_p values, bit by bit. */

type Prime = 17 | 31 | 67;

export function packReference(prime: Prime, values: ArrayLike<number>): Uint8Array {
  return prime === 17 ? packFours(values) : packBits(values, prime === 31 ? 5 : 7);
}

/** Thirty-two values, eight fours a + 17b + 17²c + 17³d of 17 bits: the low 16 bits of each, then the eight high bits. */
function packFours(values: ArrayLike<number>): Uint8Array {
  const groups = Math.ceil(values.length / 32);
  const out = new Uint8Array(groups * 17);
  for (let i = 0; i < values.length; i += 4) {
    const four = [0, 1, 2, 3].reduce((sum, k) => sum + 17 ** k * (values[i + k] ?? 0), 0);
    const group = Math.floor(i / 32);
    const index = (i % 32) / 4;
    out[group * 17 + 2 * index] = four & 255;
    out[group * 17 + 2 * index + 1] = (four >> 8) & 255;
    out[group * 17 + 16] |= (four >> 16) << index;
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
