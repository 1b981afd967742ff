/** Model files: safetensors with the network, the fixed-point format, the scaling and the names of classes in their metadata. */
import { formatModel as format, type Model, parseModel as parse } from '../data/model-file.ts';
import type { Scaling } from '../data/scaling.ts';
import { classCount } from '../nn/network.ts';
import { machine } from '#machine';
import { countParameters } from './networks.ts';

/** What {@link describeModel} says of a model. */
export interface ModelDescription {
  /** Of its network. */
  readonly name: string;
  /** Of one sample: (inputs) or (height, width, channels). */
  readonly inputShape: readonly number[];
  /** How many classes it tells apart. */
  readonly classes: number;
  /** Their names; `0`, `1`, … where they have none. */
  readonly labels: readonly string[];
  /** Numbers in its tensors. */
  readonly parameters: number;
  /** Of the fixed-point numbers that it was trained with. */
  readonly fractionBits: number;
  /** What becomes of the values of a sample; undefined: the file does not say. */
  readonly scaling: Scaling | undefined;
}

/**
 * Reads the bytes of a model file. It may come from anyone: every length is checked before it is used, every tensor of the network is there,
 * of the right shape and finite, and nothing else is.
 *
 * @param bytes of a `.safetensors` file that {@link formatModel}, {@link saveModel} or `securenn` wrote
 * @param source names the file in errors
 * @throws {Problem} saying what does not fit
 * @example
 * ```ts
 * import { formatModel, initialModel, namedNetwork, parseModel } from 'securenn';
 *
 * const bytes = formatModel(initialModel(namedNetwork('A')));
 * console.log(parseModel(bytes).network.name); // A
 * ```
 */
export function parseModel(bytes: Uint8Array, source = 'model'): Model {
  return parse(bytes, source);
}

/**
 * The bytes of a model file. They are a safetensors file of doubles, in which a fixed-point number of up to 53 bits is exact.
 *
 * @example
 * ```ts
 * import { formatModel, initialModel, namedNetwork } from 'securenn';
 *
 * const file = new Blob([formatModel(initialModel(namedNetwork('A')))]); // what a page offers as a download
 * console.log(file.size > 8 * 118_282); // true: 8 bytes a number, and the header
 * ```
 */
export function formatModel(model: Model): Uint8Array<ArrayBuffer> {
  return format(model);
}

/**
 * Reads a model file from the disk (Node alone; a page gives bytes to {@link parseModel}).
 *
 * @throws {Problem} when the file cannot be read, or is no model file
 * @example
 * ```ts
 * import { initialModel, loadModel, namedNetwork, saveModel } from 'securenn';
 *
 * await saveModel('model.safetensors', initialModel(namedNetwork('A')));
 * const model = await loadModel('model.safetensors');
 * console.log(model.network.input); // [784]
 * ```
 */
export async function loadModel(path: string): Promise<Model> {
  return parse(await machine.readFile(path), path);
}

/**
 * Writes a model file, whole or not at all (Node alone; a page offers what {@link formatModel} gives as a download). A file of that name is
 * replaced.
 *
 * @throws {Problem} when the file cannot be written; what was there before is then left as it was
 * @example
 * ```ts
 * import { initialModel, namedNetwork, saveModel } from 'securenn';
 *
 * await saveModel('model.safetensors', initialModel(namedNetwork('D')));
 * ```
 */
export async function saveModel(path: string, model: Model): Promise<void> {
  await machine.writeFile(path, format(model));
}

/**
 * What there is to know of a model before it classifies anything.
 *
 * @example
 * ```ts
 * import { describeModel, initialModel, namedNetwork } from 'securenn';
 *
 * const { inputShape, classes, parameters } = describeModel(initialModel(namedNetwork('A')));
 * console.log(inputShape, classes, parameters); // [784] 10 118282
 * ```
 */
export function describeModel(model: Model): ModelDescription {
  const { network, fractionBits, scaling } = model;
  const classes = classCount(network);
  return {
    ...{ name: network.name, inputShape: network.input, classes, labels: labelsOf(model) },
    ...{ parameters: countParameters(network), fractionBits, scaling },
  };
}

/** Names of all classes, in their order. */
function labelsOf({ network, classNames }: Pick<Model, 'network' | 'classNames'>): readonly string[] {
  return Array.from({ length: classCount(network) }, (_, i) => classNames?.[i] ?? String(i));
}
