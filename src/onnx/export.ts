/**
 * A trained model as an ONNX file. Images come as [N, channels, height, width], as PyTorch has them, of values after the division alone (pixels from 0
 * to 1): mean and deviation are part of the file. A flatten turns images to our order first, so dense layers keep their rows.
 */
import { create, toBinary } from '@bufbuild/protobuf';
import type { Model } from '../data/model-file.ts';
import { Problem } from '../data/problem.ts';
import { layerName, type LayerSpec } from '../nn/layers/table.ts';
import { EPSILON } from '../nn/layers/batchnorm.ts';
import { borderOf, type Padding, pairOf } from '../nn/layers/fields.ts';
import { SLOPE } from '../nn/layers/leakyrelu.ts';
import { INPUT, layerFlow, parameterName, sources } from '../nn/network.ts';
import { constant } from './constant.ts';
import { transposed } from './fold.ts';
import {
  type AttributeProto,
  AttributeProto_AttributeType as Kind,
  AttributeProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProto_DataType as Type,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from './schema.ts';

/** Of 2022: what runs today runs it. */
const OPSET = 17n;
const IR_VERSION = 8n;

type Attribute = number | readonly number[] | { readonly float: number };

/** The graph as it is written. */
class Writing {
  readonly nodes: NodeProto[] = [];
  readonly tensors: TensorProto[] = [];

  tensor(name: string, shape: readonly number[], values: ArrayLike<number>): string {
    const data = new Float32Array(values.length);
    for (let i = 0; i < data.length; i++) data[i] = values[i];
    // ONNX is little-endian, and so is every machine that Node runs on.
    const rawData = new Uint8Array(data.buffer);
    this.tensors.push(create(TensorProtoSchema, { name, dims: shape.map(BigInt), dataType: Type.FLOAT, rawData }));
    return name;
  }

  node(
    operator: string,
    inputs: readonly string[],
    output: string,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    const attribute = Object.entries(attributes).map(([name, value]) => attributeOf(name, value));
    const fields = { name: output, opType: operator, input: [...inputs], output: [output], attribute };
    this.nodes.push(create(NodeProtoSchema, fields));
    return output;
  }
}

function attributeOf(name: string, value: Attribute): AttributeProto {
  if (typeof value === 'number') return create(AttributeProtoSchema, { name, type: Kind.INT, i: BigInt(value) });
  if ('float' in value) return create(AttributeProtoSchema, { name, type: Kind.FLOAT, f: value.float });
  return create(AttributeProtoSchema, { name, type: Kind.INTS, ints: value.map(BigInt) });
}

/** What a layer's writer is given. */
interface Here {
  readonly writing: Writing;
  /** The layer's name in the file, which its output has, too. */
  readonly name: string;
  readonly inputs: readonly string[];
  /** Of one sample, as it lies here. */
  readonly shapes: readonly (readonly number[])[];
  readonly fields: Readonly<Record<string, unknown>>;
  readonly weight: (short: string) => { readonly shape: readonly number[]; readonly data: Float64Array };
}

/** Adds the nodes of a layer; gives the name of its value. */
type Writer = (here: Here) => string;

function strides(fields: Here['fields'], fallback: number | readonly [number, number]): number[] {
  return pairOf((fields.stride ?? fallback) as number | readonly [number, number]);
}

/** Top, left, bottom, right. */
function pads({ padding }: Here['fields']): number[] {
  const { top, left, bottom, right } = borderOf(padding as Padding | undefined);
  return [top, left, bottom, right];
}

const conv: Writer = ({ writing, name, inputs, fields, weight }) => {
  const { shape, data } = weight('weight');
  const W = transposed(constant(shape, data), [3, 2, 0, 1]);
  const operands = [
    writing.tensor(`${name}.weight`, W.shape, W.data),
    writing.tensor(`${name}.bias`, [W.shape[0]], weight('bias').data),
  ];
  return writing.node('Conv', [...inputs, ...operands], name, {
    kernel_shape: W.shape.slice(2),
    strides: strides(fields, 1),
    pads: pads(fields),
  });
};

const dense: Writer = ({ writing, name, inputs, weight }) => {
  const { shape, data } = weight('weight');
  const operands = [
    writing.tensor(`${name}.weight`, shape, data),
    writing.tensor(`${name}.bias`, [shape[1]], weight('bias').data),
  ];
  return writing.node('Gemm', [...inputs, ...operands], name);
};

function pool(operator: 'MaxPool' | 'AveragePool'): Writer {
  return ({ writing, name, inputs, fields }) => {
    const window = pairOf(fields.window as number | readonly [number, number]);
    const counted = operator === 'AveragePool' && { count_include_pad: fields.countPadding === false ? 0 : 1 };
    const sliding = { kernel_shape: window, strides: strides(fields, window), pads: pads(fields) };
    return writing.node(operator, inputs, name, { ...sliding, ...counted });
  };
}

const flatten: Writer = ({ writing, name, inputs, shapes: [shape] }) => {
  const turned =
    shape.length === 3 ? writing.node('Transpose', inputs, `${name}.last`, { perm: [0, 2, 3, 1] }) : inputs[0];
  return writing.node('Flatten', [turned], name, { axis: 1 });
};

const batchnorm: Writer = ({ writing, name, inputs, fields, weight }) => {
  const operands = ['weight', 'bias', 'mean', 'variance'].map((short) => {
    const { data } = weight(short);
    return writing.tensor(`${name}.${short}`, [data.length], data);
  });
  return writing.node('BatchNormalization', [...inputs, ...operands], name, {
    epsilon: { float: (fields.epsilon as number | undefined) ?? EPSILON },
  });
};

function plain(
  operator: string,
  attributes: (fields: Here['fields']) => Readonly<Record<string, Attribute>> = () => ({}),
): Writer {
  return ({ writing, name, inputs, fields }) => writing.node(operator, inputs, name, attributes(fields));
}

/** By type of layer. */
export const WRITERS: Readonly<Record<string, Writer>> = {
  conv2d: conv,
  dense,
  maxpool: pool('MaxPool'),
  averagepool: pool('AveragePool'),
  globalaveragepool: ({ writing, name, inputs }) =>
    writing.node('Flatten', [writing.node('GlobalAveragePool', inputs, `${name}.mean`)], name, { axis: 1 }),
  flatten,
  batchnorm,
  relu: plain('Relu'),
  relu6: ({ writing, name, inputs }) =>
    writing.node(
      'Clip',
      [...inputs, writing.tensor(`${name}.min`, [], [0]), writing.tensor(`${name}.max`, [], [6])],
      name,
    ),
  leakyrelu: plain('LeakyRelu', ({ slope = SLOPE }) => ({ alpha: { float: slope as number } })),
  sigmoid: plain('Sigmoid'),
  tanh: plain('Tanh'),
  // Nothing is dropped when a model is used.
  dropout: plain('Identity'),
  add: plain('Sum'),
  concat: plain('Concat', () => ({ axis: 1 })),
};

/** The name of the scores. */
const OUTPUT = 'scores';
const IMAGE = 'input';

/** The bytes of an ONNX file. */
export function exportOnnx(model: Model, producer: string): Uint8Array {
  const { network } = model;
  const writing = new Writing();
  const start = normalised(writing, model);
  const names: string[] = [];
  const flow = layerFlow(network);
  sources(network).forEach((read, i) => {
    const spec: LayerSpec = network.layers[i];
    const writer = WRITERS[spec.type];
    if (writer === undefined)
      throw new Problem(`${layerName(spec, i)}: not known in ONNX`, 'export a model without such a layer');
    const here: Here = {
      writing,
      name: i === network.layers.length - 1 ? OUTPUT : `layers.${i}`,
      inputs: read.map((source) => (source === INPUT ? start : names[source])),
      shapes: flow[i].inputs,
      fields: spec as unknown as Here['fields'],
      weight: (short) => model.tensors.get(parameterName(i, short))!,
    };
    names.push(writer(here));
  });
  const classes = flow.at(-1)!.output[0];
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: IR_VERSION,
      opsetImport: [{ domain: '', version: OPSET }],
      producerName: 'securenn',
      producerVersion: producer,
      graph: {
        name: network.name,
        node: writing.nodes,
        initializer: writing.tensors,
        input: [valueInfo(IMAGE, channelsFirst(network.input))],
        output: [valueInfo(OUTPUT, [classes])],
      },
    }),
  );
}

function channelsFirst(shape: readonly number[]): readonly number[] {
  return shape.length === 3 ? [shape[2], shape[0], shape[1]] : shape;
}

function valueInfo(name: string, shape: readonly number[]): ValueInfoProto {
  const dim = [
    { value: { case: 'dimParam' as const, value: 'N' } },
    ...shape.map((extent) => ({ value: { case: 'dimValue' as const, value: BigInt(extent) } })),
  ];
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: 'tensorType', value: { elemType: Type.FLOAT, shape: { dim } } } },
  });
}

/** Mean and deviation, where the model has them. */
function normalised(writing: Writing, { network, scaling }: Model): string {
  if (scaling === undefined) return IMAGE;
  const of = (short: string, list: readonly number[]): string => {
    const [height, width, channels] = network.input.length === 3 ? network.input : [1, 1, network.input[0]];
    const places = list.length > channels;
    const size = places ? [height, width, channels] : [1, 1, list.length === 1 ? 1 : channels];
    const all = Float64Array.from({ length: size[0] * size[1] * size[2] }, (_, i) => list[i % list.length]);
    const first = transposed(constant(size, all), [2, 0, 1]);
    const shape = network.input.length === 3 ? first.shape : first.shape.slice(0, 1);
    return writing.tensor(short, [1, ...shape], first.data);
  };
  let name = IMAGE;
  if (scaling.mean.some((mean) => mean !== 0)) name = writing.node('Sub', [name, of('mean', scaling.mean)], 'centred');
  if (scaling.std.some((std) => std !== 1)) name = writing.node('Div', [name, of('std', scaling.std)], 'normalised');
  return name;
}
