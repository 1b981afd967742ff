/** y = xW + b: x (batch, in), W (in, out), b (1, out). */
import { truncated } from '../../functions/formats.ts';
import { size, shapeWords } from './fields.ts';
import type { LayerType, Wiring } from './layer.ts';

export interface DenseSpec extends Wiring {
  readonly type: 'dense';
  readonly units: number;
}

export const dense: LayerType<DenseSpec> = {
  type: 'dense',
  about: 'a product with a matrix of weights, and biases; takes a vector: put `flatten` after images; gives `[units]`',
  fields: { units: size },
  apart: () => true,
  words: ({ units }) => `dense ${units}`,
  shape: ({ units }, [input]) => {
    if (input.length !== 1)
      throw new Error(`expected a vector, its input is ${shapeWords(input)}: put a flatten layer before it`);
    return [units];
  },
  parameters: ({ units }, [[inputs]]) => [
    { name: 'weight', shape: [inputs, units], initial: { fanIn: inputs }, trained: true, operand: true },
    { name: 'bias', shape: [1, units], initial: 0, trained: true },
  ],
  forward: async (engine, _spec, [input], place) => {
    const x = await truncated(engine, input);
    const [W, b] = [place.parameter('weight'), place.parameter('bias')];
    const y = await engine.matmul(x, W, { bias: b });
    const kept = await engine.operand(x);
    const apart = kept !== x;
    if (x !== input && apart) engine.free(x);
    return {
      y,
      tape: {
        parameters: ['weight', 'bias'],
        gradients: async (fork, delta) => {
          const gradient = await fork.matmul(kept, delta, { transposeX: true });
          if (apart) fork.free(kept);
          return [gradient, fork.sumRows(delta)];
        },
        inputs: async (fork, delta) => [await fork.matmul(delta, W, { transposeY: true })],
      },
    };
  },
};
