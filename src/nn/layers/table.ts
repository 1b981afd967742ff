/** The layers that a network may have. Whoever needs to know of a layer's type asks this table. */
import { add, type AddSpec } from './add.ts';
import { averagepool, type AveragepoolSpec } from './averagepool.ts';
import { batchnorm, type BatchnormSpec } from './batchnorm.ts';
import { concat, type ConcatSpec } from './concat.ts';
import { conv2d, type Conv2dSpec } from './conv2d.ts';
import { dense, type DenseSpec } from './dense.ts';
import { dropout, type DropoutSpec } from './dropout.ts';
import { flatten, type FlattenSpec } from './flatten.ts';
import { globalaveragepool, type GlobalAveragepoolSpec } from './globalaveragepool.ts';
import type { LayerType } from './layer.ts';
import { leakyrelu, type LeakyreluSpec } from './leakyrelu.ts';
import { maxpool, type MaxpoolSpec } from './maxpool.ts';
import { relu, type ReluSpec } from './relu.ts';
import { relu6, type Relu6Spec } from './relu6.ts';
import { sigmoid, type SigmoidSpec } from './sigmoid.ts';
import { tanh, type TanhSpec } from './tanh.ts';

/** A layer as JSON has it: `{ "type": "dense", "units": 10 }`; which types there are, and their fields: docs/networks.md. */
export type LayerSpec =
  | Conv2dSpec
  | MaxpoolSpec
  | AveragepoolSpec
  | GlobalAveragepoolSpec
  | DenseSpec
  | FlattenSpec
  | ReluSpec
  | LeakyreluSpec
  | Relu6Spec
  | SigmoidSpec
  | TanhSpec
  | BatchnormSpec
  | DropoutSpec
  | AddSpec
  | ConcatSpec;

type Table = { readonly [T in LayerSpec['type']]: LayerType<Extract<LayerSpec, { type: T }>> };

/** In the order in which they are listed to people. */
export const LAYERS: Table = {
  conv2d,
  maxpool,
  averagepool,
  globalaveragepool,
  dense,
  flatten,
  relu,
  leakyrelu,
  relu6,
  sigmoid,
  tanh,
  batchnorm,
  dropout,
  add,
  concat,
};

export function layerType(spec: LayerSpec): LayerType<LayerSpec> {
  return LAYERS[spec.type] as LayerType<LayerSpec>;
}

/** `layer 3 "pool" (maxpool 2x2)`: a layer as errors name it, counted from 0 as in its parameters' names. */
export function layerName(spec: LayerSpec, i: number): string {
  const name = spec.name === undefined ? '' : ` ${JSON.stringify(spec.name)}`;
  return `layer ${i}${name} (${layerType(spec).words(spec)})`;
}

/** See `LayerType.apart`. */
export function isApart(spec: LayerSpec): boolean {
  return layerType(spec).apart?.(spec) === true;
}
