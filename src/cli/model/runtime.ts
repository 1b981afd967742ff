/** onnxruntime-node, where somebody has installed it: what an ONNX file gives, by the program that is the measure of it. It is no dependency. */
import { Problem } from '../../data/problem.ts';

const PACKAGE = 'onnxruntime-node';

interface RuntimeTensor {
  readonly data: ArrayLike<number>;
}

interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, RuntimeTensor>>>;
}

export interface Runtime {
  readonly InferenceSession: { create(model: Uint8Array, options?: object): Promise<Session> };
  readonly Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => unknown;
}

/** Undefined where it is not installed. */
export async function loadRuntime(): Promise<Runtime | undefined> {
  try {
    const loaded = (await import(PACKAGE)) as Runtime & { readonly default?: Runtime };
    return loaded.default ?? loaded;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_MODULE_NOT_FOUND') return undefined;
    throw new Problem(`${PACKAGE} is installed, but does not start: ${message}`, `npm i --ignore-scripts ${PACKAGE}`, {
      cause: error,
    });
  }
}

/** Runs a model on samples; a row of scores for each. @param batch that the model fixes */
export async function runtimeScores(
  runtime: Runtime,
  model: Uint8Array,
  samples: Float32Array,
  shape: readonly number[],
  batch: number | undefined,
): Promise<Float64Array> {
  let session: Session;
  try {
    session = await runtime.InferenceSession.create(model, { logSeverityLevel: 3 });
  } catch (error) {
    const what = `onnxruntime does not take the model: ${(error as Error).message}`;
    throw new Problem(what, 'leave --check out, or export the model again', { cause: error });
  }
  const width = shape.reduce((product, extent) => product * extent, 1);
  const count = samples.length / width;
  const [input] = session.inputNames;
  const rows: number[] = [];
  for (let from = 0; from < count; from += batch ?? count) {
    const size = batch ?? count;
    const part = new Float32Array(size * width);
    part.set(samples.subarray(from * width, Math.min(count, from + size) * width));
    const results = await session.run({ [input]: new runtime.Tensor('float32', part, [size, ...shape]) });
    const { data } = results[session.outputNames[0]];
    const classes = data.length / size;
    for (let i = 0; i < Math.min(size, count - from) * classes; i++) rows.push(Number(data[i]));
  }
  return Float64Array.from(rows);
}
