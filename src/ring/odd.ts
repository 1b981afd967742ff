/**
 * Arithmetic over Z_{2^64 − 1}, the odd ring of the paper's ShareConvert and ComputeMSB. Elements are canonical: 0 … 2^64 − 2;
 * 2^64 − 1 is another name of 0 and never appears in a result.
 */
import { halves } from './z64.ts';

/** Maps 2^64 − 1 to 0; every other element of a 64-bit vector is itself. */
export function canonical(a: BigUint64Array): BigUint64Array {
  const out = a.slice();
  canonicalise(halves(out));
  return out;
}

function canonicalise(x: Uint32Array): void {
  for (let i = 0; i < x.length; i += 2) {
    const keep = x[i] === 0xffffffff && x[i + 1] === 0xffffffff ? 0 : -1;
    x[i] &= keep;
    x[i + 1] &= keep;
  }
}

export function add(a: BigUint64Array, b: BigUint64Array): BigUint64Array {
  if (a.length !== b.length) throw new RangeError(`odd.add: ${a.length} elements against ${b.length}`);
  const out = new BigUint64Array(a.length);
  const x = halves(a);
  const y = halves(b);
  const z = halves(out);
  for (let i = 0; i < x.length; i += 2) {
    const low = x[i] + y[i]; // exact: below 2^33
    const high = x[i + 1] + y[i + 1] + (low > 0xffffffff ? 1 : 0);
    // 2^64 ≡ 1: the carry out comes back at the bottom.
    const bottom = (low >>> 0) + (high > 0xffffffff ? 1 : 0);
    z[i] = bottom;
    z[i + 1] = (high >>> 0) + (bottom > 0xffffffff ? 1 : 0);
  }
  canonicalise(z);
  return out;
}

/** −a = (2^64 − 1) − a: the complement of every bit. */
export function negate(a: BigUint64Array): BigUint64Array {
  const out = new BigUint64Array(a.length);
  const x = halves(a);
  const z = halves(out);
  for (let i = 0; i < x.length; i++) z[i] = ~x[i];
  canonicalise(z);
  return out;
}

export function sub(a: BigUint64Array, b: BigUint64Array): BigUint64Array {
  return add(a, negate(b));
}
