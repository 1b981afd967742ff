/**
 * The derivative of the tree's maximum (`maxpoolTree.ts`, in the place of Alg. 10): an error goes down the tree with the bits kept on the way
 * up. At each level w, the error at the winners, splits into left = DReLU · w and right = w − left; what waited stays.
 *
 * w is opened as E_w = w − U_w, once, by the mask it has as an operand of products (`beaver.ts`):  ⟨left⟩ = t⟨w⟩ + (1 − 2t)⟨q·w⟩ with
 * ⟨q·w⟩ = E_w⟨q⟩ + ⟨q·U_w⟩, P2 dealing ⟨q·U_w⟩ ahead. left is opened with a fresh mask, and right with it: E_right = E_w − E_left is right
 * under the mask U_right = U_w − U_left, which P2 knows. So a level opens as many values as it compared, and what comes out at the bottom is
 * open for the products of the layer before but for its last left half, which is opened when the first of them asks.
 *
 * All of it lies in arrays that have room for the last level from the beginning: left takes the place of w, right comes behind it, what waits
 * moves on. So what comes down is written once a level, chunk by chunk, as it is drawn, opened or selected.
 *
 * Views: E_w and E_left are uniform under fresh masks; E_right is a function of the two and tells nothing more. P2 sees nothing.
 * Cost: 1 round a level but the last, and the opening of w; 8 bytes a comparison dealt, 16 opened.
 */
import { fresh } from '../../ring/pool.ts';
import { release } from '../../ring/release.ts';
import * as z64 from '../../ring/z64.ts';
import { HelperMask, Masked } from '../paper/beaver.ts';
import { type Cost, inSequence } from '../../party/cost.ts';
import { dealtZ64 } from '../../party/deal.ts';
import { dealSelected, type WorkerSign } from './directRelu.ts';
import { later } from '../../party/later.ts';
import { openCost, openEach } from '../../party/open.ts';
import type { Party } from '../../party/party.ts';
import { inChunks, type Stage, step } from '../../party/steps.ts';

/** The comparisons of a level, from the tree's top down. */
export interface Branching<Bit> {
  readonly bit: Bit;
  readonly count: number;
}

/** P0, P1: what has come down, and the opening of it, which sends one message under a lane of its own. Asked for once. */
export interface Routed {
  readonly share: BigUint64Array;
  readonly open: (lane: Party) => Promise<Masked>;
}

/** P2: the mask of that opening, asked for once, and the end of its deals. */
export interface HelperRouted {
  readonly mask: (lane: Party) => Promise<HelperMask>;
  readonly done: Promise<void>;
}

/** P0, P1: at least one level. */
export async function workers(party: Party, levels: readonly Branching<WorkerSign>[], delta: Masked): Promise<Routed> {
  let length = delta.opened.length;
  const arrays = [0, 1, 2].map(() => fresh(lengthAfter(length, levels)));
  const [share, opened, mask] = arrays;
  await party.slices(length, (from, to) => {
    const [E, U] = [delta.opened.subarray(from, to), delta.mask.subarray(from, to)];
    opened.set(E, from);
    mask.set(U, from);
    if (party.worker === 0) z64.add(E, U, share.subarray(from, to));
    else share.set(U, from);
  });
  for (const [i, { bit, count }] of levels.entries()) {
    const level = party.fork(`${i}`);
    for (const array of arrays) moveOn(array, count, length);
    length += count;
    await select(level, bit, share, opened, count);
    if (i < levels.length - 1) await openLeft(level, share, opened, mask, count);
    party.join(level);
  }
  const { count } = levels[levels.length - 1];
  const open = async (lane: Party): Promise<Masked> => {
    await openLeft(lane, share, opened, mask, count);
    return new Masked(party.worker, opened, mask);
  };
  return { share, open };
}

/** P2. `U` is the mask of the error at the top. */
export function helper(party: Party, levels: readonly Branching<Uint8Array>[], U: Promise<HelperMask>): HelperRouted {
  const { count } = levels[levels.length - 1];
  const selected = later(
    (async () => {
      const top = await U;
      let { length } = top.shares[0];
      const [U0, U1] = top.shares.map(() => fresh(lengthAfter(length, levels)));
      await party.slices(length, (from, to) => {
        U0.set(top.shares[0].subarray(from, to), from);
        U1.set(top.shares[1].subarray(from, to), from);
      });
      const masks = [U0, U1] as const;
      for (const [i, { bit, count }] of levels.entries()) {
        const level = party.fork(`${i}`);
        for (const share of masks) moveOn(share, count, length);
        length += count;
        await helperSelect(level, bit, masks);
        if (i < levels.length - 1) await helperLeft(level, masks, count);
      }
      return masks;
    })(),
  );
  return {
    mask: async (lane) => {
      const masks = await selected;
      await helperLeft(lane, masks, count);
      return new HelperMask(...masks);
    },
    done: selected.then(() => undefined),
  };
}

function lengthAfter(length: number, levels: readonly Branching<unknown>[]): number {
  return levels.reduce((sum, { count }) => sum + count, length);
}

/** What waits behind the `count` first of `length` values makes room for as many. */
function moveOn(values: BigUint64Array, count: number, length: number): void {
  if (count < length) values.copyWithin(2 * count, count, length);
}

/** Some of the left halves, from `from` on, take the place of the w that they split; w less these is behind them all. Gives `left` back. */
function place(values: BigUint64Array, count: number, from: number, left: BigUint64Array): void {
  const w = values.subarray(from, from + left.length);
  z64.sub(w, left, values.subarray(count + from, count + from + left.length));
  w.set(left);
  release(left);
}

/** P0, P1: the left halves are masked and opened, and the right ones with them. */
async function openLeft(
  lane: Party,
  share: BigUint64Array,
  opened: BigUint64Array,
  mask: BigUint64Array,
  count: number,
): Promise<void> {
  const drawn = lane.stream('P2', 'U');
  await lane.slices(count, (from, to) => place(mask, count, from, drawn.z64(to - from)));
  const less = (from: number, to: number): BigUint64Array => z64.sub(share.subarray(from, to), mask.subarray(from, to));
  await openEach(lane, 'E', count, less, (E, from) => place(opened, count, from, E));
}

/** P2: the masks of that. */
async function helperLeft(lane: Party, masks: readonly [BigUint64Array, BigUint64Array], count: number): Promise<void> {
  const streams = [lane.stream('P0', 'U'), lane.stream('P1', 'U')];
  for (const [j, drawn] of streams.entries())
    await lane.slices(count, (from, to) => place(masks[j], count, from, drawn.z64(to - from)));
}

/** P0, P1: ⟨DReLU · w⟩ and what is left of ⟨w⟩, from ⟨w⟩ and E_w. */
async function select(
  level: Party,
  { t, q }: WorkerSign,
  share: BigUint64Array,
  opened: BigUint64Array,
  count: number,
): Promise<void> {
  await level.chunks(count, async (chunk, from, to) => {
    const qMask = await dealtZ64(chunk, 'qU', to - from);
    const job = { t: t.subarray(from, to), opened: opened.subarray(from, to), q: q.subarray(from, to), qMask };
    const [w, right] = [share.subarray(from, to), share.subarray(count + from, count + to)];
    const left = chunk.compute.select(job, w, right);
    z64.sub(w, left, right);
    z64.sub(w, right, w); // the left half
    release(qMask);
  });
}

/** P2: the select's mask is −U, as E = w + (−U), of the first values of what it splits. */
async function helperSelect(
  level: Party,
  q: Uint8Array,
  masks: readonly [BigUint64Array, BigUint64Array],
): Promise<void> {
  await level.chunks(q.length, async (chunk, from, to) => {
    const U = masks.map((share) => share.subarray(from, to));
    const mask = z64.combine(U, [-1n, -1n]);
    const sent = dealSelected(chunk, 'qU', q.subarray(from, to), mask);
    release(mask);
    await sent;
  });
}

/** Of routing an error over `columns` windows that is not opened yet, without the opening of what comes out. `counts`: from the top. */
export function cost(counts: readonly number[], columns: number): Cost {
  const levels = counts.map((count, i) =>
    inSequence({ rounds: 0, bytes: 8 * count }, i < counts.length - 1 ? openCost(count) : { rounds: 0, bytes: 0 }),
  );
  return inSequence(openCost(columns), ...levels);
}

/** Of one level: a level but the last opens its left half, too. */
export function stages(): Stage[] {
  return inChunks((n) => [step('ahead', [':qU', 8 * n])]);
}
