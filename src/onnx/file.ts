/**
 * An ONNX file (https://onnx.ai): its bytes parsed, and what it keeps in files beside it read. A file may come from anyone: whatever is wrong
 * with it is a Problem, and no file outside its folder is read.
 */
import { fromBinary } from '@bufbuild/protobuf';
import { readFile, realpath } from 'node:fs/promises';
import { dirname, isAbsolute, join, sep } from 'node:path';
import { formatOf } from '../data/format.ts';
import { Problem } from '../data/problem.ts';
import {
  type AttributeProto,
  type FunctionProto,
  type GraphProto,
  type ModelProto,
  ModelProtoSchema,
  type NodeProto,
  type TensorProto,
  TensorProto_DataLocation,
} from './schema.ts';
import { quoted } from './words.ts';

/** Of the default operators: what PyTorch 1.x wrote, to the newest that the table was compared with. */
export const OPSETS = { from: 9, to: 28 } as const;
const EXPORT_AGAIN = 'export the model again, as docs/onnx.md shows';

export interface OnnxFile {
  /** As errors name it. */
  readonly source: string;
  readonly model: ModelProto;
  readonly graph: GraphProto;
  /** The version of the default operators. */
  readonly opset: number;
  /** Contents of the files beside it that hold weights, by the name that the model gives them. */
  readonly beside: ReadonlyMap<string, Uint8Array>;
}

export async function readOnnx(path: string): Promise<OnnxFile> {
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    const reason =
      { ENOENT: 'no such file', EISDIR: 'it is a folder', EACCES: 'not permitted' }[error.code ?? ''] ?? error.message;
    throw new Problem(`${path}: cannot be read: ${reason}`, 'give an existing ONNX file', { cause: error });
  });
  const parsed = parseOnnx(bytes, path);
  const beside = new Map<string, Uint8Array>();
  for (const name of namesBeside(parsed.model)) beside.set(name, await readBeside(path, name));
  return { ...parsed, beside };
}

/** A model from a file's bytes, without what lies beside it. */
export function parseOnnx(bytes: Uint8Array, source: string): OnnxFile {
  const seems = formatOf(bytes);
  if (seems !== undefined && seems !== 'text')
    throw new Problem(`${source}: no ONNX file: it is ${seems}`, EXPORT_AGAIN);
  let model: ModelProto;
  try {
    model = fromBinary(ModelProtoSchema, bytes);
  } catch (error) {
    const what = seems === 'text' ? 'no ONNX file: it is text' : 'no ONNX file, or one that was cut off or damaged';
    throw new Problem(`${source}: ${what}`, EXPORT_AGAIN, { cause: error });
  }
  const { graph } = model;
  if (graph === undefined || graph.node.length === 0)
    throw new Problem(`${source}: no ONNX file, or one that was cut off: it holds no graph`, EXPORT_AGAIN);
  const imported = model.opsetImport.find(({ domain }) => domain === '' || domain === 'ai.onnx');
  // scikit-learn's linear models need none of the default operators.
  const needed = graph.node.some(({ domain }) => domain === '' || domain === 'ai.onnx');
  if (imported === undefined && (needed || model.opsetImport.length === 0))
    throw new Problem(`${source}: says no version of its operators: it was cut off`, EXPORT_AGAIN);
  const opset = imported === undefined ? OPSETS.to : Number(imported.version);
  if (opset < OPSETS.from || opset > OPSETS.to) {
    throw new Problem(
      `${source}: operators of opset ${opset}: known are ${OPSETS.from} to ${OPSETS.to}`,
      'export the model again with another opset_version, such as 18',
    );
  }
  return { source, model, graph, opset, beside: new Map() };
}

/** Every tensor of a model that may lie in a file beside it. */
function* tensorsOf(model: ModelProto): Generator<TensorProto> {
  const graphs: GraphProto[] = model.graph === undefined ? [] : [model.graph];
  function* ofNodes(nodes: readonly NodeProto[]): Generator<TensorProto> {
    for (const { attribute } of nodes) for (const one of attribute) yield* ofAttribute(one);
  }
  function* ofAttribute({ t, tensors, g, graphs: more }: AttributeProto): Generator<TensorProto> {
    if (t !== undefined) yield t;
    yield* tensors;
    graphs.push(...(g === undefined ? [] : [g]), ...more);
  }
  for (let graph = graphs.pop(); graph !== undefined; graph = graphs.pop()) {
    yield* graph.initializer;
    yield* ofNodes(graph.node);
  }
  for (const { node } of model.functions satisfies FunctionProto[]) yield* ofNodes(node);
}

function namesBeside(model: ModelProto): Set<string> {
  const names = new Set<string>();
  for (const tensor of tensorsOf(model)) {
    if (tensor.dataLocation !== TensorProto_DataLocation.EXTERNAL) continue;
    names.add(tensor.externalData.find(({ key }) => key === 'location')?.value ?? '');
  }
  return names;
}

/** A file that the model names, which must lie in the model's folder: the model's writer does not choose what is read. */
async function readBeside(path: string, name: string): Promise<Uint8Array> {
  const parts = name.split(/[/\\]/);
  if (name === '' || name.includes('\0') || isAbsolute(name) || /^[a-z]:/i.test(name) || parts.includes('..'))
    throw outside(path, name);
  const folder = dirname(path);
  const target = join(folder, ...parts);
  try {
    const real = await realpath(target);
    if (!real.startsWith(`${await realpath(folder)}${sep}`)) throw outside(path, name);
    return await readFile(real);
  } catch (error) {
    if (error instanceof Problem) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'which is not there' : `which cannot be read (${code ?? 'unknown reason'})`;
    throw new Problem(
      `${path}: its weights lie in a file beside it, ${quoted(name)}, ${why}`,
      `put ${quoted(name)} into the same folder, or export into one file: torch.onnx.export(…, external_data=False)`,
      { cause: error },
    );
  }
}

function outside(path: string, name: string): Problem {
  return new Problem(
    `${path}: says that its weights lie in ${quoted(name)}, outside its folder`,
    'export into one file: torch.onnx.export(…, external_data=False)',
  );
}
