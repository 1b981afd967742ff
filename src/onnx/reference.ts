/** What a runtime of ONNX is asked, so that its answers are those that a model should give here. */
import { clone, create, toBinary } from '@bufbuild/protobuf';
import { Problem } from '../data/problem.ts';
import type { OnnxFile } from './file.ts';
import type { Reference } from './model.ts';
import {
  type ModelProto,
  ModelProtoSchema,
  TensorProto_DataLocation as Location,
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
export function referenceModel(file: OnnxFile, { output }: Reference): Uint8Array {
  const model = clone(ModelProtoSchema, file.model);
  const { graph } = model as ModelProto & { graph: NonNullable<ModelProto['graph']> };
  graph.output = [create(ValueInfoProtoSchema, { name: output })];
  for (const node of graph.node) {
    for (const { name, s, t } of node.attribute) {
      if (t !== undefined) takeIn(t, file);
      if (node.opType === 'LinearClassifier' && name === 'post_transform')
        node.attribute.find((one) => one.name === name)!.s = new TextEncoder().encode(s.length > 0 ? 'NONE' : '');
    }
  }
  for (const tensor of graph.initializer) takeIn(tensor, file);
  return toBinary(ModelProtoSchema, model);
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
