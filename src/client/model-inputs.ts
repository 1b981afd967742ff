/** An owner's weights as inputs, in the order in which the parties take them. */
import { ringSource } from '../data/encode.ts';
import type { Model } from '../data/model-file.ts';
import { parameters } from '../nn/network.ts';
import { encode } from '../ring/fixed.ts';
import type { Input } from './owner.ts';

/** @param fractionBits of the session, whatever the model was trained with */
export function modelInputs(model: Model, fractionBits: number): Input[] {
  return parameters(model.network).map(({ name }) => ({
    ...{ name: `model/${name}`, what: 'model' },
    source: ringSource(encode(model.tensors.get(name)!.data, fractionBits)),
  }));
}
