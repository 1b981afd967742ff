/**
 * Single operations at given sizes, as the paper's Table 8 measures them. Values are noise: what an operation costs depends on shapes
 * alone. Written against Engine only.
 */
import type { ConvShape } from '../../runtime/compute.ts';
import type { Engine, Value } from '../engine/engine.ts';
import { maximum } from '../functions/maximum.ts';
import { type Shape, sizeOf } from '../ring/shape.ts';
import { windowOutput, type WindowShape } from '../ring/windows.ts';

export type MicroOperation =
  /** One image (size, size, channels), filters of kernel x kernel, without padding. The product, not truncated. */
  | {
      readonly kind: 'conv2d';
      readonly size: number;
      readonly kernel: number;
      readonly channels: number;
      readonly filters: number;
    }
  /** (m,n) x (n,v) → (m,v), not truncated. */
  | { readonly kind: 'matmul'; readonly m: number; readonly n: number; readonly v: number }
  /** Over whole windows of an image (height, width, channels). `derivative`: routes an error back, by what the maximum left. */
  | {
      readonly kind: 'maxpool';
      readonly height: number;
      readonly width: number;
      readonly channels: number;
      readonly window: number;
      readonly derivative: boolean;
    }
  /** The comparison with its product; `kept`: only the product, by a bit compared before. */
  | { readonly kind: 'relu'; readonly count: number; readonly kept: boolean };

/** What is to be measured, once all that it needs is there. */
export type Prepared = (engine: Engine) => Promise<void>;

/** Makes the operands, and runs what the operation comes after. */
export function prepare(engine: Engine, operation: MicroOperation): Promise<Prepared> {
  switch (operation.kind) {
    case 'conv2d':
      return conv2d(engine, operation);
    case 'matmul':
      return matmul(engine, operation);
    case 'maxpool':
      return maxpool(engine, operation);
    case 'relu':
      return relu(engine, operation);
  }
}

/** Numbers between −1 and 1 with 10 bits: a sum of two stays in any comparison window. */
function noise(engine: Engine, shape: Shape): Value {
  let state = 1;
  const next = (): number => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 21;
  return engine.constant(
    shape,
    Float64Array.from({ length: sizeOf(shape) }, () => next() / 1024 - 1),
  );
}

function conv2d(engine: Engine, operation: Extract<MicroOperation, { kind: 'conv2d' }>): Promise<Prepared> {
  const { size, kernel, channels, filters } = operation;
  const shape: ConvShape = {
    batch: 1,
    height: size,
    width: size,
    channels,
    kernelHeight: kernel,
    kernelWidth: kernel,
    filters,
    stride: 1,
    padding: 0,
  };
  const x = noise(engine, [1, size, size, channels]);
  const y = noise(engine, [kernel, kernel, channels, filters]);
  return Promise.resolve((fork) => inShares(fork, fork.conv('forward', shape, x, y)));
}

function matmul(engine: Engine, { m, n, v }: Extract<MicroOperation, { kind: 'matmul' }>): Promise<Prepared> {
  const [x, y] = [noise(engine, [m, n]), noise(engine, [n, v])];
  return Promise.resolve((fork) => inShares(fork, fork.matmul(x, y)));
}

async function maxpool(engine: Engine, operation: Extract<MicroOperation, { kind: 'maxpool' }>): Promise<Prepared> {
  const { height, width, channels, window, derivative } = operation;
  const size = { batch: 1, height, width, channels, windowHeight: window, windowWidth: window };
  const shape: WindowShape = { ...size, strideHeight: window, strideWidth: window };
  const candidates = await engine.windows(noise(engine, [1, height, width, channels]), shape);
  const outputs = sizeOf(windowOutput(shape)) * channels;
  if (!derivative) {
    return async (fork) => {
      await maximum(fork, candidates);
    };
  }
  const largest = await maximum(engine, candidates);
  const delta = noise(engine, [1, outputs]);
  return async (fork) => {
    await inShares(fork, largest.route(fork, delta));
  };
}

async function relu(engine: Engine, { count, kept }: Extract<MicroOperation, { kind: 'relu' }>): Promise<Prepared> {
  const x = noise(engine, [count]);
  if (!kept) {
    return async (fork) => {
      await fork.relu(x);
    };
  }
  const { sign } = await engine.relu(x);
  return async (fork) => {
    await fork.select(sign, x);
  };
}

/** A product is there when both workers hold a share of it. */
async function inShares(engine: Engine, product: Promise<Value>): Promise<void> {
  await engine.carry('result', await product);
}
