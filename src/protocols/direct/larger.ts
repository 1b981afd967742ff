/**
 * The larger of two values in the direct suite, doubled: 2·max(x, y) = (x + y) + (2s − 1)(x − y) with s = DReLU(x − y) = t ⊕ q.
 *
 * `max(x, y) = y + ReLU(x − y)` needs a share of x − y itself. In this form x − y = c − R enters by its opening alone, so of products in
 * three parts (`beaver.ts`) nothing is dealt: R takes up P2's part of x − y as in `dealtTruncation.ts`, and its part of x + y is its part of the
 * result. The rounds are those of `directRelu.ts`, where P2 deals ⟨(2q − 1)·R⟩ instead of ⟨q·R⟩:
 *   Local: ⟨2·max⟩ = ⟨x + y⟩ + (1 − 2t)·(c·⟨2q − 1⟩ − ⟨(2q − 1)·R⟩),  for 2s − 1 = (1 − 2t)(2q − 1)
 *
 * Views: as in `directRelu.ts`; R is as uniform as what the workers draw. Cost: that of a ReLU.
 */
import * as directRelu from './directRelu.ts';
import type { Functions } from './openedSign.ts';
import type { Party } from '../../party/party.ts';
import * as z64 from '../../ring/z64.ts';

/** P0, P1: this worker's shares, or parts, of x and y → its share or part of 2·max(x, y), and the bits [x ≥ y]. */
export function workers(
  party: Party,
  [x, y]: readonly [BigUint64Array, BigUint64Array],
  compareBits: number,
  drop: number,
  functions?: Functions,
): Promise<{ y: BigUint64Array; sign: directRelu.WorkerSign }> {
  const addTo = (R: BigUint64Array, from: number, to: number): BigUint64Array =>
    z64.decrease(z64.accumulate(R, x.subarray(from, to)), y.subarray(from, to));
  const product: directRelu.ChunkProduct = (chunk, job, from, to, out) => {
    chunk.compute.selectLarger(chunk.worker, job, x.subarray(from, to), y.subarray(from, to), out);
  };
  return directRelu.workersCompare(party, x.length, addTo, compareBits, drop, product, functions);
}

/** P2, with its bits q. `part` is its part of x − y. */
export function helper(
  party: Party,
  q: Uint8Array,
  compareBits: number,
  drop: number,
  part?: BigUint64Array,
  functions?: Functions,
): Promise<void> {
  return directRelu.helper(party, q, compareBits, drop, { part, signed: true, functions });
}
