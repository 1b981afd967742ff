/** The one input of a network: its shape, and in which order an image lies in it. */
import { Problem } from '../data/problem.ts';
import type { Node } from './node.ts';
import type { GraphProto, ValueInfoProto } from './schema.ts';
import { TensorProto_DataType as Type } from './schema.ts';
import { alone, type Axis } from './tensor.ts';
import { quoted } from './words.ts';

/** Of a file's images: channels first, as PyTorch has them, or last, as Keras does. */
export type ImageOrder = 'nchw' | 'nhwc';

export interface InputOptions {
  /** The shape of one sample, in the file's order, in place of what the file says. */
  readonly input?: readonly number[] | undefined;
  readonly order?: ImageOrder | undefined;
}

interface Input {
  readonly name: string;
  readonly shape: readonly number[];
  readonly axes: readonly Axis[];
  /** The file's axes behind the batch. */
  readonly dims: readonly (readonly Axis[])[];
  readonly order: ImageOrder | undefined;
  readonly batch: number | undefined;
  readonly notes: readonly string[];
}

/** Image sides and vectors longer than that no network file takes. */
const LARGEST = 65536;

export function inputOf(graph: GraphProto, nodes: readonly Node[], options: InputOptions): Input {
  const held = new Set(graph.initializer.map(({ name }) => name));
  // A weight that is listed as an input, too, is a default that only a caller could replace.
  const inputs = graph.input.filter(({ name }) => !held.has(name));
  if (inputs.length !== 1) {
    const names = inputs.map(({ name }) => quoted(name)).join(', ');
    throw new Problem(
      `${inputs.length} inputs: ${names || 'none'}`,
      'a network here has one input: export one that takes one tensor (for scikit-learn, one FloatTensorType of all columns; ' +
        'for Keras, Rescaling(1 / deviation, -mean / deviation) in place of Normalization, whose numbers tf2onnx leaves open)',
    );
  }
  const [info] = inputs;
  const { batch, shape } = shapesOf(info, options.input);
  return { name: info.name, ...axesOf(shape, info.name, nodes, options.order), shape, batch, notes: [] };
}

function shapesOf(
  info: ValueInfoProto,
  asked: readonly number[] | undefined,
): { readonly batch: number | undefined; readonly shape: readonly number[] } {
  const kind = info.type?.value;
  const where = `input ${quoted(info.name)}`;
  if (kind?.case !== 'tensorType') throw new Problem(`${where}: no tensor`, 'export a model that takes one tensor');
  const { elemType } = kind.value;
  const taken: readonly number[] = [Type.FLOAT, Type.DOUBLE, Type.FLOAT16, Type.BFLOAT16, Type.UINT8];
  if (elemType !== 0 && !taken.includes(elemType)) {
    const name = Object.entries(Type).find(([, value]) => value === elemType)?.[0] ?? String(elemType);
    throw new Problem(`${where}: of type ${name.toLowerCase()}`, 'export a model that takes float32 numbers');
  }
  const dims = kind.value.shape?.dim;
  if (dims === undefined && asked === undefined)
    throw new Problem(`${where}: of no known shape`, 'give the shape of one sample, such as --input 3x32x32');
  const extents = (dims ?? []).map(({ value }) => {
    if (value.case === 'dimValue') return Number(value.value) > 0 ? Number(value.value) : undefined;
    return value.case === 'dimParam' && value.value !== '' ? value.value : undefined;
  });
  const text = `[${extents.map((extent) => extent ?? '?').join(', ')}]`;
  if (asked !== undefined) {
    if (dims !== undefined && asked.length !== dims.length - 1)
      throw new Problem(`--input: ${asked.join('x')} for ${where}, which is ${text}`, 'leave out the batch, the first');
    const other = asked.findIndex((extent, i) => typeof extents[i + 1] === 'number' && extents[i + 1] !== extent);
    if (other >= 0)
      throw new Problem(
        `--input: ${asked.join('x')} for ${where}, which is ${text}`,
        'give the open extents only others',
      );
  } else {
    if (extents.length < 2 || extents.length > 4)
      throw new Problem(
        `${where}: ${text}: neither [N, inputs] nor [N, channels, height, width]`,
        'export a network of images or vectors, with a batch',
      );
    if (extents.slice(1).some((extent) => typeof extent !== 'number')) {
      const example = extents.slice(1).map((extent) => (typeof extent === 'number' ? extent : 32));
      throw new Problem(
        `${where}: ${text}: of a size that is left open`,
        `give the shape of one sample, as in --input ${example.join('x')}`,
      );
    }
  }
  const shape = (asked ?? extents.slice(1)).map(Number);
  if (shape.some((extent) => extent > LARGEST) || shape.reduce((product, extent) => product * extent, 1) > 2 ** 26)
    throw new Problem(`${where}: ${text}: too large`, `extents of up to ${LARGEST} are known`);
  const batch = typeof extents[0] === 'number' ? extents[0] : undefined;
  return { batch, shape };
}

function axesOf(
  shape: readonly number[],
  name: string,
  nodes: readonly Node[],
  asked: ImageOrder | undefined,
): Pick<Input, 'axes' | 'dims' | 'order'> {
  const axes: readonly Axis[] = shape.map((size) => ({ size }));
  const dims = axes.map((axis) => alone(axis));
  if (axes.length === 1) return { axes, dims, order: undefined };
  // A grey image without an axis for its channel.
  if (axes.length === 2) return { axes: [...axes, { size: 1 }], dims, order: undefined };
  const order = asked ?? orderRead(name, nodes) ?? (looksLast(shape) ? 'nhwc' : 'nchw');
  return { axes: order === 'nhwc' ? axes : [axes[1], axes[2], axes[0]], dims, order };
}

const PASSING: ReadonlySet<string> = new Set([
  'Identity',
  'Cast',
  'CastLike',
  'Mul',
  'Sub',
  'Add',
  'Div',
  'Neg',
  'Pad',
]);
/** Operators that take channels first. */
const CHANNELS_FIRST: ReadonlySet<string> = new Set([
  'Conv',
  'MaxPool',
  'AveragePool',
  'GlobalAveragePool',
  'GlobalMaxPool',
  'BatchNormalization',
]);

/** As the first operator has it that cares: one that turns channels last into channels first, or one that takes these. */
function orderRead(name: string, nodes: readonly Node[]): ImageOrder | undefined {
  const same = new Set([name]);
  for (const node of nodes) {
    if (!node.inputs.some((input) => same.has(input))) continue;
    if (node.operator === 'Transpose' && node.integers('perm')?.join() === '0,3,1,2') return 'nhwc';
    if (CHANNELS_FIRST.has(node.operator) && same.has(node.inputs[0])) return 'nchw';
    if (PASSING.has(node.operator)) same.add(node.outputs[0]);
  }
  return undefined;
}

const FEW = 4;

/** `[28,28,1]`: as many channels as images have, behind sides that are longer. */
function looksLast([first, , last]: readonly number[]): boolean {
  return last <= FEW && first > FEW;
}

/** A vector that the file reads as an image before anything else: the same numbers, in the same order, of one channel. */
export function reshapedInput(
  x: { readonly axes: readonly Axis[] },
  target: readonly number[],
  batch: Axis,
): { readonly axes: readonly Axis[]; readonly dims: readonly (readonly Axis[])[] } | undefined {
  if (x.axes.length !== 1 || target.length !== 4) return undefined;
  const [{ size }] = x.axes;
  const [first, ...rest] = target;
  const known = rest.filter((extent) => extent !== -1).reduce((product, extent) => product * extent, 1);
  const shape = rest.map((extent) => (extent === -1 ? size / known : extent));
  const isBatch = Number.isNaN(first) || first === -1 || first === batch.size;
  if (!isBatch || shape.some((extent) => !(extent >= 1) || !Number.isInteger(extent))) return undefined;
  if (
    shape.reduce((product, extent) => product * extent, 1) !== size ||
    rest.filter((extent) => extent === -1).length > 1
  )
    return undefined;
  const axes: readonly Axis[] = shape.map((extent) => ({ size: extent }));
  const dims = axes.map((axis) => alone(axis));
  return { axes: looksLast(shape) ? axes : [axes[1], axes[2], axes[0]], dims };
}
