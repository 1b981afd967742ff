/** onnxruntime-node, where somebody has installed it: what an ONNX file gives, by the program that is the measure of it. It is no dependency. */
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ROOT } from '../../data/packages.ts';
import { Problem } from '../../data/problem.ts';

const PACKAGE = 'onnxruntime-node';

/** For people: it is found where securenn is, not in the folder in which a command runs. */
export function howToInstall(root: string = ROOT): string {
  const among = basename(dirname(root)) === 'node_modules';
  const folder = among ? dirname(dirname(root)) : root;
  const command = `npm i --ignore-scripts ${PACKAGE}`;
  if (among && !existsSync(join(folder, 'package.json'))) return `${command} -g, as securenn is`;
  return `${command}, in ${folder}`;
}

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
    // The same code is that of a package that it needs itself.
    if (code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${PACKAGE}'`)) return undefined;
    const what = `${PACKAGE} is installed, but does not start: ${message}`;
    throw new Problem(what, `install it again (${howToInstall()}), or leave --check out`, { cause: error });
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
  const width = shape.reduce((product, extent) => product * extent, 1);
  const count = samples.length / width;
  const rows: number[] = [];
  try {
    const session = await runtime.InferenceSession.create(model, { logSeverityLevel: 3 });
    const [input] = session.inputNames;
    for (let from = 0; from < count; from += batch ?? count) {
      const size = batch ?? count;
      const part = new Float32Array(size * width);
      part.set(samples.subarray(from * width, Math.min(count, from + size) * width));
      const results = await session.run({ [input]: new runtime.Tensor('float32', part, [size, ...shape]) });
      const { data } = results[session.outputNames[0]];
      const classes = data.length / size;
      for (let i = 0; i < Math.min(size, count - from) * classes; i++) rows.push(Number(data[i]));
    }
  } catch (error) {
    const what = `onnxruntime does not run the model: ${(error as Error).message}`;
    throw new Problem(what, 'leave --check out, or export the model again', { cause: error });
  }
  return Float64Array.from(rows);
}
