/**
 * Networks as data. A network is named or read from JSON:
 * `{"name": "A", "input": [784], "layers": [{"type": "dense", "units": 128}, {"type": "relu"}, …]}`.
 * The last layer gives the logits; the loss (softmax cross-entropy) belongs to training, not to the network.
 */
import { z } from 'zod';
import { type Shape, sizeOf } from '../ring/shape.ts';

export type LayerSpec = { readonly type: 'dense'; readonly units: number } | { readonly type: 'relu' };

export interface Network {
  readonly name: string;
  /** Shape of one sample. */
  readonly input: readonly number[];
  readonly layers: readonly LayerSpec[];
}

const networkSchema: z.ZodType<Network> = z.strictObject({
  name: z.string().min(1).max(64),
  input: z.array(z.int().min(1).max(65536)).min(1).max(4),
  layers: z
    .array(
      z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('dense'), units: z.int().min(1).max(65536) }),
        z.strictObject({ type: z.literal('relu') }),
      ]),
    )
    .min(1)
    .max(256),
});

/** One trained tensor of a network, in the order of its layers. */
export interface ParameterSpec {
  /** `layers.0.weight`, `layers.0.bias`, … */
  readonly name: string;
  readonly shape: Shape;
  /** Inputs per output unit, for He initialisation; 0 for a bias, which starts at zero. */
  readonly fanIn: number;
}

/** The networks of the paper (§8; shapes in `bench/published/securenn.json`). */
export const NETWORKS: Readonly<Record<string, Network>> = {
  A: {
    name: 'A',
    input: [784],
    layers: [
      { type: 'dense', units: 128 },
      { type: 'relu' },
      { type: 'dense', units: 128 },
      { type: 'relu' },
      { type: 'dense', units: 10 },
    ],
  },
};

/** A network from parsed JSON; errors name the layer and what does not fit. `source` is the file the JSON came from. */
export function parseNetwork(json: unknown, source: string): Network {
  const parsed = networkSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new Error(`${source}: ${issue.path.length > 0 ? `${issue.path.join('.')}: ` : ''}${issue.message}`);
  }
  const network = parsed.data;
  if (network.layers.at(-1)!.type !== 'dense')
    throw new Error(`${source}: the last layer must be dense (its outputs are the class scores)`);
  return network;
}

/** Inputs of a network as one flat vector. */
export function inputSize(network: Network): number {
  return sizeOf(network.input);
}

/** Classes of a network: units of its last layer. */
export function classCount(network: Network): number {
  const last = network.layers.at(-1)!;
  if (last.type !== 'dense') throw new Error(`network ${network.name}: the last layer must be dense`);
  return last.units;
}

/** Names of the weight and the bias of layer i. */
export function parameterNames(i: number): [string, string] {
  return [`layers.${i}.weight`, `layers.${i}.bias`];
}

/** Shapes of all trained tensors. */
export function parameters(network: Network): ParameterSpec[] {
  const specs: ParameterSpec[] = [];
  let width = inputSize(network);
  network.layers.forEach((spec, i) => {
    if (spec.type !== 'dense') return;
    const [weight, bias] = parameterNames(i);
    specs.push({ name: weight, shape: [width, spec.units], fanIn: width });
    specs.push({ name: bias, shape: [1, spec.units], fanIn: 0 });
    width = spec.units;
  });
  return specs;
}
