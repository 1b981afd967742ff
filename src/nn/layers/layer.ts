/**
 * What a layer is: one file a type, listed in `table.ts`. Written against Engine only.
 *
 * With f the engine's fractional bits, a value between layers has f or, right after a product, more: whoever needs f truncates, and a
 * ReLU truncates and compares in one opening. The same holds for errors on the way back. Errors δ stay per sample (not divided by the
 * batch) and parameter gradients are sums over the batch, untruncated: one truncation in the optimizer applies mean and rate
 * together (PROTOCOLS §6).
 */
import type { z } from 'zod';
import type { BatchPart, Engine, Value } from '../../engine/engine.ts';
import type { Handed, WholeBatch } from '../../functions/wholeBatch.ts';
import type { Shape } from '../../ring/shape.ts';

/** What every layer of a network may have beside its own fields. */
export interface Wiring {
  /** By which later layers name it. */
  readonly name?: string | undefined;
  /** The layers that it reads, or `input`; the layer before it when absent. */
  readonly from?: string | readonly string[] | undefined;
}

/** A tensor of a layer, under the short name that the layer knows it by. */
export interface LayerParameter {
  /** `weight`, `bias`, … */
  readonly name: string;
  readonly shape: Shape;
  /** Where it starts: uniform by He's rule for so many inputs per output unit, or a constant. */
  readonly initial: { readonly fanIn: number } | number;
  /** By gradients. One that is not is kept by the layer itself and part of the model all the same. */
  readonly trained: boolean;
  /** It enters products, and nothing else. */
  readonly operand?: true;
}

/** Of a step of a training: what decides public masks. */
export interface TrainingStep {
  readonly seed: number;
  /** Counts from 1. */
  readonly step: number;
  /** Of a batch that is computed part by part: which samples these are. */
  readonly samples?: BatchPart | undefined;
  /** Where all parts are computed side by side, what a layer computes once for the batch. */
  readonly together?: Together | undefined;
}

/** The parts of a batch, computed side by side. */
export interface Together {
  /** For a layer, counted from 0. */
  of: (index: number, scope: string, samples: BatchPart) => WholeBatch;
}

/** A layer in a network. */
export interface Place {
  /** Counted from 0. */
  readonly index: number;
  /** Absent in an inference or an evaluation. */
  readonly training: TrainingStep | undefined;
  /** A tensor of the layer, by its short name. */
  readonly parameter: (name: string) => Value;
  /** Of the training step, of which the layer's input is a part. */
  readonly batch: WholeBatch;
  /** What `prepare` made, by its short name. */
  readonly prepared: (name: string) => Value | undefined;
}

/**
 * What a layer leaves for the way back. It lives until then, with all that its functions name: of an input that is needed no more they name the
 * shape, not the value.
 */
export interface Pullback {
  /** Short names of the parameters that have gradients; empty for a layer without. δ has f fractional bits where there are some. */
  readonly parameters: readonly string[];
  /** What `gradients` and `inputs` both need, computed once before them. */
  readonly shared?: (engine: Engine, delta: Value) => Promise<readonly Value[]>;
  /** Gradients of the parameters, summed over the batch, in the order of `parameters`. */
  readonly gradients: (engine: Engine, delta: Value, shared: readonly Value[]) => Promise<readonly Value[]>;
  /** The errors at the layer's inputs, in their order, of f or more fractional bits. */
  readonly inputs: (engine: Engine, delta: Value, shared: readonly Value[]) => Promise<readonly Value[]>;
}

export interface Pass {
  readonly y: Value;
  readonly tape: Pullback;
  /** New values of tensors that have no gradients, by their short names: running statistics after a step. */
  readonly kept?: ReadonlyMap<string, Value>;
}

/** A layer that takes the one after it along, in an inference. */
export interface Fusion<S> {
  /** Type of the layer after it. */
  readonly with: string;
  readonly pays: (engine: Engine, spec: S, x: Value) => boolean;
  readonly run: (engine: Engine, spec: S, x: Value) => Promise<Value>;
}

export interface LayerType<S> {
  readonly type: string;
  /** One line, as `docs/networks.md` has it. */
  readonly about: string;
  /** The fields of its JSON beside `type`, `name` and `from`. */
  readonly fields: Readonly<Record<string, z.ZodType>>;
  /** `from` is a list. */
  readonly joins?: true;
  /** max commutes with it: it may run behind a max pooling, on fewer elements. */
  readonly monotone?: true;
  /** It compares what it is given, before anything else is done to it. */
  readonly compares?: true;
  /** An inference finds every value as it was. */
  readonly passes?: true;
  /** In a training what it gives of a sample depends on the others of the batch, whose parts are computed side by side for it. */
  readonly acrossBatch?: true;
  /**
   * What it gives on either way has arrays of its own, and of what it is given it keeps operands and signs alone: both are given back
   * (`Engine.free`) once it and its neighbours are done with them.
   */
  readonly apart?: (spec: S) => boolean;
  /** `maxpool 2x2`: as errors name it. */
  readonly words: (spec: S) => string;
  /** It fills the ring, where local truncation goes wrong. */
  readonly needsDealt?: true;
  /** Numbers of one channel in a training step, at least; 1 when absent. */
  readonly leastCount?: number;
  /** The shape of one sample after it; throws what does not fit. */
  readonly shape: (spec: S, inputs: readonly Shape[]) => Shape;
  readonly parameters?: (spec: S, inputs: readonly Shape[]) => LayerParameter[];
  /** What `prepare` makes, at an engine with so many fractional bits. */
  readonly prepares?: (inputs: readonly Shape[], fractionBits: number) => (Handed & { readonly name: string })[];
  /** Once before an inference or an evaluation of many batches: what they need in place of parameters. */
  readonly prepare?: (engine: Engine, spec: S, place: Place) => Promise<ReadonlyMap<string, Value>>;
  readonly forward: (engine: Engine, spec: S, inputs: readonly Value[], place: Place) => Promise<Pass>;
  readonly fusion?: Fusion<S>;
}

/** A way back without parameters. */
export function throughAll(inputs: (engine: Engine, delta: Value) => Promise<readonly Value[]>): Pullback {
  return { parameters: [], gradients: () => Promise.resolve([]), inputs };
}

/** The same to one input. */
export function through(input: (engine: Engine, delta: Value) => Promise<Value>): Pullback {
  return throughAll(async (engine, delta) => [await input(engine, delta)]);
}
