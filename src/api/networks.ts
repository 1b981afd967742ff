/** Networks as data: made from JSON or by name, their shapes and tensors. */
import { initialValues } from '../nn/initial.ts';
import type { Model } from '../data/model-file.ts';
import { Problem } from '../data/problem.ts';
import { NETWORKS } from '../nn/named.ts';
import { didYouMean } from '../nn/nearest.ts';
import { layerShapes, type Network, parameters } from '../nn/network.ts';
import { parseNetwork as parseJson, readNetworkText } from '../nn/networkFile.ts';
import { sizeOf } from '../ring/shape.ts';

/** The names that {@link namedNetwork} knows: `A` … `D` of the SecureNN paper, for MNIST, and networks for CIFAR-10. */
export type NetworkName =
  'A' | 'B' | 'C' | 'D' | 'vgg' | 'alexnet' | 'vgg16' | 'vgg16-falcon' | 'alexnet-falcon' | 'resnet20' | 'lenet-bn';

/**
 * Checks a network that comes as JSON: its text, or what `JSON.parse` made of it. The format is that of `docs/networks.md`.
 *
 * @param network text of a file, or an object `{ name, input, layers }`
 * @param source names it in errors
 * @returns the network, every layer of which fits the one before it
 * @throws {Problem} naming the place (line and column of a text), what was found there, and what is expected
 * @example
 * ```ts
 * import { networkShapes, parseNetwork } from 'securenn';
 *
 * const network = parseNetwork({
 *   name: 'small',
 *   input: [8, 8, 1],
 *   layers: [{ type: 'conv2d', filters: 4, kernel: 3 }, { type: 'relu' }, { type: 'flatten' }, { type: 'dense', units: 10 }],
 * });
 * console.log(networkShapes(network).at(-1)); // [10]
 * ```
 */
export function parseNetwork(network: unknown, source = 'network'): Network {
  try {
    return typeof network === 'string' ? readNetworkText(network, source) : parseJson(network, source);
  } catch (error) {
    throw new Problem((error as Error).message, 'see docs/networks.md for what a network may say', { cause: error });
  }
}

/**
 * A network that `--network` knows by name.
 *
 * @throws {Problem} for a name that is none
 * @example
 * ```ts
 * import { namedNetwork } from 'securenn';
 *
 * console.log(namedNetwork('A').layers.length); // 5: three dense layers with ReLU between them
 * ```
 */
export function namedNetwork(name: NetworkName): Network {
  if (Object.hasOwn(NETWORKS, name)) return NETWORKS[name];
  const known = Object.keys(NETWORKS);
  throw new Problem(
    `no network has the name ${JSON.stringify(name)}`,
    `give one of ${known.join(', ')}${didYouMean(name, known)}`,
  );
}

/**
 * Shapes of one sample on its way through a network: the input, then the output of every layer. Images are channels-last
 * (height, width, channels), vectors (size).
 *
 * @example
 * ```ts
 * import { namedNetwork, networkShapes } from 'securenn';
 *
 * console.log(networkShapes(namedNetwork('A'))[0]); // [784]
 * ```
 */
export function networkShapes(network: Network): readonly (readonly number[])[] {
  return layerShapes(network);
}

/**
 * An untrained model: the public initial weights (uniform, by He's rule) of a seed, the same on every machine.
 *
 * @param network the network whose tensors it holds
 * @param seed a whole number from 0; the same seed gives the same weights
 * @param fractionBits that the model says it was made for
 * @example
 * ```ts
 * import { initialModel, namedNetwork } from 'securenn';
 *
 * const model = initialModel(namedNetwork('A'), 1);
 * console.log(model.tensors.get('layers.0.weight')?.shape); // [784, 128]
 * ```
 */
export function initialModel(network: Network, seed = 1, fractionBits = 16): Model {
  const tensors = parameters(network).map(
    (spec) => [spec.name, { shape: spec.shape, data: initialValues(spec, seed) }] as const,
  );
  return { network, fractionBits, tensors: new Map(tensors) };
}

/** How many numbers the tensors of a network hold together. */
export function countParameters(network: Network): number {
  return parameters(network).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}
