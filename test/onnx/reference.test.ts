/** What onnxruntime is given to compare with: float32 in and out, whatever kind of numbers a model computes with. */
import { clone, fromBinary } from '@bufbuild/protobuf';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type OnnxFile, readOnnx } from '../../src/onnx/file.ts';
import { referenceModel } from '../../src/onnx/reference.ts';
import { ModelProtoSchema, TensorProto_DataType as Type } from '../../src/onnx/schema.ts';
import { FOLDER, imported } from './fixtures.ts';

async function asked(type: number): Promise<ReturnType<typeof described>> {
  const { reference } = await imported('mlp-old');
  const file = await readOnnx(join(FOLDER, 'mlp-old.onnx'));
  const model = clone(ModelProtoSchema, file.model);
  const kind = model.graph!.input[0].type!.value;
  if (kind.case === 'tensorType') kind.value.elemType = type;
  return described(referenceModel({ ...file, model, graph: model.graph! } satisfies OnnxFile, reference));
}

function described(bytes: Uint8Array): {
  readonly input: readonly [name: string, type: number];
  readonly casts: readonly (readonly [from: string, to: string, type: number])[];
  readonly reads: string;
  readonly outputs: readonly string[];
} {
  const graph = fromBinary(ModelProtoSchema, bytes).graph!;
  const [info] = graph.input;
  const kind = info.type!.value;
  const casts = graph.node.filter(({ opType }) => opType === 'Cast');
  return {
    input: [info.name, kind.case === 'tensorType' ? kind.value.elemType : NaN],
    casts: casts.map(({ input, output, attribute }) => [input[0], output[0], Number(attribute[0].i)]),
    reads: graph.node.find(({ opType }) => opType !== 'Cast')!.input[0],
    outputs: graph.output.map(({ name }) => name),
  };
}

it.each([
  ['float16', Type.FLOAT16],
  ['float64', Type.DOUBLE],
  ['bytes', Type.UINT8],
])('%s: casts at both ends', async (_, type) => {
  const { input, casts, reads, outputs } = await asked(type);
  expect(input[1]).toBe(Type.FLOAT);
  expect(casts).toEqual([
    [input[0], reads, type],
    [expect.any(String), outputs[0], Type.FLOAT],
  ]);
  expect(input[0]).not.toBe(reads);
});

it('nothing behind the scores, which a runtime might not compute', async () => {
  const { reference } = await imported('skl-mlp');
  const file = await readOnnx(join(FOLDER, 'skl-mlp.onnx'));
  const of = (graph: OnnxFile['graph']): string[] => graph.node.map(({ opType }) => opType);
  expect(of(file.graph)).toContain('ZipMap');
  const left = of(fromBinary(ModelProtoSchema, referenceModel(file, reference)).graph!);
  expect(left.at(-1)).toBe('Add');
  expect(left).not.toContain('ZipMap');
});

it('float32: nothing is added', async () => {
  const { input, casts, reads } = await asked(Type.FLOAT);
  expect([input, casts]).toEqual([[reads, Type.FLOAT], []]);
});
