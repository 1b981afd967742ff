/**
 * The counting engine against runs: for whole trainings and inferences in both suites, messages, payload bytes and frame bytes of every
 * link, and online rounds, to the last one.
 */
import { describe, expect, it } from 'vitest';
import { infer } from '../../src/nn/infer.ts';
import { initialValues } from '../../src/nn/initial.ts';
import { classCount, inputSize, parameters, type Network } from '../../src/nn/network.ts';
import { train, type TrainOptions } from '../../src/nn/train.ts';
import { createCountingEngine } from '../../src/engine/counting.ts';
import type { Engine, Value } from '../../src/engine/engine.ts';
import { held } from '../../src/engine/ownedInput.ts';
import { createSecureEngine } from '../../src/engine/secure.ts';
import { encode } from '../../src/ring/fixed.ts';
import { sizeOf, type Shape } from '../../src/ring/shape.ts';
import { DIRECT, OPTIONS, PAPER, TINY, type TinySetting } from '../nn/tiny.ts';
import { type OwnedParts, ownedParts } from '../owned.ts';
import { simulate } from '../simulate.ts';

const CONV: Network = {
  name: 'conv',
  input: [9, 9, 1],
  layers: [
    { type: 'conv2d', filters: 3, kernel: 2 },
    { type: 'relu' },
    { type: 'maxpool', window: 2 },
    { type: 'conv2d', filters: 2, kernel: 3, padding: 1, stride: 2 },
    { type: 'relu' },
    { type: 'averagepool', window: 2 },
    { type: 'flatten' },
    { type: 'dense', units: 3 },
  ],
};

const GRAPH: Network = {
  name: 'graph',
  input: [6, 5, 1],
  layers: [
    { type: 'conv2d', filters: 2, kernel: 3, padding: [1, 1, 0, 1], name: 'stem' },
    { type: 'relu', name: 'shared' },
    { type: 'conv2d', filters: 2, kernel: 2, stride: [2, 1], name: 'long' },
    { type: 'averagepool', window: 2, stride: [2, 1], from: 'shared', name: 'short' },
    { type: 'add', from: ['long', 'short'] },
    { type: 'relu', name: 'sum' },
    { type: 'maxpool', window: 3, stride: 1, padding: [1, 1], from: 'sum', name: 'most' },
    { type: 'concat', from: ['most', 'sum'] },
    { type: 'globalaveragepool' },
    { type: 'dense', units: 3 },
  ],
};

/** The layers whose statistics, masks and comparisons are their own. */
const NORMED: Network = {
  name: 'normed',
  input: [9, 9, 1],
  layers: [
    { type: 'conv2d', filters: 3, kernel: 2 },
    { type: 'batchnorm' },
    { type: 'relu' },
    { type: 'maxpool', window: 2 },
    { type: 'conv2d', filters: 2, kernel: 3, padding: 1, stride: 2 },
    { type: 'leakyrelu' },
    { type: 'batchnorm', epsilon: 0.01 },
    { type: 'relu6' },
    { type: 'flatten' },
    { type: 'dropout', rate: 0.3 },
    { type: 'dense', units: 6 },
    { type: 'tanh' },
    { type: 'dense', units: 5 },
    { type: 'sigmoid' },
    { type: 'dense', units: 3 },
  ],
};

const SAMPLES = 12;

interface Counted {
  readonly rounds: number;
  /** Of every link in the order P0 → P1, P0 → P2, P1 → P0, … */
  readonly links: readonly (readonly [messages: number, payload: number, frames: number])[];
}

type Script = (
  engine: Engine,
  input: (name: string, shape: Shape, bits: number, kind: 'rows' | 'model') => Value,
) => Promise<void>;

/** Values are any numbers: what is sent does not depend on them; weights are small enough for every range. */
async function measured(setting: TinySetting, chunk: number, script: Script): Promise<Counted> {
  const inputs = new Map<string, OwnedParts>();
  const input = (name: string, shape: Shape, bits: number): OwnedParts => {
    const parts =
      inputs.get(name) ?? ownedParts(encode(initialValues({ name, shape, initial: { fanIn: 100 } }, 1), bits));
    inputs.set(name, parts);
    return parts;
  };
  const { sent, rounds } = await simulate(
    async (party) => {
      const engine = createSecureEngine(party, { ...setting, reveal: () => Promise.resolve() });
      await script(engine, (name, shape, bits, kind) => {
        const mine = input(name, shape, bits)[party.id];
        if (kind === 'rows') return engine.dataset(name, shape, bits, mine);
        const { data, opening } = held(party.id, mine, sizeOf(shape));
        return engine.input(name, shape, bits, data, opening);
      });
      await engine.settle();
    },
    { chunk, ...(setting.security === undefined ? {} : { security: setting.security }) },
  );
  const names = ['P0', 'P1', 'P2'] as const;
  const links = names.flatMap((from, i) =>
    names
      .filter((to) => to !== from)
      .map((to) => {
        const { messages, payloadBytes, frameBytes } = sent[i].get(to)!;
        return [messages, payloadBytes, frameBytes] as const;
      }),
  );
  return { rounds, links };
}

async function counted(setting: TinySetting, chunk: number, script: Script): Promise<Counted> {
  const engine = createCountingEngine({ ...setting, chunk });
  await script(engine, (name, shape, bits, kind) =>
    kind === 'rows' ? engine.dataset(name, shape, bits) : engine.input(name, shape, bits, true),
  );
  const links = engine.traffic.links.flatMap((to, i) =>
    to
      .filter((_, j) => j !== i)
      .map(({ messages, payloadBytes, frameBytes }) => [messages, payloadBytes, frameBytes] as const),
  );
  return { rounds: engine.rounds, links };
}

function training(network: Network, options: Partial<TrainOptions>, fractionBits: number): Script {
  return async (engine, input) => {
    const [pixels, classes] = [inputSize(network), classCount(network)];
    const images = input('images', [SAMPLES, pixels], fractionBits, 'rows');
    const labels = input('labels', [SAMPLES, classes], 0, 'rows');
    const data = { images, labels, testImages: images, testLabels: labels };
    await train(engine, network, data, { ...OPTIONS, ...options }, () => undefined);
  };
}

function inference(network: Network, fractionBits: number): Script {
  return async (engine, input) => {
    const model = new Map(
      parameters(network).map(({ name, shape }) => [name, input(`model/${name}`, shape, fractionBits, 'model')]),
    );
    const images = input('images', [SAMPLES, inputSize(network)], fractionBits, 'rows');
    for (let batch = 0; batch < 2; batch++) {
      const rows = Array.from({ length: 5 }, (_, i) => 5 * batch + i);
      await engine.scope(`batch/${batch}`, async (scope) => {
        await scope.reveal(`${batch}`, await infer(scope, network, model, scope.rows(images, rows)));
      });
    }
  };
}

const DEALT_PAPER: TinySetting = { ...PAPER, truncation: 'dealt', fractionBits: 16 };
const PRIVATE: TinySetting = { ...DIRECT, security: 'private' };

describe.each([
  ['direct suite', DIRECT, 16384],
  ['direct suite, many chunks', DIRECT, 50],
  ['paper suite', PAPER, 16384],
  ['paper suite, dealt truncation, many chunks', DEALT_PAPER, 50],
] as const)('%s', (_, setting, chunk) => {
  const f = setting.fractionBits;
  it.each<[string, Script]>([
    ['training of dense layers', training(TINY, { steps: 4 }, f)],
    [
      'training with asm, without momentum, nothing shown',
      training(TINY, { loss: 'asm', momentum: 0, showLoss: false }, f),
    ],
    ['training of convolutions and pooling, 12 steps', training(CONV, { steps: 12, batch: 5, epochs: undefined }, f)],
    ['training of a graph', training(GRAPH, { steps: 2, batch: 5, epochs: undefined }, f)],
    ['inference', inference(CONV, f)],
    ['inference of a graph', inference(GRAPH, f)],
  ])('%s', async (_name, script) => {
    expect(await counted(setting, chunk, script)).toEqual(await measured(setting, chunk, script));
  });
});

describe.each([
  ['in one chunk', 16384],
  ['in many chunks', 50],
] as const)('few values compared by functions, %s', (_, chunk) => {
  it.each<[string, Script]>([
    ['inference', inference(CONV, 16)],
    ['inference of a graph', inference(GRAPH, 16)],
  ])('%s', async (_name, script) => {
    const [all, some] = [16384, 120].map((few) => ({ ...DIRECT, few }));
    const [byFunctions, byBoth] = [await counted(all, chunk, script), await counted(some, chunk, script)];
    expect(byFunctions).toEqual(await measured(all, chunk, script));
    expect(byBoth).toEqual(await measured(some, chunk, script));
    // P0 → P2 and P1 → P2.
    for (const link of [1, 3]) expect(byFunctions.links[link]).toEqual([0, 0, 0]);
    expect(byBoth.links[1][0]).toBeGreaterThan(0);
    expect(byBoth.rounds).toBeGreaterThan(byFunctions.rounds);
  });
});

it('rows added to values, and their products', async () => {
  const script: Script = async (engine, input) => {
    const x = await engine.truncate(input('x', [40, 6], 20, 'model'), 4);
    const row = await engine.truncateOperand(input('row', [1, 6], 26, 'model'), 10);
    const sum = engine.addRow(x, row);
    const products = engine.add(await engine.mul(sum, row), await engine.mul(sum, x));
    const dots = await engine.columnDots(sum, sum, 3);
    const other = await engine.truncateOperand(input('other', [1, 6], 24, 'model'), 8);
    const kept = await engine.operand(engine.addRow(x, other));
    await engine.reveal('kept', await engine.mul(kept, row, { doubled: true }));
    const all = engine.concatRows([engine.extend(products, 1), dots]);
    await engine.reveal('rows', engine.keep(all, new Uint8Array(43 * 6)));
  };
  expect(await counted(DIRECT, 50, script)).toEqual(await measured(DIRECT, 50, script));
});

describe('proved codes', () => {
  it.each<[string, TinySetting, number, Script]>([
    ['training', PRIVATE, 16384, training(CONV, { steps: 2, batch: 5, epochs: undefined }, 16)],
    ['training, many chunks', PRIVATE, 50, training(CONV, { steps: 2, batch: 5, epochs: undefined }, 16)],
    ['inference', PRIVATE, 16384, inference(CONV, 16)],
    ['inference, paper suite', { ...PAPER, security: 'private' }, 50, inference(TINY, PAPER.fractionBits)],
  ])('%s', async (_, setting, chunk, script) => {
    expect(await counted(setting, chunk, script)).toEqual(await measured(setting, chunk, script));
  });
});

describe.each([
  ['direct suite', DIRECT, 16384],
  ['direct suite, many chunks', DIRECT, 50],
  ['paper suite, dealt truncation', DEALT_PAPER, 16384],
] as const)('layers with statistics, %s', (_, setting, chunk) => {
  it.each<[string, Script]>([
    ['training', training(NORMED, { steps: 2 }, setting.fractionBits)],
    ['inference', inference(NORMED, setting.fractionBits)],
  ])('%s', async (_name, script) => {
    expect(await counted(setting, chunk, script)).toEqual(await measured(setting, chunk, script));
  });
});

it.each(['adam', 'amsgrad'] as const)('training with %s', async (optimizer) => {
  const script = training(TINY, { optimizer, steps: 3, learningRate: 2 ** -10 }, 16);
  expect(await counted(DIRECT, 16384, script)).toEqual(await measured(DIRECT, 16384, script));
});

describe('bad use', () => {
  const engine = createCountingEngine(DIRECT);
  it('is refused as by the engine that runs', () => {
    const x = engine.input('x', [2, 3], 16);
    expect(() => engine.rows(x, [0])).toThrow('rows: not a data set');
    expect(() => engine.rows(engine.dataset('d', [2, 3], 16), [2])).toThrow('row 2 of a data set with 2');
    expect(() => engine.matmul(x, x)).toThrow(/inner dimensions differ/);
    expect(() => engine.truncate(x, 0)).toThrow(/expected 1 … 61/);
    expect(() => createCountingEngine({ ...DIRECT, compareBits: 62 })).toThrow(/comparison window of 62 bits/);
  });
});
