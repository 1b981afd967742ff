/** Runs a script of Engine operations in three parties and on the ideal twin, and compares. */
import { expect } from 'vitest';
import type { CostOptions } from '../src/engine/costModel.ts';
import type { Cost } from '../src/party/cost.ts';
import type { Engine, Value } from '../src/engine/engine.ts';
import { createPlainEngine } from '../src/engine/plain.ts';
import { createSecureEngine } from '../src/engine/secure.ts';
import { decode, encode } from '../src/ring/fixed.ts';
import { type Shape, sizeOf } from '../src/ring/shape.ts';
import * as z64 from '../src/ring/z64.ts';
import { shares, testRandom } from './reference.ts';
import { simulate, testCompute } from './simulate.ts';

export const SETTINGS: CostOptions[] = [
  { suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33, chunk: 40 },
  { suite: 'direct', truncation: 'dealt', fractionBits: 20, compareBits: 61 },
  { suite: 'paper', truncation: 'local', fractionBits: 13, compareBits: 64, chunk: 40 },
];

/** Of what compares. */
export const PRIVATE_SETTINGS: CostOptions[] = SETTINGS.map((setting) => ({ ...setting, security: 'private' }));

export interface Input {
  readonly shape: Shape;
  readonly numbers: readonly number[];
  readonly fractionBits?: number;
}

export type Script = (engine: Engine, ...inputs: Value[]) => Promise<Value>;

export interface Outcome {
  /** Decoded at its own fractional bits. */
  readonly numbers: Float64Array;
  readonly ring: BigUint64Array;
  readonly shape: Shape;
  readonly bytes: number;
  readonly rounds: number;
}

export async function secure(setting: CostOptions, inputs: readonly Input[], script: Script): Promise<Outcome> {
  const dealt = inputs.map((input) => shares(encode(input.numbers, input.fractionBits ?? setting.fractionBits)));
  const revealed: BigUint64Array[] = [];
  const sim = await simulate(
    async (party) => {
      const engine = createSecureEngine(party, {
        ...setting,
        reveal: (_name, share) => {
          revealed[party.id] = share;
          return Promise.resolve();
        },
      });
      const values = inputs.map((input, i) =>
        engine.input(
          `x${i}`,
          input.shape,
          input.fractionBits ?? setting.fractionBits,
          party.id === 2 ? null : dealt[i][party.id],
        ),
      );
      const result = await script(engine, ...values);
      await engine.reveal('result', result);
      await engine.settle();
      return { shape: result.shape, fractionBits: result.fractionBits };
    },
    {
      ...(setting.chunk === undefined ? {} : { chunk: setting.chunk }),
      ...(setting.security === undefined ? {} : { security: setting.security }),
    },
  );
  const [{ shape, fractionBits }] = sim.results;
  for (const other of sim.results) expect([other.shape, other.fractionBits]).toEqual([shape, fractionBits]);
  const ring = z64.add(revealed[0], revealed[1]);
  expect(ring.length).toBe(sizeOf(shape));
  return { ring, numbers: decode(ring, fractionBits), shape, bytes: sim.bytes, rounds: sim.rounds };
}

export async function plain(setting: CostOptions, inputs: readonly Input[], script: Script): Promise<Outcome> {
  let ring = new BigUint64Array();
  const engine = createPlainEngine({
    ...setting,
    compute: await testCompute(),
    seed: 1,
    reveal: (_name, value) => {
      ring = value.slice();
      return Promise.resolve();
    },
  });
  const values = inputs.map((input) => {
    const f = input.fractionBits ?? setting.fractionBits;
    return engine.input(input.shape, f, encode(input.numbers, f));
  });
  const result = await script(engine, ...values);
  await engine.reveal('result', result);
  return { ring, numbers: decode(ring, result.fractionBits), shape: result.shape, bytes: 0, rounds: 0 };
}

export function numbers(shape: Shape, low: number, high: number, seed = 1): Input {
  const random = testRandom(seed);
  return { shape, numbers: Array.from({ length: sizeOf(shape) }, () => low + (high - low) * random()) };
}

export function closeTo(found: Outcome, expected: ArrayLike<number>, tolerance: number): void {
  expect(found.numbers.length).toBe(expected.length);
  const worst = Math.max(...Array.from(found.numbers, (x, i) => Math.abs(x - expected[i])), 0);
  expect(worst).toBeLessThanOrEqual(tolerance);
}

/** Secure equals plain bit for bit; cost as declared. */
export async function exactly(
  setting: CostOptions,
  inputs: readonly Input[],
  script: Script,
  cost: Cost,
): Promise<Outcome> {
  const [found, twin] = [await secure(setting, inputs, script), await plain(setting, inputs, script)];
  expect(found.shape).toEqual(twin.shape);
  expect(found.ring).toEqual(twin.ring);
  expect({ bytes: found.bytes, rounds: found.rounds }).toEqual(cost);
  return found;
}
