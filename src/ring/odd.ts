/**
 * Arithmetic over Z_{2^64 − 1}, the odd ring of the paper's ShareConvert and ComputeMSB. Elements are canonical: 0 … 2^64 − 2;
 * 2^64 − 1 is another name of 0 and never appears in a result. Elements are read as pairs of int32, as in `z64.ts`.
 */

function halves(x: BigUint64Array): Int32Array {
  return new Int32Array(x.buffer, x.byteOffset, x.length * 2);
}

/** Maps 2^64 − 1 to 0 in place, every other element of a 64-bit vector to itself; returns a. */
export function canonical(a: BigUint64Array): BigUint64Array {
  const x = halves(a);
  const length = x.length;
  for (let i = 0; i < length; i += 2) {
    const keep = (x[i] & x[i + 1]) === -1 ? 0 : -1;
    x[i] &= keep;
    x[i + 1] &= keep;
  }
  return a;
}

/** Carry out of p + q or p + q + 1, whose low 32 bits are `sum`. */
function carry(p: number, q: number, sum: number): number {
  return ((p & q) | ((p | q) & ~sum)) >>> 31;
}

/**
 * out ← a + b, or a − b = a + ~b with `flip` −1; returns out. The sum is taken with 1 more: if that carries out, its low 64 bits are
 * a + b − (2^64 − 1); if not, a + b has no need of reduction, and the 1 comes off again.
 */
function combine(a: BigUint64Array, b: BigUint64Array, flip: 0 | -1, out: BigUint64Array): BigUint64Array {
  if (a.length !== b.length) throw new RangeError(`odd: ${a.length} elements against ${b.length}`);
  const x = halves(a);
  const y = halves(b);
  const z = halves(out);
  const length = x.length;
  for (let i = 0; i < length; i += 2) {
    const p = x[i];
    const q = y[i] ^ flip;
    const r = x[i + 1];
    const s = y[i + 1] ^ flip;
    const low = (p + q + 1) | 0;
    const high = (((r + s) | 0) + carry(p, q, low)) | 0;
    const surplus = 1 ^ carry(r, s, high);
    const rest = (low - surplus) | 0;
    z[i] = rest;
    z[i + 1] = (high - ((~low & rest) >>> 31)) | 0;
  }
  return out;
}

export function add(a: BigUint64Array, b: BigUint64Array): BigUint64Array {
  return combine(a, b, 0, new BigUint64Array(a.length));
}

export function sub(a: BigUint64Array, b: BigUint64Array): BigUint64Array {
  return combine(a, b, -1, new BigUint64Array(a.length));
}

/** a ← a + b in place; returns a, which need not have been canonical. */
export function accumulate(a: BigUint64Array, b: BigUint64Array): BigUint64Array {
  return combine(a, b, 0, a);
}

/** b ← a − b in place; returns b. */
export function subtractFrom(a: BigUint64Array, b: BigUint64Array): BigUint64Array {
  return combine(a, b, -1, b);
}
