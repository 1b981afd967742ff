/**
 * Weights under PyTorch's names and in its layouts (safetensors of a state_dict), beside a network file: which module is which layer is found by kind and
 * shape, and by the numbers in names where several are alike. What is not certain is asked for.
 */
import type { Model } from '../data/model-file.ts';
import { Problem } from '../data/problem.ts';
import { checkTiling, type FloatTensor, listTensors } from '../data/safetensors.ts';
import { pairOf } from '../nn/layers/fields.ts';
import { layerName } from '../nn/layers/table.ts';
import { INPUT, layerFlow, type Network, parameterName, sources } from '../nn/network.ts';
import { sizeOf } from '../ring/shape.ts';
import { bfloatToDouble, constant, halfToDouble } from './constant.ts';
import { transposed } from './fold.ts';
import type { Note } from './layer.ts';
import { checkWeights } from './model.ts';
import { quoted, shown } from './words.ts';

const MAP = 'say which is which with --map LAYER=MODULE,…, such as --map 0=features.0,7=fc';

const ELEMENTS: Readonly<
  Record<string, { readonly bytes: number; readonly read: (view: DataView, at: number) => number }>
> = {
  F64: { bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  F32: { bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  F16: { bytes: 2, read: (view, at) => halfToDouble(view.getUint16(at, true)) },
  BF16: { bytes: 2, read: (view, at) => bfloatToDouble(view.getUint16(at, true)) },
};

/** Tensors of a module, by their last names. */
interface Module {
  readonly name: string;
  readonly tensors: Map<string, FloatTensor>;
}

/** Counters that a batch normalisation keeps. */
const UNUSED: ReadonlySet<string> = new Set(['num_batches_tracked']);

function readModules(bytes: Uint8Array, source: string): Module[] {
  const { entries, dataStart } = listTensors(bytes, source);
  checkTiling(entries, bytes.length - dataStart, source);
  const modules = new Map<string, Module>();
  for (const { name, dtype, shape, begin, end } of entries) {
    const last = name.split('.').at(-1)!;
    if (UNUSED.has(last)) continue;
    const element = ELEMENTS[dtype];
    if (element === undefined)
      throw new Problem(
        `${source}: tensor ${quoted(name)}: elements of type ${dtype}: F64, F32, F16 and BF16 are read`,
        'save the weights of the model as it was before it was quantised',
      );
    const size = sizeOf(shape);
    if (end - begin !== size * element.bytes)
      throw new Problem(`${source}: tensor ${quoted(name)}: its bytes do not fit its shape`, 'save the weights again');
    const view = new DataView(bytes.buffer, bytes.byteOffset + dataStart + begin, end - begin);
    const data = Float64Array.from({ length: size }, (_, i) => element.read(view, i * element.bytes));
    const owner = name.slice(0, Math.max(0, name.length - last.length - 1));
    const module = modules.get(owner) ?? { name: owner, tensors: new Map() };
    module.tensors.set(last, { shape, data });
    modules.set(owner, module);
  }
  return [...modules.values()].sort((a, b) => a.name.localeCompare(b.name, 'en', { numeric: true }));
}

/** A layer with weights, and the shape that its module's weight has in PyTorch. */
interface Wanted {
  readonly index: number;
  readonly type: string;
  readonly words: string;
  readonly shape: readonly number[];
  /** Where its input, a vector, was an image: PyTorch's index of each place. */
  readonly order: Uint32Array | undefined;
}

function wantedOf(network: Network): Wanted[] {
  const flow = layerFlow(network);
  const orders: (Uint32Array | undefined)[] = [];
  return sources(network).flatMap((read, index) => {
    const spec = network.layers[index];
    const { inputs, output } = flow[index];
    const given = read.map((source) => (source === INPUT ? undefined : orders[source]));
    orders.push(output.length === 1 ? orderAfter(spec.type, inputs, given) : undefined);
    const shape = weightShape(spec, inputs[0]);
    if (shape === undefined) return [];
    return [{ index, type: spec.type, words: layerName(spec, index), shape, order: given[0] }];
  });
}

function weightShape(spec: Network['layers'][number], input: readonly number[]): number[] | undefined {
  if (spec.type === 'dense') return [spec.units, input[0]];
  if (spec.type === 'batchnorm') return [input.at(-1)!];
  if (spec.type !== 'conv2d') return undefined;
  const [height, width] = pairOf(spec.kernel);
  return [spec.filters, input[2], height, width];
}

/** PyTorch's index of each place of a vector: channels, height, width of what was an image. */
function orderAfter(
  type: string,
  inputs: readonly (readonly number[])[],
  given: readonly (Uint32Array | undefined)[],
): Uint32Array | undefined {
  if (type === 'dense' || type === 'globalaveragepool') return undefined;
  if (type === 'flatten' && inputs[0].length === 3) {
    const [height, width, channels] = inputs[0];
    const pixels = height * width;
    return Uint32Array.from(
      { length: pixels * channels },
      (_, i) => (i % channels) * pixels + Math.floor(i / channels),
    );
  }
  if (type !== 'concat') return given[0];
  if (given.every((order) => order === undefined)) return undefined;
  let base = 0;
  const parts = inputs.map((shape, k) => {
    const part = Array.from({ length: shape[0] }, (_, i) => base + (given[k]?.[i] ?? i));
    base += shape[0];
    return part;
  });
  return Uint32Array.from(parts.flat());
}

function fits({ type, shape }: Wanted, { tensors }: Module): boolean {
  const weight = tensors.get('weight');
  const isNorm = tensors.has('running_mean');
  return weight !== undefined && isNorm === (type === 'batchnorm') && weight.shape.join() === shape.join();
}

/** Names that differ in their numbers alone. */
function likeNames(modules: readonly Module[]): boolean {
  return new Set(modules.map(({ name }) => name.replaceAll(/\d+/g, '#'))).size === 1;
}

/** @param given module by layer: its index, or its name in the network file */
function matched(
  network: Network,
  modules: readonly Module[],
  given: ReadonlyMap<string, string>,
  source: string,
): Map<Wanted, Module> {
  const wanted = wantedOf(network);
  const found = new Map<Wanted, Module>();
  for (const [layer, name] of given) {
    const one = wanted.find(({ index }) => String(index) === layer || network.layers[index].name === layer);
    if (one === undefined)
      throw new Problem(`--map: no layer with weights is called ${quoted(layer)}`, 'give its number, from 0');
    const module = modules.find((other) => other.name === name);
    if (module === undefined) {
      const names = modules.map((other) => other.name).join(', ');
      throw new Problem(`--map: ${source} holds no module ${quoted(name)}: it holds ${names}`, 'give one of those');
    }
    if (!fits(one, module))
      throw new Problem(`--map: ${one.words} takes ${shown(one.shape)}, ${name}.weight is ${shapeOf(module)}`, MAP);
    found.set(one, module);
  }
  for (const first of wanted) {
    if (found.has(first)) continue;
    const alike = wanted.filter(
      (one) => !found.has(one) && one.type === first.type && one.shape.join() === first.shape.join(),
    );
    const free = modules.filter((module) => fits(first, module) && ![...found.values()].includes(module));
    if (free.length !== alike.length) {
      const holds = modules.map((module) => `${module.name} ${shapeOf(module)}`).join(', ');
      throw new Problem(
        `${source}: ${alike.length === 1 ? first.words : `${alike.length} layers such as ${first.words}`}: a weight ${shown(first.shape)} each, ` +
          `found ${free.length}; it holds ${holds}`,
        inGroups(first, modules) ?? 'give the network that was trained, layer by layer, to --network (docs/onnx.md)',
      );
    }
    if (alike.length > 1 && !likeNames(free)) {
      throw new Problem(
        `${source}: ${alike.map(({ words }) => words).join(' and ')} have weights of one shape, and so have ${free.map(({ name }) => name).join(', ')}`,
        MAP,
      );
    }
    alike.forEach((one, i) => found.set(one, free[i]));
  }
  const left = modules.filter((module) => ![...found.values()].includes(module));
  if (left.length > 0) {
    throw new Problem(
      `${source}: ${left.map((module) => `${module.name} ${shapeOf(module)}`).join(', ')}: of no layer of network ${network.name}`,
      'give the network that was trained, layer by layer, to --network (docs/onnx.md)',
    );
  }
  return found;
}

/** What to do where a module has the weight of a layer, but of fewer channels. */
function inGroups({ type, shape }: Wanted, modules: readonly Module[]): string | undefined {
  if (type !== 'conv2d') return undefined;
  const [filters, channels, ...kernel] = shape;
  const found = modules.find(({ tensors }) => {
    const [itsFilters, few, ...itsKernel] = tensors.get('weight')?.shape ?? [];
    const alike = itsFilters === filters && itsKernel.join() === kernel.join();
    return alike && few < channels && channels % few === 0;
  });
  if (found === undefined) return undefined;
  return `${found.name} looks like a convolution in groups: give the model as ONNX, of which groups are read (docs/onnx.md)`;
}

function shapeOf({ tensors }: Module): string {
  const [first] = tensors.values();
  return shown((tensors.get('weight') ?? first).shape);
}

/** A module's tensors as the layer has them. */
function laidOut(one: Wanted, { name, tensors }: Module, source: string): Map<string, FloatTensor> {
  const of = (short: string, length: number, otherwise?: number): FloatTensor => {
    const tensor = tensors.get(short);
    if (tensor === undefined && otherwise === undefined)
      throw new Problem(`${source}: ${name}.${short} is missing`, 'save the whole state_dict');
    if (tensor !== undefined && tensor.data.length !== length)
      throw new Problem(
        `${source}: ${name}.${short} is ${shown(tensor.shape)}, expected ${length} numbers`,
        'save it again',
      );
    return { shape: [1, length], data: tensor?.data ?? new Float64Array(length).fill(otherwise!) };
  };
  const weight = tensors.get('weight')!;
  const { order } = one;
  if (one.type === 'batchnorm') {
    const [channels] = one.shape;
    const inOrder = ({ shape, data }: FloatTensor): FloatTensor =>
      order === undefined ? { shape, data } : { shape, data: Float64Array.from(order, (at) => data[at]) };
    return new Map([
      ['weight', inOrder(of('weight', channels))],
      ['bias', inOrder(of('bias', channels))],
      ['mean', inOrder(of('running_mean', channels))],
      ['variance', inOrder(of('running_var', channels))],
    ]);
  }
  const turned = transposed(constant(weight.shape, weight.data), one.type === 'dense' ? [1, 0] : [2, 3, 1, 0]);
  let { data } = turned;
  if (one.type === 'dense' && order !== undefined) {
    const units = one.shape[0];
    data = new Float64Array(turned.data.length);
    order.forEach((row, i) => data.set(turned.data.subarray(row * units, (row + 1) * units), i * units));
  }
  return new Map([
    ['weight', { shape: turned.shape, data }],
    ['bias', of('bias', one.shape[0], 0)],
  ]);
}

export interface TorchOptions {
  readonly network: Network;
  readonly fractionBits: number;
  /** As `ImportOptions` has it. */
  readonly limit: number;
  /** Module by layer, where somebody says so. */
  readonly map: ReadonlyMap<string, string>;
}

/** @returns the model, and which module became which layer */
export function importTorch(
  bytes: Uint8Array,
  source: string,
  { network, fractionBits, limit, map }: TorchOptions,
): { readonly model: Model; readonly notes: readonly Note[] } {
  const found = matched(network, readModules(bytes, source), map, source);
  const notes: Note[] = [];
  const note = (kind: Note['kind'], text: string): void => void notes.push({ kind, text });
  const tensors = new Map<string, FloatTensor>();
  for (const [one, module] of [...found].sort(([a], [b]) => a.index - b.index)) {
    const more = [
      ...(one.type === 'dense' && one.order !== undefined ? ['rows reordered from channels, height, width'] : []),
      ...(module.tensors.has('bias') ? [] : ['no bias: zeros']),
    ];
    note('note', [`${one.words}: ${module.name}, weight ${shown(one.shape)}`, ...more].join('; '));
    for (const [short, tensor] of laidOut(one, module, source)) tensors.set(parameterName(one.index, short), tensor);
  }
  const model = { network, fractionBits, tensors };
  checkWeights(model, limit, note);
  return { model, notes };
}
