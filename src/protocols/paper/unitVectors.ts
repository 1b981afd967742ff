/**
 * Unit vectors of secret indices: the rotated unit vector of Alg. 10 (Maxpool's derivative), steps 2 to 5. Index k in [0, n) in shares
 * over Z_{2^64} → e_k of length n in shares.
 *
 * N is the least power of two that holds n: it divides 2^64, so indices wrap as the ring does. (The paper asks for an n that does.)
 * Common randomness of P0, P1 (k01), fresh for every index: r uniform over Z_{2^64}, and u uniform over Z_{2^64}.
 *   1. P0 → P2: ⟨k⟩₀ + r + u;  P1 → P2: ⟨k⟩₁ − u
 *   2. P2: t = k + r mod N, deals shares of e_t over Z_{2^64}
 *   3. P0, P1 turn it back by r mod N: (e_k)_i = (e_t)_{(i + r) mod N}, for i < n
 *
 * P2 sees two uniform values and k + r, uniform too. The refresh u is not in print: P2 has dealt parts of what ⟨k⟩₁ is computed
 * from, so a bare share is not uniform to it. Cost: 2 rounds, 16 + 8·N bytes an index.
 */
import * as z64 from '../../ring/z64.ts';
import { chunked, type Cost } from '../../party/cost.ts';
import { dealtZ64, dealZ64 } from '../../party/deal.ts';
import type { Party } from '../../party/party.ts';
import { inChunks, type Stage, step } from '../../party/steps.ts';

/** N. */
export function powerAbove(n: number): number {
  if (!Number.isInteger(n) || n < 1 || n > 2 ** 16) throw new RangeError(`unit vectors of length ${n}`);
  return 2 ** Math.ceil(Math.log2(n));
}

/** The low bits of a vector's elements as numbers below N, a power of two. */
function residues(x: BigUint64Array, N: number): Uint32Array {
  const words = z64.halves(x);
  return Uint32Array.from({ length: x.length }, (_, i) => words[2 * i] & (N - 1));
}

/** P0, P1: ⟨k⟩ (m) → ⟨e_k⟩ (m, n). */
export async function workers(party: Party, k: BigUint64Array, n: number): Promise<BigUint64Array> {
  const N = powerAbove(n);
  const out = new BigUint64Array(k.length * n);
  const to = z64.halves(out);
  await party.chunks(k.length, async (chunk, from, end) => {
    const count = end - from;
    const share = k.subarray(from, end);
    const r = chunk.stream(chunk.peer, 'r').z64(count);
    const u = chunk.stream(chunk.peer, 'u').z64(count);
    const masked = chunk.worker === 0 ? z64.accumulate(z64.add(share, r), u) : z64.sub(share, u);
    await chunk.send('P2', 'k', masked); // step 1
    const rotated = z64.halves(await dealtZ64(chunk, 'unit', count * N)); // step 2
    const turn = residues(r, N);
    for (let j = 0; j < count; j++) {
      for (let i = 0; i < n; i++) {
        const source = 2 * (j * N + ((i + turn[j]) & (N - 1)));
        const target = 2 * ((from + j) * n + i);
        to[target] = rotated[source];
        to[target + 1] = rotated[source + 1];
      }
    } // step 3
  });
  return out;
}

/** P2. */
export async function helper(party: Party, count: number, n: number): Promise<void> {
  const N = powerAbove(n);
  await party.chunks(count, async (chunk, from, to) => {
    const m = to - from;
    const [k0, k1] = await Promise.all([chunk.receive('P0', 'k', 'u64', m), chunk.receive('P1', 'k', 'u64', m)]);
    const at = residues(z64.add(k0, k1), N);
    const unit = new BigUint64Array(m * N);
    const words = z64.halves(unit);
    for (let j = 0; j < m; j++) words[2 * (j * N + at[j])] = 1;
    await dealZ64(chunk, 'unit', unit); // step 2
  });
}

export function cost(count: number, n: number, chunk: number): Cost {
  const N = powerAbove(n);
  return chunked(count, chunk, (m) => ({ rounds: 2, bytes: 16 * m + 8 * N * m }));
}

export function stages(n: number): Stage[] {
  const N = powerAbove(n);
  return inChunks((m) => [step('answer', [':k', 8 * m]), step('deal', [':unit', 8 * N * m])]);
}
