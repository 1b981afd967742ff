/**
 * Batch normalisation by channel (the last dimension), over the batch and, of images, over rows and columns. A training step normalises by its own
 * batch's mean and variance and moves the running ones; an evaluation or an inference applies the affine map of these
 * (`functions/batchNorm.ts`, `functions/runningNorm.ts`).
 */
import * as z from 'zod';
import type { Engine, Value } from '../../engine/engine.ts';
import {
  batchNorm,
  type ErrorSums,
  errorSums,
  inputError,
  type Normalized,
  rootBits,
  type Statistics,
} from '../../functions/batchNorm.ts';
import { truncated, truncatedOperand } from '../../functions/formats.ts';
import { affine, type Affine, affineOf, type Running, updated } from '../../functions/runningNorm.ts';
import type { WholeBatch } from '../../functions/wholeBatch.ts';
import { type Shape, sizeOf } from '../../ring/shape.ts';
import { type LayerType, type Pass, type Place, type Pullback, through, type Wiring } from './layer.ts';

export interface BatchnormSpec extends Wiring {
  readonly type: 'batchnorm';
  /** Added to variances; 1e-5 when absent. */
  readonly epsilon?: number | undefined;
  /** Of the batch in running statistics, as PyTorch has it; 0.1 when absent. */
  readonly momentum?: number | undefined;
}

export const EPSILON = 1e-5;
const MOMENTUM = 0.1;
const EPSILONS = 'a number from 1e-8 to 1';
const MOMENTA = 'a number above 0, up to 1';

export const batchnorm: LayerType<BatchnormSpec> = {
  type: 'batchnorm',
  about: 'normalises each channel by its mean and variance, then scales and shifts it; gives as its input',
  fields: {
    epsilon: z.number(EPSILONS).min(1e-8, EPSILONS).max(1, EPSILONS).optional(),
    momentum: z.number(MOMENTA).gt(0, MOMENTA).max(1, MOMENTA).optional(),
  },
  needsDealt: true,
  leastCount: 2,
  acrossBatch: true,
  words: () => 'batchnorm',
  shape: (_spec, [input]) => input,
  parameters: (_spec, [input]) => {
    const shape = [1, input[input.length - 1]];
    return [
      { name: 'weight', shape, initial: 1, trained: true },
      { name: 'bias', shape, initial: 0, trained: true },
      { name: 'mean', shape, initial: 0, trained: false },
      { name: 'variance', shape, initial: 1, trained: false },
    ];
  },
  prepares: ([input], f) => {
    const shape = [1, input[input.length - 1]];
    const w = rootBits(f);
    return [
      { name: 'slope', shape, fractionBits: w, use: 'opened' },
      { name: 'offset', shape, fractionBits: f + w, use: 'added' },
    ];
  },
  prepare: async (engine, spec, place) => new Map(Object.entries(await mapOf(engine, spec, place))),
  forward: (engine, spec, [x], place) =>
    place.training === undefined ? mapped(engine, spec, x, place) : normalized(engine, spec, x, place),
};

/** A row for each pixel of each image. */
function rowsOf(engine: Engine, x: Value): Value {
  const channels = x.shape[x.shape.length - 1];
  return engine.reshape(x, [sizeOf(x.shape) / channels, channels]);
}

function running(place: Place): Running {
  return { mean: place.parameter('mean'), variance: place.parameter('variance') };
}

async function normalized(engine: Engine, spec: BatchnormSpec, x: Value, place: Place): Promise<Pass> {
  const { epsilon = EPSILON, momentum = MOMENTUM } = spec;
  const { batch } = place;
  const [scale, shift] = [place.parameter('weight'), place.parameter('bias')];
  const observer = {
    rows: 2,
    observe: async (fork: Engine, statistics: Statistics) => {
      const { mean, variance } = await updated(fork, running(place), statistics, momentum);
      return [mean, variance];
    },
  };
  const rows = rowsOf(engine, x);
  const [{ y, kept }, [mean, variance]] = await batchNorm(engine, rows, scale, shift, epsilon, observer, batch);
  return {
    y: engine.reshape(y, x.shape),
    tape: pullback(kept, x.shape, batch),
    kept: new Map([
      ['mean', mean],
      ['variance', variance],
    ]),
  };
}

function pullback(norm: Normalized, shape: Shape, batch: WholeBatch): Pullback {
  // Of the whole batch where its statistics are.
  const sums = ([, sum, ofNormalized, mean]: readonly (Value | undefined)[]): ErrorSums | undefined =>
    sum && ofNormalized && mean && { sum, ofNormalized, mean };
  return {
    parameters: ['weight', 'bias'],
    shared: async (engine, delta) => {
      const { own, all } = await errorSums(engine, norm, rowsOf(engine, delta), batch);
      return all === undefined ? [own] : [own, all.sum, all.ofNormalized, all.mean];
    },
    gradients: async (engine, _delta, shared) => {
      const [own] = shared;
      const { kept } = await batch.once(engine, 'gradient', {
        terms: [],
        handed: [],
        compute: async (lead) => ({ handed: [], kept: await truncated(lead, sums(shared)!.ofNormalized) }),
      });
      // It is the whole batch's: the last part brings it, which is where it was computed.
      const { part } = batch;
      const brings = part === undefined || part.to === part.of;
      return [brings ? kept! : engine.constant(own.shape, new Float64Array(sizeOf(own.shape))), own];
    },
    inputs: async (engine, delta, shared) => {
      const error = await inputError(engine, norm, rowsOf(engine, delta), sums(shared), batch);
      // The layer before most often opens it.
      const open = await truncatedOperand(engine, error);
      return [engine.reshape(open, shape)];
    },
  };
}

function mapOf(engine: Engine, { epsilon = EPSILON }: BatchnormSpec, place: Place): Promise<Affine> {
  return affineOf(engine, place.parameter('weight'), place.parameter('bias'), running(place), epsilon);
}

async function mapped(engine: Engine, spec: BatchnormSpec, x: Value, place: Place): Promise<Pass> {
  const { shape } = x;
  const [slope, offset] = [place.prepared('slope'), place.prepared('offset')];
  const map = slope === undefined || offset === undefined ? await mapOf(engine, spec, place) : { slope, offset };
  const y = await affine(engine, rowsOf(engine, x), map);
  const tape = through(async (fork, delta) => {
    const scaled = await fork.mul(rowsOf(fork, await truncated(fork, delta)), map.slope);
    return fork.reshape(scaled, shape);
  });
  return { y: engine.reshape(y, shape), tape };
}
