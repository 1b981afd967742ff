/**
 * SelectShare (Alg. 2): ⟨x⟩ where α = 0, ⟨y⟩ where α = 1, with α shared over Z_{2^64}: x + α(y − x), one Beaver product.
 * Cost: 1 round, 16·2n + 8n bytes. The opening of α may be reused (`alpha` is a masked operand).
 */
import * as z64 from '../ring/z64.ts';
import * as beaver from './beaver.ts';
import { elementwise } from './bilinear.ts';
import type { Cost } from './cost.ts';
import type { Party } from './party.ts';
import { type Step, step } from './steps.ts';

/** P0, P1. */
export async function workers(
  party: Party,
  alpha: beaver.Masked,
  x: BigUint64Array,
  y: BigUint64Array,
): Promise<BigUint64Array> {
  const difference = await beaver.workersMask(party, z64.sub(y, x));
  const n = x.length;
  const product = await beaver.workers(party, elementwise([n], [n]), alpha, difference);
  return z64.add(x, await beaver.dealtPart(party, product));
}

/** P2: U is the mask of α. */
export async function helper(party: Party, U: BigUint64Array): Promise<void> {
  const n = U.length;
  await beaver.dealPart(party, await beaver.helper(party, elementwise([n], [n]), U, beaver.helperMask(party, n)));
}

/** With α already opened. */
export function cost(count: number): Cost {
  return { rounds: 1, bytes: 24 * count };
}

export function steps(n: number): Step[] {
  return [step('exchange', [':E', 8 * n]), step('ahead', [':Z', 8 * n])];
}
