/** Batch normalisation against doubles: forward, gradients, running statistics and the affine map; secure against plain, and its cost. */
import { describe, expect, it } from 'vitest';
import { createCostModel, type CostOptions } from '../../src/engine/costModel.ts';
import {
  batchNorm,
  errorCost,
  errorSums,
  forwardCost,
  inputError,
  type Statistics,
  sumsCost,
} from '../../src/functions/batchNorm.ts';
import { affine, affineCost, affineOf, updated, updatedCost } from '../../src/functions/runningNorm.ts';
import { inSequence } from '../../src/party/cost.ts';
import type { Engine, Value } from '../../src/engine/engine.ts';
import { sizeOf } from '../../src/ring/shape.ts';
import { testRandom } from '../reference.ts';
import { type Input, plain, secure } from '../twins.ts';

const EPSILON = 1e-5;

/** Columns whose means and deviations are of all sizes, and one that is constant. */
const CHANNELS: readonly (readonly [mean: number, deviation: number])[] = [
  [0, 1],
  [3, 0.5],
  [-1500, 40],
  [0.01, 0.01],
  [0.5, 0],
  [0, 14],
];
const n = CHANNELS.length;

interface Case {
  readonly m: number;
  readonly x: readonly number[];
  readonly delta: readonly number[];
  readonly scale: readonly number[];
  readonly shift: readonly number[];
}

function caseOf(m: number, f: number): Case {
  const random = testRandom(m);
  const round = (x: number): number => Math.round(x * 2 ** f) / 2 ** f;
  const normal = (): number => (random() + random() + random() + random() - 2) * Math.sqrt(3);
  // Where rows are added up in parts, Σd² of each must fit.
  const deviation = (c: number): number => Math.min(CHANNELS[c][1], 2 ** (28 - f));
  const x = Array.from({ length: m * n }, (_, i) => round(CHANNELS[i % n][0] + deviation(i % n) * normal()));
  return {
    m,
    x,
    delta: Array.from({ length: m * n }, () => round(0.3 * (random() - 0.4))),
    scale: [1, 0.5, -1.5, 2, 1, 0].map(round),
    shift: [0, 0.25, -1, 3, -0.5, 0.125].map(round),
  };
}

/** The same in doubles. */
function reference({ m, x, delta, scale, shift }: Case): {
  y: number[];
  error: number[];
  scaleGradient: number[];
  shiftGradient: number[];
  mean: number[];
  variance: number[];
  root: number[];
} {
  const columns = Array.from({ length: n }, (_, c) => x.filter((_, i) => i % n === c));
  const mean = columns.map((column) => column.reduce((sum, v) => sum + v, 0) / m);
  const variance = columns.map((column, c) => column.reduce((sum, v) => sum + (v - mean[c]) ** 2, 0) / m);
  const root = variance.map((v) => 1 / Math.sqrt(v + EPSILON));
  const normal = x.map((v, i) => (v - mean[i % n]) * root[i % n]);
  const sums = (of: (i: number) => number): number[] => {
    const out = new Array<number>(n).fill(0);
    x.forEach((_, i) => (out[i % n] += of(i)));
    return out;
  };
  const shiftGradient = sums((i) => delta[i]);
  const scaleGradient = sums((i) => delta[i] * normal[i]);
  return {
    y: normal.map((v, i) => v * scale[i % n] + shift[i % n]),
    error: delta.map(
      (d, i) => ((scale[i % n] * root[i % n]) / m) * (m * d - shiftGradient[i % n] - normal[i] * scaleGradient[i % n]),
    ),
    scaleGradient,
    shiftGradient,
    mean,
    variance,
    root,
  };
}

/** As columns one below the other, each with as many fractional bits as fit. */
async function flat(engine: Engine, values: readonly Value[]): Promise<Value> {
  const parts: Value[] = [];
  for (const value of values) {
    const bits = Math.min(...values.map(({ fractionBits }) => fractionBits));
    const surplus = value.fractionBits - bits;
    const y = surplus > 0 ? await engine.truncate(value, surplus) : value;
    parts.push(engine.reshape(y, [sizeOf(value.shape), 1]));
  }
  return engine.concatRows(parts);
}

function inputsOf({ m, x, delta, scale, shift }: Case, surplus: number, f: number): Input[] {
  return [
    { shape: [m, n], numbers: x, fractionBits: f + surplus },
    { shape: [1, n], numbers: scale },
    { shape: [1, n], numbers: shift },
    { shape: [m, n], numbers: delta },
  ];
}

const unobserved = { rows: 0, observe: () => Promise.resolve([]) };

const run = async (engine: Engine, x: Value, scale: Value, shift: Value, delta: Value): Promise<Value[]> => {
  const [{ y, kept }] = await batchNorm(engine, x, scale, shift, EPSILON, unobserved);
  const { all: sums } = await errorSums(engine, kept, delta);
  return [y, await inputError(engine, kept, delta, sums), sums!.ofNormalized, sums!.sum];
};

const SETTINGS: (CostOptions & { rows: number[]; surplus: number })[] = [
  {
    ...{ suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33, chunk: 40 },
    ...{ rows: [2, 3, 24, 64, 1000], surplus: 17 },
  },
  { suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33, rows: [77, 8000], surplus: 0 },
  { suite: 'direct', truncation: 'dealt', fractionBits: 24, compareBits: 61, rows: [5, 300], surplus: 12 },
  { suite: 'direct', truncation: 'dealt', fractionBits: 20, compareBits: 45, rows: [5000], surplus: 21 },
  { suite: 'paper', truncation: 'dealt', fractionBits: 13, compareBits: 64, chunk: 40, rows: [30], surplus: 14 },
];

const tests = SETTINGS.flatMap((setting) => setting.rows.map((m) => ({ ...setting, m })));

describe.each(tests)('$suite suite, f = $fractionBits, $m rows, $surplus bits of surplus', (setting) => {
  const { fractionBits: f, m, surplus } = setting;
  const ulp = 2 ** -f;
  const data = caseOf(m, f);
  const inputs = inputsOf(data, surplus, f);
  const expected = reference(data);

  /** Compares `of` with what stands from `from` on; returns where that ends. */
  function check(
    numbers: Float64Array,
    from: number,
    of: readonly number[],
    bound: (i: number) => number,
    what: string,
  ): number {
    const over = of.map((value, i) => Math.abs(numbers[from + i] - value) - bound(i));
    const worst = over.indexOf(over.reduce((most, x) => Math.max(most, x)));
    expect(over[worst], `${what} ${worst}: ${numbers[from + worst]} for ${of[worst]}`).toBeLessThanOrEqual(0);
    return from + of.length;
  }

  it('is the normalisation and its gradients, to the stated error', async () => {
    const script = async (engine: Engine, ...values: Value[]): Promise<Value> =>
      flat(engine, await run(engine, values[0], values[1], values[2], values[3]));
    for (const engineOf of [plain, secure]) {
      const { numbers } = await engineOf(setting, inputs, script);
      const rounding = (i: number): number =>
        Math.abs(data.scale[i % n]) * expected.root[i % n] * (4 * ulp + Math.abs(expected.mean[i % n]) * 2 ** (f - 45));
      const slopeUlp = 2 ** -Math.min(f + 4, 20);
      let at = 0;
      const normal = (i: number): number => Math.abs(expected.y[i] - data.shift[i % n]);
      const ofSlope = (i: number): number => 2 * Math.abs(data.x[i] - expected.mean[i % n]) * slopeUlp;
      at = check(numbers, at, expected.y, (i) => 4e-4 * normal(i) + rounding(i) + ofSlope(i) + ulp, 'y');
      const slope = (i: number): number => Math.abs(data.scale[i % n]) * expected.root[i % n];
      at = check(
        numbers,
        at,
        expected.error,
        (i) => slope(i) * (1e-3 + 4 * ulp) + 2 * ulp + slopeUlp + ofSlope(i),
        'error',
      );
      const size = (i: number): number => Math.abs(expected.scaleGradient[i % n]);
      at = check(
        numbers,
        at,
        expected.scaleGradient,
        (i) => 1e-3 * size(i) + (m * 0.3 * expected.root[i] + 4) * ulp,
        'gradient of the scale',
      );
      check(numbers, at, expected.shiftGradient, () => ulp, 'gradient of the shift');
    }
  });

  it('costs what is declared', async () => {
    const model = createCostModel(setting);
    const forward = await secure(setting, inputs, async (e, x, scale, shift) => {
      const [{ y }] = await batchNorm(e, x, scale, shift, EPSILON, unobserved);
      return y;
    });
    const part = model.part(m * n);
    const declared = forwardCost(model, m, n, surplus, EPSILON);
    expect({ bytes: forward.bytes, rounds: forward.rounds }).toEqual(inSequence(declared, part));
    const both = await secure(setting, inputs, async (e, ...values) => {
      const [, error] = await run(e, values[0], values[1], values[2], values[3]);
      return error;
    });
    const back = inSequence(sumsCost(model, m, n), errorCost(model, m, n));
    expect({ bytes: both.bytes, rounds: both.rounds }).toEqual(inSequence(declared, back, part));
  });

  it('updates running statistics, and the affine map of these is the normalisation', async () => {
    const model = createCostModel(setting);
    const mean = Array.from({ length: n }, (_, c) => c / 4);
    const variance = Array.from({ length: n }, (_, c) => c / 8);
    const state = [mean, variance].map((numbers) => ({ shape: [1, n], numbers }));
    const momentum = Math.round(0.1 * 2 ** 16) / 2 ** 16;
    const unbiased = expected.variance.map((v) => (v * m) / (m - 1));
    const script = async (e: Engine, ...[x, scale, shift, , old, oldVariance]: Value[]): Promise<Value> => {
      const observe = async (fork: Engine, statistics: Statistics): Promise<Value[]> => {
        const next = await updated(fork, { mean: old, variance: oldVariance }, statistics, 0.1);
        return [next.mean, next.variance];
      };
      const [, next] = await batchNorm(e, x, scale, shift, EPSILON, { rows: 2, observe });
      return e.concatRows(next);
    };
    for (const engineOf of [plain, secure]) {
      const { numbers, bytes } = await engineOf(setting, [...inputs, ...state], script);
      const moved = (of: readonly number[], by: readonly number[]): number[] =>
        of.map((x, i) => x + momentum * (by[i] - x));
      const at = check(numbers, 0, moved(mean, expected.mean), (i) => (2 + Math.abs(expected.mean[i])) * ulp, 'mean');
      check(numbers, at, moved(variance, unbiased), (i) => 3e-5 * unbiased[i] + 2 * ulp, 'variance');
      const declared = inSequence(forwardCost(model, m, n, surplus, EPSILON), updatedCost(model, n));
      if (engineOf === secure) expect(bytes).toBe(declared.bytes);
    }

    const statistics = [expected.mean, expected.variance].map((numbers) => ({ shape: [1, n], numbers }));
    const mapped = async (e: Engine, ...[x, scale, shift, , mu, sigma]: Value[]): Promise<Value> =>
      affine(e, x, await affineOf(e, scale, shift, { mean: mu, variance: sigma }, EPSILON));
    for (const engineOf of [plain, secure]) {
      const { numbers, bytes, rounds } = await engineOf(setting, [...inputs, ...statistics], mapped);
      const bound = (i: number): number => {
        const slope = Math.abs(data.scale[i % n]) * expected.root[i % n];
        // The variance is rounded, which matters where it is as small as ε.
        const rounded = (expected.root[i % n] ** 2 * ulp) / 2;
        const size = Math.abs(expected.y[i] - data.shift[i % n]);
        return (
          (4e-4 + rounded) * size +
          4 * slope * ulp +
          2 * (Math.abs(data.x[i]) + Math.abs(expected.mean[i % n])) * 2 ** -Math.min(f + 4, 20) +
          ulp
        );
      };
      check(numbers, 0, expected.y, bound, 'y');
      const opened = surplus > 0 ? model.truncateOperand(m * n, surplus) : model.product(m * n);
      const declared = inSequence(affineCost(model, n, EPSILON), opened, model.part(m * n));
      if (engineOf === secure) expect({ bytes, rounds }).toEqual(declared);
    }
  });
});
