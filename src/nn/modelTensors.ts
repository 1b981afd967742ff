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

/** Of a prepared layer (`layers/batchnorm.ts`): the slope enters products of elements. */
const USES: Readonly<Record<string, ModelTensor['use']>> = { bias: 'added', slope: 'opened', offset: 'added' };

export async function modelTensors(network: Network, options: CountingOptions): Promise<ModelTensor[]> {
  const engine = createCountingEngine(options);
  const given = new Map(
    parameters(network).map(({ name, shape }) => [
      name,
      engine.input(`model/${name}`, shape, options.fractionBits, true),
    ]),
  );
  const model: Parameters = await prepared(engine, network, given);
  const places = network.layers.flatMap((spec, i) => (layerType(spec).prepare === undefined ? [] : [i]));
  const replaced = (name: string): boolean => places.some((i) => name.startsWith(parameterName(i, '')));
  return [...model]
    .filter(([name]) => !given.has(name) || !replaced(name))
    .map(([name, { shape, fractionBits }]) => {
      return { name, shape, fractionBits, use: USES[name.slice(name.lastIndexOf('.') + 1)] ?? 'operand' };
    });
}
