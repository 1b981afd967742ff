/**
 * The derivative of the tree's maximum (`maxpoolTree.ts`, in the place of Alg. 10): an error goes down the tree with the bits kept on the way
 * up. At each level w, the error at the winners, splits into left = DReLU · w and right = w − left; what waited stays.
 *
 * w is opened as E_w = w − U_w, once, by the mask it has as an operand of products (`beaver.ts`):  ⟨left⟩ = t⟨w⟩ + (1 − 2t)⟨q·w⟩ with
 * ⟨q·w⟩ = E_w⟨q⟩ + ⟨q·U_w⟩, P2 dealing ⟨q·U_w⟩ ahead. left is opened with a fresh mask, and right with it: E_right = E_w − E_left is right
 * under the mask U_right = U_w − U_left, which P2 knows. So a level opens as many values as it compared, and what comes out at the bottom is
 * open for the products of the layer before but for its last left half, which is opened when the first of them asks.
 *
 * Views: E_w and E_left are uniform under fresh masks; E_right is a function of the two and tells nothing more. P2 sees nothing.
 * Cost: 1 round a level but the last, and the opening of w; 8 bytes a comparison dealt, 16 opened.
 */
import { release } from '../../ring/release.ts';
import * as z64 from '../../ring/z64.ts';
import { HelperMask, helperMask, Masked, workersMask } from '../paper/beaver.ts';
import { type Cost, inSequence } from '../../party/cost.ts';
import { dealtZ64 } from '../../party/deal.ts';
import { dealSelected, type WorkerSign } from './directRelu.ts';
import { later } from '../../party/later.ts';
import { openCost } from '../../party/open.ts';
import type { Party } from '../../party/party.ts';
import { inChunks, type Stage, step } from '../../party/steps.ts';

/** The comparisons of a level, from the tree's top down. */
export interface Branching<Bit> {
  readonly bit: Bit;
  readonly count: number;
}

/** P0, P1: what has come down, and the opening of it, which sends one message under a lane of its own. */
export interface Routed {
  readonly share: BigUint64Array;
  readonly open: (lane: Party) => Promise<Masked>;
}

/** P2: the mask of that opening, and the end of its deals. */
export interface HelperRouted {
  readonly mask: (lane: Party) => Promise<HelperMask>;
  readonly done: Promise<void>;
}

/** P0, P1: at least one level. */
export async function workers(party: Party, levels: readonly Branching<WorkerSign>[], delta: Masked): Promise<Routed> {
  let { opened, mask } = delta;
  let share = await delta.shared(party);
  for (const [i, { bit, count }] of levels.slice(0, -1).entries()) {
    const level = party.fork(`${i}`);
    const left = await select(level, bit, share.subarray(0, count), opened.subarray(0, count));
    const masked = await workersMask(level, left);
    share = await spread(level, left, share);
    opened = await spread(level, masked.opened, opened);
    mask = await spread(level, masked.mask, mask);
    party.join(level);
  }
  const { bit, count } = levels[levels.length - 1];
  const last = party.fork(`${levels.length - 1}`);
  const left = await select(last, bit, share.subarray(0, count), opened.subarray(0, count));
  party.join(last);
  const open = async (lane: Party): Promise<Masked> => {
    const masked = await workersMask(lane, left);
    const whole = await spread(lane, masked.opened, opened);
    return new Masked(party.worker, whole, await spread(lane, masked.mask, mask));
  };
  return { share: await spread(last, left, share), open };
}

/** P2. `U` is the mask of the error at the top. */
export function helper(party: Party, levels: readonly Branching<Uint8Array>[], U: Promise<HelperMask>): HelperRouted {
  const last = levels.length - 1;
  /** What the last level splits. */
  const above = later(
    (async () => {
      let current = await U;
      for (const [i, { bit, count }] of levels.slice(0, last).entries()) {
        const level = party.fork(`${i}`);
        await helperSelect(level, bit, current);
        current = await spreadMask(level, await helperMask(level, count), current);
      }
      return current;
    })(),
  );
  const { bit, count } = levels[last];
  return {
    mask: async (lane) => spreadMask(lane, await helperMask(lane, count), await above),
    done: above.then((current) => helperSelect(party.fork(`${last}`), bit, current)),
  };
}

async function spreadMask(party: Party, left: HelperMask, whole: HelperMask): Promise<HelperMask> {
  const first = await spread(party, left.shares[0], whole.shares[0]);
  return new HelperMask(first, await spread(party, left.shares[1], whole.shares[1]));
}

/** left, then w − left, then what waited: on shares, openings and masks alike. */
async function spread(party: Party, left: BigUint64Array, whole: BigUint64Array): Promise<BigUint64Array> {
  const count = left.length;
  const out = new BigUint64Array(whole.length + count);
  await party.slices(count, (from, to) => {
    const won = left.subarray(from, to);
    out.set(won, from);
    out.set(whole.subarray(from, to), count + from);
    z64.decrease(out.subarray(count + from, count + to), won);
  });
  out.set(whole.subarray(count), 2 * count);
  return out;
}

/** P0, P1: ⟨DReLU · w⟩ from ⟨w⟩ and E_w. */
async function select(
  level: Party,
  { t, q }: WorkerSign,
  w: BigUint64Array,
  E: BigUint64Array,
): Promise<BigUint64Array> {
  const left = new BigUint64Array(w.length);
  await level.chunks(w.length, async (chunk, from, to) => {
    const qMask = await dealtZ64(chunk, 'qU', to - from);
    const job = { t: t.subarray(from, to), opened: E.subarray(from, to), q: q.subarray(from, to), qMask };
    chunk.compute.select(job, w.subarray(from, to), left.subarray(from, to));
    release(qMask);
  });
  return left;
}

/** P2: the select's mask is −U, as E = w + (−U), of the first values of what it splits. */
async function helperSelect(level: Party, q: Uint8Array, whole: HelperMask): Promise<void> {
  const U = await whole.sum(level);
  await level.chunks(q.length, async (chunk, from, to) => {
    const mask = z64.negate(U.subarray(from, to));
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
