/**
 * Layers: forward, and on a tape what backward needs. Written against Engine only.
 *
 * With f the engine's fractional bits, a value between layers has f or, right after a product, more: whoever needs f truncates, and a
 * ReLU truncates and compares in one opening. The same holds for errors on the way back. Errors δ stay per sample (not divided by the
 * batch) and parameter gradients are sums over the batch, untruncated: one truncation in the optimizer applies mean and rate
 * together (PROTOCOLS §6).
 *
 * Max pooling and ReLU commute, so a ReLU right before a maxpool runs after it: on a quarter of the elements for a 2x2 window, and the
 * maximum is taken before truncation, of which the winners alone need one.
 */
import type { ConvShape } from '../../runtime/compute.ts';
import { maximum } from '../functions/maximum.ts';
import { maxpoolRelu } from '../functions/maxpoolTree.ts';
import type { Engine, Value } from '../engine/engine.ts';
import { type Shape, sizeOf } from '../ring/shape.ts';
import { windowOutput, type WindowShape } from '../ring/windows.ts';
import { type LayerSpec, type Network, pairOf, parameterNames, poolStride } from './network.ts';
import { dyadic } from './optimizer.ts';

export type Parameters = ReadonlyMap<string, Value>;

/** What a layer leaves for the way back. */
interface Pullback {
  /** Names of the layer's parameters; empty for a layer without. */
  readonly parameters: readonly string[];
  /** Gradients of the parameters, summed over the batch, in the order of `parameters`. */
  gradients(engine: Engine, delta: Value): Promise<Value[]>;
  /** The error at the layer's input, of f or more fractional bits. */
  input(engine: Engine, delta: Value): Promise<Value>;
}

export interface Tape extends Pullback {
  /** The layer's scope: its index in the network and its type, `layer/3:relu`. */
  readonly scope: string;
}

interface Pass {
  readonly y: Value;
  readonly tape: Pullback;
}

/** x with the engine's fractional bits. */
export async function truncated(engine: Engine, x: Value): Promise<Value> {
  const surplus = x.fractionBits - engine.fractionBits;
  return surplus > 0 ? engine.truncate(x, surplus) : x;
}

/** A tape without parameters. */
function through(input: Pullback['input']): Pullback {
  return { parameters: [], gradients: () => Promise.resolve([]), input };
}

/** y = xW + b: x (batch, in), W (in, out), b (1, out). */
async function dense(engine: Engine, input: Value, names: [string, string], parameters: Parameters): Promise<Pass> {
  const x = await truncated(engine, input);
  const [W, b] = names.map((name) => parameter(parameters, name));
  const y = await engine.matmul(x, W, { bias: b });
  const tape: Pullback = {
    parameters: names,
    gradients: async (fork, delta) => [await fork.matmul(x, delta, { transposeX: true }), fork.sumRows(delta)],
    input: (fork, delta) => fork.matmul(delta, W, { transposeY: true }),
  };
  return { y, tape };
}

/** y = x * W + b: x (batch, height, width, channels), W (kernel height, kernel width, channels, filters), b (1, filters). */
async function conv2d(
  engine: Engine,
  input: Value,
  spec: Extract<LayerSpec, { type: 'conv2d' }>,
  names: [string, string],
  parameters: Parameters,
): Promise<Pass> {
  const x = await truncated(engine, input);
  const [W, b] = names.map((name) => parameter(parameters, name));
  const [batch, height, width, channels] = x.shape;
  const [kernelHeight, kernelWidth] = pairOf(spec.kernel);
  const shape: ConvShape = {
    batch,
    height,
    width,
    channels,
    kernelHeight,
    kernelWidth,
    filters: spec.filters,
    stride: spec.stride ?? 1,
    padding: spec.padding ?? 0,
  };
  const y = await engine.conv('forward', shape, x, W, b);
  const rows = (value: Value): number[] => [value.shape[0] * value.shape[1] * value.shape[2], spec.filters];
  const tape: Pullback = {
    parameters: names,
    gradients: async (fork, delta) => [
      await fork.conv('weightGradient', shape, x, delta),
      fork.sumRows(fork.reshape(delta, rows(delta))),
    ],
    input: (fork, delta) => fork.conv('inputGradient', shape, delta, W),
  };
  return { y, tape };
}

async function relu(engine: Engine, x: Value): Promise<Pass> {
  const surplus = x.fractionBits - engine.fractionBits;
  const { y, sign } = surplus > 0 ? await engine.truncateRelu(x, surplus) : await engine.relu(x);
  const tape = through((fork, delta) => {
    const more = delta.fractionBits - fork.fractionBits;
    return more > 0 ? fork.truncateSelect(sign, delta, more) : fork.select(sign, delta);
  });
  return { y, tape };
}

type Pooling = Extract<LayerSpec, { type: 'maxpool' | 'averagepool' }>;

function windowShape(x: Value, spec: Pooling, i: number): WindowShape {
  const [batch, height, width, channels] = x.shape;
  const [windowHeight, windowWidth] = pairOf(spec.window);
  return { batch, height, width, channels, windowHeight, windowWidth, stride: poolStride(spec, i) };
}

/** (batch, rows, columns, channels) of what a pooling layer gives. */
function pooled(window: WindowShape): Shape {
  return [window.batch, ...windowOutput(window), window.channels];
}

async function maxpool(engine: Engine, x: Value, window: WindowShape): Promise<Pass> {
  const largest = await maximum(engine, await engine.windows(x, window));
  const tape = through(async (fork, delta) => {
    const winners = await truncated(fork, delta); // before it is spread over the windows
    return fork.overlay(await largest.route(fork, fork.reshape(winners, largest.y.shape)), window);
  });
  return { y: engine.reshape(largest.y, pooled(window)), tape };
}

/** The mean over each window: sums, times 1 / (elements of a window) to 10 bits and exactly for powers of two. */
async function averagepool(engine: Engine, x: Value, window: WindowShape): Promise<Pass> {
  const count = window.windowHeight * window.windowWidth;
  const { c, e } = dyadic(1 / count);
  const mean = (fork: Engine, sum: Value): Value => fork.reinterpret(fork.scale(sum, BigInt(c)), sum.fractionBits + e);
  const y = mean(engine, engine.sumRows(await engine.windows(x, window)));
  const tape = through(async (fork, delta) => {
    const share = await truncated(fork, mean(fork, await truncated(fork, delta)));
    const row = fork.reshape(share, y.shape);
    return fork.overlay(fork.concatRows(new Array<Value>(count).fill(row)), window);
  });
  return { y: engine.reshape(y, pooled(window)), tape };
}

function flatten(engine: Engine, x: Value): Pass {
  const y = engine.reshape(x, [x.shape[0], sizeOf(x.shape.slice(1))]);
  return { y, tape: through((fork, delta) => Promise.resolve(fork.reshape(delta, x.shape))) };
}

/** A layer and its place in the network, which names its parameters. */
interface Placed {
  readonly spec: LayerSpec;
  readonly index: number;
}

/** The layers in the order in which they run. */
export function schedule(network: Network): Placed[] {
  const placed = network.layers.map((spec, index) => ({ spec, index }));
  for (let i = 1; i < placed.length; i++) {
    const [before, here] = [placed[i - 1], placed[i]];
    if (before.spec.type === 'relu' && here.spec.type === 'maxpool') [placed[i - 1], placed[i]] = [here, before];
  }
  return placed;
}

function runLayer(engine: Engine, { spec, index }: Placed, parameters: Parameters, x: Value): Promise<Pass> | Pass {
  switch (spec.type) {
    case 'dense':
      return dense(engine, x, parameterNames(index), parameters);
    case 'conv2d':
      return conv2d(engine, x, spec, parameterNames(index), parameters);
    case 'maxpool':
      return maxpool(engine, x, windowShape(x, spec, index));
    case 'averagepool':
      return averagepool(engine, x, windowShape(x, spec, index));
    case 'flatten':
      return flatten(engine, x);
    case 'relu':
      return relu(engine, x);
  }
}

/** Runs a batch (batch, inputs) through the network: the class scores, and one tape a layer. */
export async function forward(
  engine: Engine,
  network: Network,
  parameters: Parameters,
  batch: Value,
): Promise<{ logits: Value; tapes: Tape[] }> {
  const tapes: Tape[] = [];
  let x = engine.reshape(batch, [batch.shape[0], ...network.input]);
  for (const placed of schedule(network)) {
    const { y, tape } = await within(engine, placed, (fork) => runLayer(fork, placed, parameters, x));
    tapes.push({ ...tape, scope: scopeOf(placed) });
    x = y;
  }
  return { logits: await truncated(engine, x), tapes };
}

/** Pooled values that are few: below this three rounds cost more than a comparison, and some 130 bytes, for each. */
const FEW = 4096;

/** `forward` without a way back. Of few values a maxpool takes the ReLU after it along. */
export async function classScores(
  engine: Engine,
  network: Network,
  parameters: Parameters,
  batch: Value,
): Promise<Value> {
  let x = engine.reshape(batch, [batch.shape[0], ...network.input]);
  const layers = schedule(network);
  for (let i = 0; i < layers.length; i++) {
    const placed = layers[i];
    const { spec, index } = placed;
    if (spec.type === 'maxpool' && layers[i + 1]?.spec.type === 'relu' && poolsWithRelu(engine, x, spec, index)) {
      const window = windowShape(x, spec, index);
      const y = await within(engine, placed, async (fork) => maxpoolRelu(fork, await fork.windows(x, window)));
      x = engine.reshape(y, pooled(window));
      i++;
    } else x = (await within(engine, placed, (fork) => runLayer(fork, placed, parameters, x))).y;
  }
  return truncated(engine, x);
}

function poolsWithRelu(engine: Engine, x: Value, spec: Pooling, index: number): boolean {
  const window = windowShape(x, spec, index);
  const products = x.fractionBits > engine.fractionBits;
  const direct = engine.suite === 'direct' && engine.truncation === 'dealt';
  return direct && products && window.windowHeight * window.windowWidth > 1 && sizeOf(pooled(window)) <= FEW;
}

function scopeOf({ spec, index }: Placed): string {
  return `layer/${index}:${spec.type}`;
}

function within<T>(engine: Engine, placed: Placed, task: (fork: Engine) => Promise<T> | T): Promise<T> {
  return engine.scope(scopeOf(placed), async (fork) => task(fork));
}

function parameter(parameters: Parameters, name: string): Value {
  const value = parameters.get(name);
  if (value === undefined) throw new Error(`the model has no parameter ${name}`);
  return value;
}
