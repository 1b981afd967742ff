/**
 * SelectShare (Alg. 2) between 0 and y: ⟨y⟩ where α = 1, with α shared over Z_{2^64}, one Beaver product α·y. In print x + α(y − x): between x and y.
 * Cost: 1 round, 16·2n + 8n bytes. The opening of α may be reused (`alpha` is a masked operand).
 */
import * as z64 from '../../ring/z64.ts';
import * as beaver from './beaver.ts';
import { elementwise } from './bilinear.ts';
import type { Cost } from '../../party/cost.ts';
import type { Party } from '../../party/party.ts';
import { inBlocks, type Step, step } from '../../party/steps.ts';

/** P0, P1. */
export async function workers(party: Party, alpha: beaver.Masked, y: BigUint64Array): Promise<BigUint64Array> {
  return selected(party, alpha, await beaver.workersMask(party, y));
}

/** P0, P1: with y opened, too. */
export async function selected(party: Party, alpha: beaver.Masked, y: beaver.Masked): Promise<BigUint64Array> {
  const shape = [y.opened.length];
  return beaver.dealtPart(party, await beaver.workers(party, elementwise(shape, shape), alpha, y));
}

/** P2: U is the mask of α. */
export async function helper(party: Party, U: BigUint64Array): Promise<void> {
  const V = await beaver.maskOf(party, U.length);
  await beaver.dealPart(party, z64.multiply(U, V));
}

/** With α already opened. */
export function cost(count: number): Cost {
  return { rounds: 1, bytes: 24 * count };
}

export function steps(n: number): Step[] {
  return [step('exchange', ...inBlocks(':E', n)), step('ahead', ...inBlocks(':Z', n))];
}
