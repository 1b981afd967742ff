/**
 * Beaver product (Alg. 1) for every bilinear map `*` (element product, matrix product; PROTOCOLS §1).
 *
 * Mask:    U uniform over Z_{2^64}, ⟨U⟩₀ from k02, ⟨U⟩₁ from k12; P0, P1 open E = X − U. Once per value, however many products
 *          it enters: revealing X − U once and using U in several triples reveals nothing more.
 * Product: W = W_0 + W_1 + Z with Z = U * V, which P2 knows, and at the workers
 *          W_j = E * ⟨Y⟩_j + ⟨X⟩_j * F − [j=0]·E * F, computed as one fused product [E | ⟨X⟩_j − [j=0]E] · [⟨Y⟩_j ; F].
 *
 * The paper has P2 deal shares of Z at once. A product that is truncated next does not need them: the truncation's mask takes Z up
 * (`truncation.ts`). So `workers` leaves W in three parts, and `dealPart` makes two of them where shares are wanted.
 * Cost: 1 round for the masks not yet opened, 16 bytes per element of each; 8 bytes per element of Z that is dealt, ahead.
 */
import * as z64 from '../ring/z64.ts';
import type { BilinearMap } from './bilinear.ts';
import type { Cost } from './cost.ts';
import { receiverOf } from './deal.ts';
import { open } from './open.ts';
import type { Party } from './party.ts';

/** A worker's view of a masked operand. */
export interface Masked {
  /** ⟨X⟩_j */
  readonly share: BigUint64Array;
  /** E = X − U, known to both workers. */
  readonly opened: BigUint64Array;
  /** ⟨X⟩_j − [j=0]E: the operand that meets F in the fused product. */
  readonly reduced: BigUint64Array;
}

/** P0, P1: masks and opens a shared value. */
export async function workersMask(party: Party, share: BigUint64Array): Promise<Masked> {
  const drawn = party.stream('P2', 'U');
  const U = await party.vector(share.length, (from, to) => drawn.z64(to - from));
  return operand(party, await open(party, 'E', await lessMask(party, share, U)), U);
}

/** P0, P1: this worker's part of the opening of X, ⟨X⟩ − ⟨U⟩. */
export async function lessMask(party: Party, share: BigUint64Array, U: BigUint64Array): Promise<BigUint64Array> {
  const mine = U.slice();
  await party.slices(mine.length, (from, to) => z64.subtractFrom(share.subarray(from, to), mine.subarray(from, to)));
  return mine;
}

/** P0, P1: E of a shared value. */
export async function openMasked(party: Party, share: BigUint64Array): Promise<BigUint64Array> {
  const U = party.stream('P2', 'U');
  const mine = await party.vector(share.length, (from, to) =>
    z64.subtractFrom(share.subarray(from, to), U.z64(to - from)),
  );
  return open(party, 'E', mine);
}

/**
 * The operand from its opening and this worker's share of its mask: ⟨X⟩_j = [j=0]E + ⟨U⟩_j. Whatever shares X had, products of it begin from
 * these, which the keys and X determine.
 */
export async function operand(party: Party, opened: BigUint64Array, U: BigUint64Array): Promise<Masked> {
  const share = party.worker === 0 ? opened.slice() : U;
  if (party.worker === 0)
    await party.slices(U.length, (from, to) => z64.accumulate(share.subarray(from, to), U.subarray(from, to)));
  for (const values of [share, opened, U]) party.compute.keep(values);
  return { share, opened, reduced: U };
}

/** The operand from its share and its opening, where the mask is not drawn. */
export async function masked(party: Party, share: BigUint64Array, opened: BigUint64Array): Promise<Masked> {
  const reduced = party.worker === 0 ? new BigUint64Array(share.length) : share;
  if (party.worker === 0) {
    await party.slices(share.length, (from, to) => {
      reduced.set(opened.subarray(from, to), from);
      z64.subtractFrom(share.subarray(from, to), reduced.subarray(from, to));
    });
  }
  // Each product that the value enters takes all three.
  for (const operand of [share, opened, reduced]) party.compute.keep(operand);
  return { share, opened, reduced };
}

/** P2: the mask of an operand of products. */
export async function helperMask(party: Party, count: number): Promise<BigUint64Array> {
  const U = await maskOf(party, count);
  party.compute.keep(U);
  return U;
}

/** P2: the mask U of the value that the workers open at the same address. */
export function maskOf(party: Party, count: number): Promise<BigUint64Array> {
  const [U0, U1] = [party.stream('P0', 'U'), party.stream('P1', 'U')];
  return party.vector(count, (from, to) => z64.accumulate(U0.z64(to - from), U1.z64(to - from)));
}

/** P0, P1: this worker's part of X * Y. P2's part is Z = U * V. */
export function workers(party: Party, map: BilinearMap, x: Masked, y: Masked): Promise<BigUint64Array> {
  return map.apply(party.compute, [
    { x: x.opened, y: y.share },
    { x: x.reduced, y: y.opened },
  ]);
}

/** P2: its part of the product. */
export function helper(party: Party, map: BilinearMap, U: BigUint64Array, V: BigUint64Array): Promise<BigUint64Array> {
  return map.apply(party.compute, [{ x: U, y: V }]);
}

/** P0, P1: this worker's share of a value in three parts, from its part. */
export async function dealtPart(party: Party, part: BigUint64Array): Promise<BigUint64Array> {
  if (party.name === party.drawer) {
    const drawn = party.stream('P2', 'Z');
    return party.vector(part.length, (from, to) => z64.accumulate(drawn.z64(to - from), part.subarray(from, to)));
  }
  const dealt = await party.receive('P2', 'Z', 'u64', part.length);
  await party.slices(part.length, (from, to) => z64.accumulate(dealt.subarray(from, to), part.subarray(from, to)));
  return dealt;
}

/** P2: deals its part to the workers. */
export async function dealPart(party: Party, part: BigUint64Array): Promise<void> {
  const { depth } = party; // answers may arrive while this computes: the part does not depend on them
  const drawn = party.stream(party.drawer, 'Z');
  const rest = await party.vector(part.length, (from, to) =>
    z64.subtractFrom(part.subarray(from, to), drawn.z64(to - from)),
  );
  await party.send(receiverOf(party), 'Z', rest, depth);
}

/** Of masking and opening `count` elements of operands. */
export function maskCost(count: number): Cost {
  return { rounds: count > 0 ? 1 : 0, bytes: 16 * count };
}

/** Of dealing `count` elements of Z. */
export function partCost(count: number): Cost {
  return { rounds: 0, bytes: 8 * count };
}
