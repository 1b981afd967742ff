/** The pieces of the training loop: optimizer arithmetic, public randomness, the gradient of a loss. */
import { describe, expect, it } from 'vitest';
import { backward } from '../../src/nn/backward.ts';
import { batchOrder, initialValues } from '../../src/nn/initial.ts';
import { forward } from '../../src/nn/forward.ts';
import { parameters } from '../../src/nn/network.ts';
import { dyadic, type State, update } from '../../src/nn/optimizer.ts';
import { createPlainEngine, type PlainEngine } from '../../src/engine/plain.ts';
import { softmax } from '../../src/functions/softmax.ts';
import { dataOf } from '../../src/engine/linear.ts';
import type { Value } from '../../src/engine/engine.ts';
import { decode } from '../../src/ring/fixed.ts';
import { looksUniform, testRandom } from '../reference.ts';
import { testCompute } from '../simulate.ts';
import { TINY } from './tiny.ts';

async function plainEngine(fractionBits = 16): Promise<PlainEngine> {
  return createPlainEngine({
    suite: 'direct',
    truncation: 'dealt',
    fractionBits,
    compute: await testCompute(),
    seed: 1,
    reveal: () => Promise.resolve(),
  });
}

const read = (x: Value): Float64Array => decode(dataOf(x), x.fractionBits);

describe('SGD', () => {
  it('writes rates as c · 2^−e, powers of two exactly', () => {
    expect(dyadic(2 ** -11)).toEqual({ c: 1, e: 11 });
    expect(dyadic(1)).toEqual({ c: 1, e: 0 });
    expect(dyadic(3)).toEqual({ c: 3, e: 0 });
    for (const rate of [0.1 / 128, 0.03, 0.7, 1e-5, 12.3]) {
      const { c, e } = dyadic(rate);
      expect(c).toBeLessThan(1024);
      expect(Math.abs((c * 2 ** -e) / rate - 1)).toBeLessThan(2 ** -10);
    }
    for (const rate of [0, -1, NaN, Infinity]) expect(() => dyadic(rate)).toThrow(/expected a positive number/);
  });

  it.each([
    [0.0625, 0.9, 128],
    [0.1, 0, 32],
    [1, 0.5, 1],
  ])(
    'rate %d, momentum %d, batch %i: as in real numbers, to the ulps of one truncation',
    async (learningRate, momentum, batch) => {
      const engine = await plainEngine();
      const [w, g] = [
        [0.5, -1.25, 3],
        [7.5, -0.001, 100],
      ];
      const state: State = new Map([['w', engine.constant([1, 3], w)]]);
      const real = { w: [...w], v: [0, 0, 0] };
      for (let step = 1; step <= 3; step++) {
        const gradient = engine.constant([1, 3], g, 32);
        await update(engine, 'w', gradient, state, { optimizer: 'sgd', learningRate, momentum, batch, step });
        real.v = real.v.map((v, i) => momentum * v + (learningRate / batch) * g[i]);
        real.w = real.w.map((x, i) => x - real.v[i]);
      }
      read(state.get('w')!).forEach((x, i) =>
        expect(Math.abs(x - real.w[i])).toBeLessThan(2 ** -13 + 2 ** -9 * Math.abs(w[i] - real.w[i])),
      );
      expect(state.has('velocity/w')).toBe(momentum > 0);
    },
  );
});

describe('public randomness', () => {
  it('shuffles every epoch differently, reproducibly', () => {
    const order = batchOrder(1000, 5, 1);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
    expect(batchOrder(1000, 5, 1)).toEqual(order);
    expect(batchOrder(1000, 5, 2)).not.toEqual(order);
    expect(batchOrder(1000, 6, 1)).not.toEqual(order);
    expect(batchOrder(0, 1, 1)).toHaveLength(0);
  });

  it('favours no place', () => {
    const counts = new Array<number>(10).fill(0);
    for (let epoch = 0; epoch < 5000; epoch++) counts[batchOrder(10, 9, epoch)[0]]++;
    expect(looksUniform(counts)).toBe(true);
  });

  it('gives He’s variance and zero biases', () => {
    const values = initialValues({ name: 'w', shape: [100, 100], initial: { fanIn: 100 } }, 1);
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    const variance = values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(0.005);
    expect(Math.abs(variance - 0.02)).toBeLessThan(0.001);
    expect(initialValues({ name: 'b', shape: [1, 4], initial: 0 }, 1)).toEqual(new Float64Array(4));
  });
});

describe('gradients', () => {
  it('of a two-layer network agree with finite differences of the loss', async () => {
    const engine = await plainEngine(20);
    const random = testRandom(3);
    const inputs = Array.from({ length: 24 }, () => 2 * random() - 1);
    const target = [0, 2, 1, 1];
    const specs = parameters(TINY);
    const model = new Map(
      specs.map((spec) => [spec.name, Array.from(initialValues(spec, 8), (v) => v + 0.1 * random())]),
    );
    const batch = engine.constant([4, 6], inputs);

    const values = new Map(
      specs.map((spec) => [spec.name, engine.constant(spec.shape, model.get(spec.name)!) as Value]),
    );
    const { logits, tapes } = await forward(engine, TINY, values, batch);
    const labels = engine.constant(
      [4, 3],
      target.flatMap((t) => [0, 1, 2].map((c) => Number(c === t))),
    );
    const delta = engine.sub((await softmax(engine, logits)).probabilities, labels);
    const gradients = new Map<string, Float64Array>();
    await backward(engine, tapes, delta, (_fork, name, gradient) => {
      gradients.set(name, read(gradient));
      return Promise.resolve();
    });

    /** Summed cross-entropy in double precision. */
    const loss = (m: Map<string, number[]>): number => {
      let total = 0;
      for (let s = 0; s < 4; s++) {
        const layer = (x: readonly number[], i: number, units: number): number[] =>
          Array.from({ length: units }, (_, u) =>
            x.reduce(
              (sum, v, j) => sum + v * m.get(`layers.${i}.weight`)![j * units + u],
              m.get(`layers.${i}.bias`)![u],
            ),
          );
        const hidden = layer(inputs.slice(6 * s, 6 * s + 6), 0, 5).map((v) => Math.max(v, 0));
        const out = layer(hidden, 2, 3);
        total += Math.log(out.reduce((sum, v) => sum + Math.exp(v), 0)) - out[target[s]];
      }
      return total;
    };
    for (const spec of specs) {
      gradients.get(spec.name)!.forEach((gradient, i) => {
        const h = 1e-5;
        const shifted = (by: number): number => {
          const changed = new Map(model);
          changed.set(spec.name, model.get(spec.name)!.with(i, model.get(spec.name)![i] + by));
          return loss(changed);
        };
        const difference = (shifted(h) - shifted(-h)) / (2 * h);
        expect(Math.abs(gradient - difference), `${spec.name}[${i}]`).toBeLessThan(0.01);
      });
    }
  });
});
