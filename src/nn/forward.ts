/** A batch through a network, layer by layer (`layers/`), and on a tape what backward needs. Written against Engine only. */
import type { Engine, Value } from '../engine/engine.ts';
import { truncated } from '../functions/formats.ts';
import { UNCUT } from '../functions/wholeBatch.ts';
import type { Pass, Place, Pullback, TrainingStep } from './layers/layer.ts';
import { isApart, layerType } from './layers/table.ts';
import { INPUT, type Network, parameterName } from './network.ts';
import { type Placed, readers, schedule } from './schedule.ts';

export type Parameters = ReadonlyMap<string, Value>;

/** What a layer leaves for the way back, and where it stands. */
export interface Tape extends Placed {
  /** The layer's scope: its index in the network and its type, `layer/3:relu`. */
  readonly scope: string;
  readonly pullback: Pullback;
}

export interface Forward {
  /** (batch, classes) as the last layer leaves them: with the fractional bits of a product, where it is one. */
  readonly logits: Value;
  /** One a layer, in the order in which they ran. */
  readonly tapes: Tape[];
  /** New values of tensors that have no gradients, by their names in the network: a training keeps them. */
  readonly kept: Map<string, Value>;
}

/** Runs a batch (batch, inputs) through the network. @param training absent in an evaluation */
export async function forward(
  engine: Engine,
  network: Network,
  parameters: Parameters,
  batch: Value,
  training?: TrainingStep,
): Promise<Forward> {
  const tapes: Tape[] = [];
  const kept = new Map<string, Value>();
  const layers = schedule(network);
  const outputs = new Outputs(engine, network, layers, batch);
  for (const placed of layers) {
    const { tape, ...pass } = await runLayer(engine, placed, parameters, outputs, training);
    tapes.push({ ...placed, scope: scopeOf(placed), pullback: tape });
    for (const [name, value] of pass.kept ?? []) kept.set(parameterName(placed.index, name), value);
  }
  return { logits: outputs.last, tapes, kept };
}

/** `forward` without a way back: (batch, classes), of the last layer's fractional bits. A layer may take the one after it along. */
export async function classScores(
  engine: Engine,
  network: Network,
  parameters: Parameters,
  batch: Value,
): Promise<Value> {
  const layers = schedule(network);
  const outputs = new Outputs(engine, network, layers, batch);
  for (let i = 0; i < layers.length; i++) {
    const [placed, next] = [layers[i], layers.at(i + 1)];
    const { spec, index } = placed;
    const { fusion } = layerType(spec);
    const fits = fusion !== undefined && next?.spec.type === fusion.with && next.inputs[0] === index;
    if (fits && outputs.readers(index) === 1 && fusion.pays(engine, spec, outputs.peek(placed.inputs[0]))) {
      const [x] = outputs.take(placed.inputs);
      const y = await within(engine, placed, (fork) => fusion.run(fork, spec, x));
      outputs.over(engine, placed, [x]);
      outputs.give(next.index, y);
      i++;
    } else await runLayer(engine, placed, parameters, outputs, undefined);
  }
  return outputs.last;
}

/**
 * Parameters for many batches of an inference or an evaluation: with what layers need in place of theirs, computed once. The same map where no
 * layer needs anything.
 */
export async function prepared(engine: Engine, network: Network, parameters: Parameters): Promise<Parameters> {
  const needing = schedule(network).filter(({ spec }) => layerType(spec).prepare !== undefined);
  if (needing.length === 0) return parameters;
  return engine.scope('prepared', async (outer) => {
    const all = new Map(parameters);
    await outer.all(
      needing.map((placed) => async (own: Engine) => {
        const { spec, index } = placed;
        const made = await within(own, placed, (fork) =>
          layerType(spec).prepare!(fork, spec, placeOf(placed, parameters, undefined)),
        );
        for (const [name, value] of made) all.set(parameterName(index, name), value);
      }),
    );
    return all;
  });
}

/** What layers have given so far, as long as others read it. */
class Outputs {
  readonly #layers: readonly Placed[];
  readonly #values: Map<number, Value>;
  /** Inputs yet to be taken, by output. */
  readonly #left: Map<number, number>;
  /** Outputs in arrays of their own. */
  readonly #apart: ReadonlySet<number>;

  constructor(engine: Engine, network: Network, layers: readonly Placed[], batch: Value) {
    this.#layers = layers;
    this.#apart = new Set(layers.flatMap(({ spec, index }) => (isApart(spec) ? [index] : [])));
    this.#values = new Map([[INPUT, engine.reshape(batch, [batch.shape[0], ...network.input])]]);
    this.#left = new Map([INPUT, ...layers.map(({ index }) => index)].map((index) => [index, readers(layers, index)]));
  }

  peek(index: number): Value {
    return this.#values.get(index)!;
  }

  take(indices: readonly number[]): Value[] {
    const values = indices.map((index) => this.peek(index));
    for (const index of indices) {
      const left = this.#left.get(index)! - 1;
      this.#left.set(index, left);
      if (left === 0) this.#values.delete(index);
    }
    return values;
  }

  /** A layer is done with its inputs: those that nobody else reads go. */
  over(engine: Engine, { spec, inputs }: Placed, values: readonly Value[]): void {
    if (engine.truncation === 'local' || !isApart(spec)) return; // then operands are what they were made of
    for (const [k, source] of inputs.entries())
      if (this.#left.get(source) === 0 && this.#apart.has(source)) engine.free(values[k]);
  }

  give(index: number, y: Value): void {
    this.#values.set(index, y);
  }

  /** Layers that read it still. */
  readers(index: number): number {
    return this.#left.get(index)!;
  }

  get last(): Value {
    return this.peek(this.#layers.at(-1)!.index);
  }
}

function runLayer(
  engine: Engine,
  placed: Placed,
  parameters: Parameters,
  outputs: Outputs,
  training: TrainingStep | undefined,
): Promise<Pass> {
  const { spec, index } = placed;
  const inputs = outputs.take(placed.inputs);
  return within(engine, placed, async (fork) => {
    const pass = await layerType(spec).forward(fork, spec, inputs, placeOf(placed, parameters, training));
    // What several layers read is truncated once.
    const y = outputs.readers(index) > 1 ? await truncated(fork, pass.y) : pass.y;
    outputs.over(engine, placed, inputs);
    outputs.give(index, y);
    return pass;
  });
}

function placeOf(placed: Placed, parameters: Parameters, training: TrainingStep | undefined): Place {
  const { index } = placed;
  const { together, samples } = training ?? {};
  const prepared = (short: string): Value | undefined => parameters.get(parameterName(index, short));
  return {
    index,
    training,
    batch:
      together === undefined || samples === undefined ? UNCUT : together.of(placed.index, scopeOf(placed), samples),
    prepared,
    parameter: (short) => {
      const value = prepared(short);
      if (value === undefined) throw new Error(`the model has no parameter ${parameterName(index, short)}`);
      return value;
    },
  };
}

function scopeOf({ spec, index }: Placed): string {
  return `layer/${index}:${spec.type}`;
}

function within<T>(engine: Engine, placed: Placed, task: (fork: Engine) => Promise<T>): Promise<T> {
  return engine.scope(scopeOf(placed), task);
}
