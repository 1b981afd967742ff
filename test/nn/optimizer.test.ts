/** Adam and AMSGrad against double precision, in the clear and in three parties; the schedule of learning rates. */
import { describe, expect, it } from 'vitest';
import type { CostOptions } from '../../src/engine/costModel.ts';
import { createCountingEngine } from '../../src/engine/counting.ts';
import type { Engine } from '../../src/engine/engine.ts';
import { droppedBits, MOST_BITS, type OptimizerName, OPTIMIZERS, type State, update } from '../../src/nn/optimizer.ts';
import { firstIdleStep, type IdleStep, learningRateAt, type TrainOptions } from '../../src/nn/train.ts';
import { decode } from '../../src/ring/fixed.ts';
import { testRandom } from '../reference.ts';
import { type Input, numbers, plain, type Script, secure, SETTINGS } from '../twins.ts';
import { DIRECT, OPTIONS, type TinyResult, trainPlain, trainSecure } from './tiny.ts';

const COUNT = 28;
const STEPS = 5;
const BATCH = 100;
const RATE = 2 ** -6;
const ADAPTIVE: readonly OptimizerName[] = ['adam', 'amsgrad'];

/** Mean gradients of magnitudes 1e-5 … 10, of both signs, whose size changes from step to step; the last weight's are all 0. */
const random = testRandom(11);
const scales = Array.from({ length: COUNT }, (_, i) => (i === COUNT - 1 ? 0 : 10 ** (-5 + (6 * i) / (COUNT - 2))));
const gradients = Array.from({ length: STEPS }, (_, t) =>
  scales.map((scale) => scale * (random() < 0.5 ? -1 : 1) * (t === 1 ? 1 : 0.2 + 0.6 * random())),
);

/** Adam in double precision, as written in optimizer.ts: what each weight has moved by, in units of the rate. */
function reference(optimizer: OptimizerName, h: number): number[] {
  const [b1, b2, epsilon] = [922 / 1024, 1023 / 1024, 2 ** (2 - h)];
  return scales.map((_, i) => {
    let [m, v, maximum, w] = [0, 0, 0, 0];
    gradients.forEach((row, k) => {
      const g = (row[i] * BATCH) / 128; // the sum over the batch's next power of two
      m = b1 * m + (1 - b1) * g;
      v = b2 * v + (1 - b2) * g * g;
      maximum = optimizer === 'amsgrad' ? Math.max(maximum, v) : v;
      const rate = Math.sqrt(1 - b2 ** (k + 1)) / (1 - b1 ** (k + 1));
      w -= (rate * m) / Math.sqrt(maximum + epsilon ** 2);
    });
    return w;
  });
}

/** The same with update, on any engine. */
function script(optimizer: OptimizerName): Script {
  return async (engine, ...inputs) => {
    const state: State = new Map([['w', engine.constant([4, COUNT / 4], new Float64Array(COUNT))]]);
    for (const [i, gradient] of inputs.entries()) {
      const options = { optimizer, learningRate: RATE, momentum: 0.9, batch: BATCH, step: i + 1 };
      await engine.scope(`step/${i}`, (fork) => update(fork, 'w', gradient, state, options));
    }
    const remembered = [...state.keys()].filter((name) => name !== 'w').sort();
    expect(remembered).toEqual(['first/w', ...(optimizer === 'amsgrad' ? ['maximum/w'] : []), 'second/w']);
    return state.get('w')!;
  };
}

describe.each(SETTINGS.map((setting) => ({ ...setting, truncation: 'dealt' as const })))(
  'Adam and AMSGrad, $suite suite, f = $fractionBits',
  (setting) => {
    const f = setting.fractionBits;
    const h = Math.min(f + 5, 21);
    const inputs: Input[] = gradients.map((row) => ({
      shape: [4, COUNT / 4],
      numbers: row.map((g) => g * BATCH),
      fractionBits: 2 * f,
    }));

    it.each(ADAPTIVE)('%s moves every weight as in double precision', async (optimizer) => {
      const expected = reference(optimizer, h);
      for (const run of [plain, secure]) {
        const moved = await run(setting, inputs, script(optimizer));
        moved.numbers.forEach((w, i) => {
          // One ulp a step; the inverse root; g and v in ulps, which weigh most where g is small
          const small = (0.2 * 2 ** -h) / Math.hypot(scales[i] / 32, 2 ** (2 - h));
          const tolerance = STEPS * (2 ** -f + RATE * (1e-3 + small));
          expect(Math.abs(w - RATE * expected[i]), `${run.name}, gradients of ${scales[i]}`).toBeLessThan(tolerance);
        });
        expect(moved.numbers[COUNT - 1]).toBe(0);
      }
    });

    it('AMSGrad keeps the largest second moment there was', async () => {
      // Large once; large later; growing; none
      const series = Array.from({ length: 8 }, (_, t) => [t === 0 ? 0.5 : 0, t === 4 ? 10 : 1e-3, 1e-4 * (t + 1), 0]);
      const inputs = series.map((row) => ({ shape: [1, 4], numbers: row, fractionBits: 2 * f }));
      const v = [0, 0, 0, 0];
      const largest = [0, 0, 0, 0];
      for (const row of series) {
        row.forEach((g, i) => (v[i] = (1023 * v[i] + g * g) / 1024));
        v.forEach((x, i) => (largest[i] = Math.max(largest[i], x)));
      }
      const both: Script = async (engine, ...values) => {
        const state: State = new Map([['w', engine.constant([1, 4], new Float64Array(4))]]);
        const options = { optimizer: 'amsgrad', learningRate: RATE, momentum: 0, batch: 1 } as const;
        for (const [i, value] of values.entries())
          await engine.scope(`${i}`, (fork) => update(fork, 'w', value, state, { ...options, step: i + 1 }));
        return engine.concatRows([state.get('second/w')!, state.get('maximum/w')!]);
      };
      for (const run of [plain, secure]) {
        const { numbers: found } = await run(setting, inputs, both);
        [...v, ...largest].forEach((x, i) =>
          expect(Math.abs(found[i] - x), `${run.name} ${i}`).toBeLessThan(8 * 2 ** (-2 * h) + x * 2 ** (-f + 1)),
        );
        expect(found[4]).toBeGreaterThan(found[0]);
      }
    });
  },
);

describe('Adam and AMSGrad', () => {
  const setting = SETTINGS[0];
  const one = (settings: CostOptions, learningRate: number): Promise<unknown> =>
    plain(settings, [numbers([2, 2], -1, 1)], async (engine, gradient) => {
      const state: State = new Map([['w', engine.constant([2, 2], new Float64Array(4))]]);
      await update(engine, 'w', gradient, state, { optimizer: 'adam', learningRate, momentum: 0, batch: 1, step: 1 });
      return state.get('w')!;
    });

  it('refuse local truncation, and rates that move nothing', async () => {
    await expect(one({ ...setting, truncation: 'local' }, RATE)).rejects.toThrow(
      /adam: needs dealt truncation, found local/,
    );
    await expect(one(setting, 2 ** -40)).rejects.toThrow(/learning rate .*: no weight of 16 fractional bits moves/);
  });

  it.each([
    ['sgd', 28.126, 2],
    ['adam', 1077.25, 34],
    ['amsgrad', 1337.752, 38],
  ] as const)('%s sends the stated %d bytes a weight, in %d rounds', async (optimizer, bytes, rounds) => {
    const shape = [40, 100];
    const gradient = { ...numbers(shape, -1, 1), fractionBits: 32 };
    const run = (steps: number): Promise<{ bytes: number; rounds: number }> =>
      secure({ ...setting, chunk: 4000 }, [gradient], async (engine, g) => {
        const state: State = new Map([['w', engine.constant(shape, new Float64Array(4000))]]);
        const options = { optimizer, learningRate: 2 ** -10, momentum: 0.9, batch: 128 };
        for (let step = 1; step <= steps; step++)
          await engine.scope(`${step}`, (fork) => update(fork, 'w', g, state, { ...options, step }));
        return state.get('w')!;
      });
    const [first, both] = [await run(1), await run(2)];
    expect({ bytes: (both.bytes - first.bytes) / 4000, rounds: both.rounds - first.rounds }).toEqual({ bytes, rounds });
  });
});

describe('the schedule of learning rates', () => {
  const schedule = (lrDecay: number, lrDecayEpochs: number, epochs: number): number[] =>
    Array.from({ length: epochs }, (_, i) => learningRateAt(i + 1, { learningRate: 0.5, lrDecay, lrDecayEpochs }));

  it('multiplies by the decay after every so many epochs', () => {
    expect(schedule(1, 1, 4)).toEqual([0.5, 0.5, 0.5, 0.5]);
    expect(schedule(0.5, 1, 4)).toEqual([0.5, 0.25, 0.125, 0.0625]);
    expect(schedule(0.5, 2, 5)).toEqual([0.5, 0.5, 0.25, 0.25, 0.125]);
    expect(schedule(0.1, 3, 4)).toEqual([0.5, 0.5, 0.5, 0.05]);
  });
});

describe('a rate that moves nothing', () => {
  /** Whether two updates go through, the gradient being a product as in a training. */
  async function goes(
    settings: CostOptions,
    optimizer: OptimizerName,
    learningRate: number,
    step: number,
  ): Promise<boolean> {
    const engine = createCountingEngine(settings);
    const f = settings.fractionBits;
    const state: State = new Map([
      ['weight', engine.input('weight', [3, 2], f)],
      ['weight.bias', engine.input('bias', [1, 2], f)],
    ]);
    const [x, delta] = [engine.input('x', [100, 3], f), engine.input('delta', [100, 2], f)];
    const all = async (fork: Engine, t: number): Promise<void> => {
      const options = { optimizer, learningRate, momentum: 0.9, batch: 100, step: t };
      await update(fork, 'weight', await fork.matmul(x, delta, { transposeX: true }), state, options);
      await update(fork, 'weight.bias', fork.sumRows(delta), state, options);
    };
    await engine.scope('before', (fork) => all(fork, 1).catch(() => undefined));
    return engine.scope('now', (fork) =>
      all(fork, step).then(
        () => true,
        (error: unknown) => {
          expect(error).toBeInstanceOf(RangeError);
          return false;
        },
      ),
    );
  }

  it.each(
    OPTIMIZERS.flatMap((optimizer) =>
      [8, 13, 16, 20, 23].flatMap((fractionBits) =>
        (['dealt', 'local'] as const)
          .filter((truncation) => optimizer === 'sgd' || truncation === 'dealt')
          .map((truncation) => ({ optimizer, fractionBits, truncation })),
      ),
    ),
  )('is known before: $optimizer, f = $fractionBits, $truncation', async ({ optimizer, fractionBits, truncation }) => {
    const settings: CostOptions = { suite: 'direct', truncation, fractionBits, compareBits: fractionBits + 17 };
    const seen = new Set<boolean>();
    for (const c of [1, 3, 0.7, 1023 / 1024, 0.1]) {
      for (let e = 20; e < 60; e++) {
        for (const step of optimizer === 'sgd' ? [2] : [2, 12, 5000]) {
          const rate = c * 2 ** -e;
          const known = droppedBits(settings, { optimizer, learningRate: rate, batch: 100, step }) <= MOST_BITS;
          expect(await goes(settings, optimizer, rate, step), `${c} * 2^-${e}, step ${step}`).toBe(known);
          seen.add(known);
        }
      }
    }
    expect(seen.size).toBe(2);
  });

  const falling = (options: Partial<TrainOptions>): IdleStep | undefined =>
    firstIdleStep(DIRECT, { ...OPTIONS, batch: 128, steps: undefined, ...options }, 60_000);

  it('is found in its epoch', () => {
    const half = { lrDecay: 0.5, epochs: 100 };
    expect(falling({ ...half, optimizer: 'adam', learningRate: 2 ** -10 })).toMatchObject({ epoch: 13 });
    expect(falling({ ...half, learningRate: 0.01 })).toMatchObject({ epoch: 23, step: 22 * 468 + 1 });
    expect(falling({ ...half, learningRate: 0.01, epochs: 22 })).toBeUndefined();
    expect(falling({ ...half, learningRate: 0.01, lrDecayEpochs: 4 })).toMatchObject({ epoch: 4 * 22 + 1 });
    expect(falling({ learningRate: 1e-12, epochs: 1 })).toMatchObject({ epoch: 1, step: 1 });
    expect(falling({ learningRate: 2 ** -4, epochs: 10_000 })).toBeUndefined();
    // It underflows to zero.
    expect(falling({ learningRate: 1, lrDecay: 1e-300, epochs: 3 })).toMatchObject({ epoch: 2 });
    expect(falling({ learningRate: 5e-324, epochs: 1 })).toMatchObject({ epoch: 1 });
  });

  it('of Adam is least some steps after the first', () => {
    const rates = Array.from({ length: 40 }, (_, e) => 2 ** -(10 + e / 4));
    const epochs = { epochs: undefined, steps: 30, optimizer: 'adam' } as const;
    const found = rates.map((learningRate) => falling({ ...epochs, learningRate })?.step);
    expect(found.some((step) => step !== undefined && step > 1)).toBe(true);
  });

  it('ends a training before its first step', async () => {
    await expect(trainSecure(DIRECT, { ...OPTIONS, steps: 40, lrDecay: 1e-5 })).rejects.toThrow(
      /epoch 4: at a rate of .* no weight moves$/,
    );
  });
});

function largestDifference(a: TinyResult, b: TinyResult): number {
  let worst = 0;
  for (const [name, x] of a.parameters) {
    const [u, v] = [decode(x, DIRECT.fractionBits), decode(b.parameters.get(name)!, DIRECT.fractionBits)];
    u.forEach((value, i) => (worst = Math.max(worst, Math.abs(value - v[i]))));
  }
  return worst;
}

describe('tiny training', () => {
  it.each(ADAPTIVE)('%s learns, and on shares as in the clear', async (optimizer) => {
    const options = { ...OPTIONS, optimizer, learningRate: 2 ** -3, steps: 20 };
    const [shared, clear] = [await trainSecure(DIRECT, options), await trainPlain(DIRECT, options)];
    for (const run of [shared, clear]) {
      expect(run.correct).toBe(12);
      expect(run.losses.at(-1)).toBeLessThan(run.losses[0] / 2);
    }
    // Adam turns the rounding of a small gradient into part of a step: a hundredth of the rate a step, seen with gradients of 1e-5
    expect(largestDifference(shared, clear)).toBeLessThan(options.steps * options.learningRate * 0.01);
  });
});
