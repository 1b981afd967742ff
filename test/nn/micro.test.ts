/** Single operations cost what their protocols declare, beyond what they need before. */
import { expect, it } from 'vitest';
import { type Cost, inSequence } from '../../src/party/cost.ts';
import { createCostModel } from '../../src/engine/costModel.ts';
import { treeCost, treeRouteCost } from '../../src/functions/maxpoolTree.ts';
import { createSecureEngine } from '../../src/engine/secure.ts';
import { prepare, type MicroOperation } from '../../src/nn/micro.ts';
import { simulate } from '../simulate.ts';
import { DIRECT } from './tiny.ts';

const model = createCostModel(DIRECT);
const image = { height: 6, width: 6, channels: 3, window: 2 } as const;

async function costOf(operation: MicroOperation, measured: boolean): Promise<Cost> {
  const { bytes, rounds } = await simulate(async (party) => {
    const engine = createSecureEngine(party, { ...DIRECT, reveal: () => Promise.resolve() });
    const run = await engine.scope('before', (before) => prepare(before, operation));
    if (measured) await engine.scope('measured', run);
    await engine.settle();
  });
  return { bytes, rounds };
}

it.each<[string, MicroOperation, Cost]>([
  ['matmul', { kind: 'matmul', m: 3, n: 5, v: 2 }, inSequence(model.product(25), model.part(6))],
  [
    'conv2d',
    { kind: 'conv2d', size: 6, kernel: 3, channels: 2, filters: 4 },
    inSequence(model.product(72 + 72), model.part(64)),
  ],
  ['relu', { kind: 'relu', count: 50, kept: false }, model.relu(50)],
  ['relu with a kept bit', { kind: 'relu', count: 50, kept: true }, model.select(50)],
  ['maxpool', { kind: 'maxpool', ...image, derivative: false }, treeCost(model, 4, 27, 0)],
  ['its derivative', { kind: 'maxpool', ...image, derivative: true }, treeRouteCost(4, 27)],
])('%s', async (_, operation, cost) => {
  const [before, all] = [await costOf(operation, false), await costOf(operation, true)];
  expect({ rounds: all.rounds - before.rounds, bytes: all.bytes - before.bytes }).toEqual(cost);
});
