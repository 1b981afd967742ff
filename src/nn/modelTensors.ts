/**
 * What an inference takes of a model: the parameters of its layers or, of those that prepare something for many batches, what they prepare (`forward.ts`).
 * Rank 0 hands just that to the other ranks of its party, which know by counting what it will be.
 */
import type { CountingOptions } from '../engine/countedValues.ts';
import { createCountingEngine } from '../engine/counting.ts';
import type { Shape } from '../ring/shape.ts';
import { type Parameters, prepared } from './forward.ts';
import { layerType } from './layers/table.ts';
import { type Network, parameterName, parameters } from './network.ts';

export interface ModelTensor {
  readonly name: string;
  readonly shape: Shape;
  readonly fractionBits: number;
  /** Products take doubled operands of it; or it is open, and enters any; or it is only added. */
  readonly use: 'operand' | 'opened' | 'added';
}

/** Of what a layer prepares (`layers/batchnorm.ts`): the slope enters products of elements. */
const PREPARED: Readonly<Partial<Record<string, ModelTensor['use']>>> = { slope: 'opened', offset: 'added' };

export async function modelTensors(network: Network, options: CountingOptions): Promise<ModelTensor[]> {
  const engine = createCountingEngine(options);
  const specs = new Map(parameters(network).map((spec) => [spec.name, spec]));
  const given = new Map(
    [...specs].map(([name, { shape }]) => [name, engine.input(`model/${name}`, shape, options.fractionBits, true)]),
  );
  const model: Parameters = await prepared(engine, network, given);
  const places = network.layers.flatMap((spec, i) => (layerType(spec).prepare === undefined ? [] : [i]));
  const replaced = (name: string): boolean => places.some((i) => name.startsWith(parameterName(i, '')));
  const useOf = (name: string): ModelTensor['use'] => {
    const spec = specs.get(name);
    if (spec !== undefined) return spec.operand === true ? 'operand' : 'added';
    const use = PREPARED[name.slice(name.lastIndexOf('.') + 1)];
    if (use === undefined) throw new Error(`${name}: nothing is known of how it is used`);
    return use;
  };
  return [...model]
    .filter(([name]) => !specs.has(name) || !replaced(name))
    .map(([name, { shape, fractionBits }]) => ({ name, shape, fractionBits, use: useOf(name) }));
}
