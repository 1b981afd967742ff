/**
 * ReLU (Alg. 7), paper suite: DReLU(a) · a, by SelectShare between 0 and a. The opening of DReLU(a) is kept: the backward pass
 * multiplies the error by the same bit. SelectShare's other operand, a, is opened while DReLU runs.
 * Cost: DReLU + 1 round for its opening; the bytes of both openings and of SelectShare's product.
 */
import * as beaver from './beaver.ts';
import { type Cost, inSequence } from '../../party/cost.ts';
import * as drelu from './drelu.ts';
import { later } from '../../party/later.ts';
import { openCost } from '../../party/open.ts';
import type { Party, Security } from '../../party/party.ts';
import * as selectShare from './selectShare.ts';
import { atOnce, inBlocks, type Stage, step } from '../../party/steps.ts';

/** P0, P1: ⟨ReLU(a)⟩, and DReLU(a) as a masked operand. */
export async function workers(party: Party, a: BigUint64Array): Promise<{ y: BigUint64Array; alpha: beaver.Masked }> {
  const select = party.fork('select');
  const [bit, masked] = await Promise.all([
    party.under('drelu', (child) => drelu.workers(child, a)),
    ...party.meanwhile(() => beaver.workersMask(select, a)),
  ]);
  const alpha = await beaver.workersMask(party, bit);
  const y = await selectShare.selected(select, alpha, masked);
  party.join(select);
  select.over();
  return { y, alpha };
}

/** P2: the mask of DReLU(a). */
export interface HelperBits {
  readonly count: number;
  readonly U: Promise<BigUint64Array>;
}

/** P2: of `count` values. */
export function helperBits(party: Party, count: number): HelperBits {
  return { count, U: later(beaver.maskOf(party, count)) };
}

/** P2, with that mask. */
export async function helper(party: Party, bits: HelperBits): Promise<void> {
  await Promise.all([
    party.under('drelu', (child) => drelu.helper(child, bits.count)),
    party.under('select', (child) => helperSelect(child, bits)),
  ]);
}

/** P0, P1: ⟨DReLU(a) · δ⟩. */
export function workersSelect(party: Party, alpha: beaver.Masked, delta: BigUint64Array): Promise<BigUint64Array> {
  return selectShare.workers(party, alpha, delta);
}

/** P2. */
export async function helperSelect(party: Party, { U }: HelperBits): Promise<void> {
  await selectShare.helper(party, await U);
}

export function cost(count: number, chunk: number, security: Security): Cost {
  const select = selectShare.cost(count);
  return inSequence(drelu.cost(count, chunk, security), openCost(count), { rounds: 0, bytes: select.bytes });
}

export function stages(security: Security): Stage[] {
  return [
    drelu.stage('/drelu', security),
    atOnce((n) => [
      step('exchange', ...inBlocks(':E', n), ...inBlocks('/select:E', n)),
      step('ahead', ...inBlocks('/select:Z', n)),
    ]),
  ];
}

export function selectStages(): Stage[] {
  return [atOnce((n) => selectShare.steps(n))];
}
