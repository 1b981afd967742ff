/**
 * Batch normalisation by channel (the last dimension), over the batch and, of images, over rows and columns. A training step normalises by its own
 * batch's mean and variance and moves the running ones; an evaluation or an inference applies the affine map of these
 * (`functions/batchNorm.ts`, `functions/runningNorm.ts`).
 */
import * as z from 'zod';
import type { Engine, Value } from '../../engine/engine.ts';
import { batchNorm, type ErrorSums, errorSums, inputError, type Normalized } from '../../functions/batchNorm.ts';
import { truncated, truncatedOperand } from '../../functions/formats.ts';
import { affine, type Affine, affineOf, type Running, updated } from '../../functions/runningNorm.ts';
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
  const [scale, shift] = [place.parameter('weight'), place.parameter('bias')];
  const [{ y, kept }, next] = await batchNorm(engine, rowsOf(engine, x), scale, shift, epsilon, (fork, statistics) =>
    updated(fork, running(place), statistics, momentum),
  );
  return { y: engine.reshape(y, x.shape), tape: pullback(kept, x.shape), kept: new Map(Object.entries(next)) };
}

function pullback(norm: Normalized, shape: Shape): Pullback {
  const sums = ([sum, ofNormalized, mean]: readonly Value[]): ErrorSums => ({ sum, ofNormalized, mean });
  return {
    parameters: ['weight', 'bias'],
    shared: async (engine, delta) => {
      const { sum, ofNormalized, mean } = await errorSums(engine, norm, rowsOf(engine, delta));
      return [sum, ofNormalized, mean];
    },
    gradients: async (engine, _delta, shared) => {
      const { sum, ofNormalized } = sums(shared);
      return [await truncated(engine, ofNormalized), sum];
    },
    inputs: async (engine, delta, shared) => {
      const error = await inputError(engine, norm, rowsOf(engine, delta), sums(shared));
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
