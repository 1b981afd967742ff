/**
 * Powers of what a truncate-and-ReLU leaves (`truncateRelu.ts`), from its opening: a polynomial of ReLU(x) takes no round.
 *
 * With C, M, r and w of `dealtTruncation.ts` x = C + ξ, ξ = −M + w·r. By the binomial formula x^k = Σ_j binom(k,j)·C^(k−j)·ξ^j, and, as w² = 0 modulo
 * 2^64 for truncations by up to 32 bits, ξ^j = (−M)^j + j·w·r·(−M)^(j−1). ReLU(x) = s·x with s = t ⊕ q = t + (1 − 2t)·q and s^k = s, so
 *   ReLU(x)^k = t·x^k + (1 − 2t)·q·x^k
 * C, w, t are public to the workers, P2 knows M, r, q. It deals, for each e of 1 and q, ⟨e·M^j⟩ over Z_{2^64} and ⟨e·r·M^(j−1)⟩ over
 * Z_{2^bits}, for that is what 2^(64−bits) times it depends on: of j = 1 as `truncateRelu.ts` does, of the others here, ahead.
 *
 * Views: the workers see shares that P2 deals besides, one-time padded; nothing more is opened. Cost of an element and a power: 16 + 2·bits/8 bytes.
 */
import { unpackFields } from '../../ring/fields.ts';
import * as z64 from '../../ring/z64.ts';
import { type Dealt, type More, shiftedOpening, wrapsOf } from './dealtTruncation.ts';

/** P2: what it deals of the powers 2 … degree. q: a byte 0/1 an element. */
export function deal(
  R: BigUint64Array,
  bits: number,
  q: Uint8Array,
  degree: number,
): { words: BigUint64Array; fields: BigUint64Array } {
  const M = z64.shiftRight(R, bits);
  const r = z64.bitAt(R, 63);
  const [words, fields]: [BigUint64Array[], BigUint64Array[]] = [[], []];
  let power = M;
  for (let j = 2; j <= degree; j++) {
    const wrapped = z64.keepWhere(r, power);
    power = z64.multiply(power, M);
    words.push(power, z64.keepWhere(q, power));
    fields.push(wrapped, z64.keepWhere(q, wrapped));
  }
  return { words: z64.concat(...words), fields: z64.concat(...fields) };
}

/** Of n elements. */
export function dealtMore(n: number, degree: number): More {
  const each = 2 * (degree - 1) * n;
  return { words: each, fields: each };
}

/** P0, P1: shares of ReLU(x)², … ReLU(x)^degree. c is the opening, t what the comparison has told. */
export function powers(
  worker: 0 | 1,
  c: BigUint64Array,
  t: Uint8Array,
  dealt: Dealt,
  bits: number,
  degree: number,
): BigUint64Array[] {
  if (degree === 1) return [];
  const n = c.length;
  const C = shiftedOpening(c, bits);
  const wraps = wrapsOf(c);
  const lifted = (fields: BigUint64Array): BigUint64Array => z64.keepWhere(wraps, z64.shiftLeft(fields, 64 - bits));
  const unpacked = unpackFields(dealt.fields, bits, dealtMore(n, degree).fields);
  /** ⟨e·ξ^j⟩, j = 1 … degree. @param which 0: e is 1; 1: e is q */
  const xi = (which: 0 | 1): BigUint64Array[] => {
    const [shift, top] = which === 0 ? [dealt.shift, dealt.top] : [dealt.qShift, dealt.qTop];
    const first = z64.sub(lifted(unpackFields(top, bits, n)), shift);
    const more = Array.from({ length: degree - 1 }, (_, i) => {
      const [from, to] = [(2 * i + which) * n, (2 * i + which + 1) * n];
      const j = i + 2;
      const sign = j % 2 === 0 ? 1n : -1n;
      const wrapped = lifted(unpacked.subarray(from, to));
      return z64.combine([dealt.words.subarray(from, to), wrapped], [sign, -sign * BigInt(j)]);
    });
    return [first, ...more];
  };
  const times = (which: 0 | 1): BigUint64Array[] => {
    const all = [which === 1 ? dealt.q : new BigUint64Array(n).fill(worker === 0 ? 1n : 0n), ...xi(which)];
    return Array.from({ length: degree - 1 }, (_, i) => {
      const k = i + 2;
      // Horner's rule, from ξ^0 down to ξ^k
      let sum = all[0];
      let binomial = 1;
      for (let j = 1; j <= k; j++) {
        binomial = (binomial * (k - j + 1)) / j;
        sum = z64.combine([z64.multiply(sum, C), all[j]], [1n, BigInt(binomial)]);
      }
      return sum;
    });
  };
  const [whole, chosen] = [times(0), times(1)];
  return whole.map((x, i) => z64.add(z64.keepWhere(t, x), z64.negateWhere(t, chosen[i])));
}
