/**
 * DReLU (Alg. 6), paper suite: [a ≥ 0] = 1 − MSB(ShareConvert(2a)) in shares over Z_{2^64}, for |a| < 2^62.
 * 2a is even, so it is never L − 1, the one value that ShareConvert excludes; MSB(2a) is bit 62 of a, its sign.
 * Cost: ShareConvert + ComputeMSB.
 */
import * as z64 from '../../ring/z64.ts';
import * as computeMsb from './computeMsb.ts';
import { chunked, type Cost, inSequence } from '../../party/cost.ts';
import type { Party, Security } from '../../party/party.ts';
import * as shareConvert from './shareConvert.ts';
import { below, type Stage, type Step } from '../../party/steps.ts';

/** P0, P1. */
export async function workers(party: Party, a: BigUint64Array): Promise<BigUint64Array> {
  const out = new BigUint64Array(a.length);
  await party.chunks(a.length, async (chunk, from, to) => {
    const share = a.subarray(from, to);
    const converted = await chunk.under('convert', (child) => shareConvert.workers(child, z64.add(share, share)));
    const msb = await chunk.under('msb', (child) => computeMsb.workers(child, converted));
    const one = new BigUint64Array(to - from).fill(chunk.worker === 0 ? 1n : 0n);
    out.set(z64.subtractFrom(one, msb), from);
  });
  return out;
}

/** P2. */
export async function helper(party: Party, count: number): Promise<void> {
  await party.chunks(count, async (chunk, from, to) => {
    await Promise.all([
      chunk.under('convert', (child) => shareConvert.helper(child, to - from)),
      chunk.under('msb', (child) => computeMsb.helper(child, to - from)),
    ]);
  });
}

export function cost(count: number, chunk: number, security: Security): Cost {
  return chunked(count, chunk, (n) => inSequence(shareConvert.cost(n, security), computeMsb.cost(n, security)));
}

export function stage(path: string, security: Security): Stage {
  const steps = (n: number): Step[] => [
    ...below('/convert', shareConvert.steps(n, security)),
    ...below('/msb', computeMsb.steps(n, security)),
  ];
  return { path, chunked: true, steps };
}
