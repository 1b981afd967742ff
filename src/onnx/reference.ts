/** What a runtime of ONNX is asked, so that its answers are those that a model should give here. */
import { clone, create, toBinary } from '@bufbuild/protobuf';
import { Problem } from '../data/problem.ts';
import type { OnnxFile } from './file.ts';
import type { Reference } from './model.ts';
import { neededFor } from './needed.ts';
import {
  AttributeProto_AttributeType,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  TensorProto_DataLocation as Location,
  TensorProto_DataType as Type,
  type TensorProto,
  ValueInfoProtoSchema,
} from './schema.ts';

/** Samples in the file's order, with white pixels as the model takes them. @param samples as they lie here */
export function asFileTakes(samples: Float64Array, { input, white }: Reference): Float32Array {
  const { places } = input;
  const out = new Float32Array(samples.length);
  for (let i = 0; i < samples.length; i++) {
    const row = Math.floor(i / places.length) * places.length;
    out[row + places[i - row]] = samples[i] * white;
  }
  return out;
}

/** Scores of the file as they are given here. */
export function asGivenHere(scores: ArrayLike<number>, { single }: Reference): Float64Array {
  if (!single) return Float64Array.from(scores);
  const out = new Float64Array(2 * scores.length);
  for (let i = 0; i < scores.length; i++) out[2 * i + 1] = scores[i];
  return out;
}

/** The model that gives the scores themselves, with all weights inside. */
export function referenceModel(file: OnnxFile, { output, input }: Reference): Uint8Array {
  const model = clone(ModelProtoSchema, file.model);
  const { graph } = model as ModelProto & { graph: NonNullable<ModelProto['graph']> };
  graph.output = [create(ValueInfoProtoSchema, { name: output })];
  // What stands behind the scores, as a ZipMap does, may be what no runtime computes.
  graph.node = neededFor(
    [output],
    graph.node,
    (node) => node.output.filter((name) => name !== ''),
    (node) => node.input,
  );
  for (const node of graph.node) {
    for (const { name, s, t } of node.attribute) {
      if (t !== undefined) takeIn(t, file);
      if (node.opType === 'LinearClassifier' && name === 'post_transform')
        node.attribute.find((one) => one.name === name)!.s = new TextEncoder().encode(s.length > 0 ? 'NONE' : '');
    }
  }
  for (const tensor of graph.initializer) takeIn(tensor, file);
  floating(graph, input.name, output);
  return toBinary(ModelProtoSchema, model);
}

/** A model of another kind of numbers is given float32, and gives such. */
function floating(graph: GraphProto, input: string, output: string): void {
  const info = graph.input.find(({ name }) => name === input);
  const kind = info?.type?.value;
  if (info === undefined || kind?.case !== 'tensorType' || kind.value.elemType <= Type.FLOAT) return;
  const [given, scores] = [`${input} as float32`, `${output} as float32`];
  graph.node.unshift(castNode(given, input, kind.value.elemType));
  graph.node.push(castNode(output, scores, Type.FLOAT));
  kind.value.elemType = Type.FLOAT;
  info.name = given;
  graph.output = [create(ValueInfoProtoSchema, { name: scores })];
}

function castNode(from: string, to: string, type: number): NodeProto {
  const attribute = [{ name: 'to', type: AttributeProto_AttributeType.INT, i: BigInt(type) }];
  return create(NodeProtoSchema, { opType: 'Cast', input: [from], output: [to], attribute });
}

/** A tensor whose data lies beside the file. */
function takeIn(tensor: TensorProto, { beside, source }: OnnxFile): void {
  if (tensor.dataLocation !== Location.EXTERNAL) return;
  const said = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const bytes = beside.get(said.get('location') ?? '');
  if (bytes === undefined) throw new Problem(`${source}: a file beside it was not read`, 'give the file by its path');
  const offset = Number(said.get('offset') ?? 0);
  tensor.rawData = bytes.slice(offset, offset + Number(said.get('length') ?? bytes.length - offset));
  tensor.dataLocation = Location.DEFAULT;
  tensor.externalData = [];
}
