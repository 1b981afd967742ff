/**
 * WGSL files, and pipelines made of them. A file includes others by a line `//#include "path"`, the path relative to its own folder; a file
 * is taken once, where it is first named.
 */

/** The text of a file of shaders/, e.g. `gemmBytes.wgsl`. */
export type ReadShader = (path: string) => Promise<string>;

/** A kernel is data: a file with an entry point `main`, and its override constants. */
export interface Kernel {
  readonly file: string;
  readonly constants: Readonly<Record<string, number>>;
}

/** A line of a shader and where it came from; `number` counts from 1. */
interface Line {
  readonly file: string;
  readonly number: number;
  readonly text: string;
}

const INCLUDE = /^\/\/#include "([^"]+)"\s*$/;

/** The lines of a file with what it includes in place. */
export async function resolveShader(read: ReadShader, file: string): Promise<readonly Line[]> {
  const lines: Line[] = [];
  const taken = new Set<string>();
  const add = async (path: string): Promise<void> => {
    taken.add(path);
    const texts = (await read(path)).split(/\r?\n/);
    for (const [index, text] of texts.entries()) {
      const included = INCLUDE.exec(text)?.[1];
      if (included === undefined) {
        lines.push({ file: path, number: index + 1, text });
        continue;
      }
      const target = path.slice(0, path.lastIndexOf('/') + 1) + included;
      if (!taken.has(target)) await add(target);
    }
  };
  await add(file);
  return lines;
}

/** Pipelines of one device. A kernel is compiled once; who asks while it is compiling waits for the same pipeline. */
export class PipelineCache {
  readonly #device: GPUDevice;
  readonly #read: ReadShader;
  readonly #modules = new Map<string, Promise<GPUShaderModule>>();
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  constructor(device: GPUDevice, read: ReadShader) {
    this.#device = device;
    this.#read = read;
  }

  /** Throws with file, line and source when the shader does not compile. */
  get(kernel: Kernel): Promise<GPUComputePipeline> {
    return once(this.#pipelines, `${kernel.file} ${JSON.stringify(kernel.constants)}`, () => this.#build(kernel));
  }

  async #build({ file, constants }: Kernel): Promise<GPUComputePipeline> {
    const module = await once(this.#modules, file, () => this.#compile(file));
    try {
      const compute = { module, entryPoint: 'main', constants: { ...constants } };
      return await this.#device.createComputePipelineAsync({ label: file, layout: 'auto', compute });
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(`webgpu: no pipeline for ${file} with ${JSON.stringify(constants)}: ${reason}`, { cause });
    }
  }

  async #compile(file: string): Promise<GPUShaderModule> {
    const lines = await resolveShader(this.#read, file);
    // The error comes back as a message below; without a scope it would be reported as nobody's as well.
    this.#device.pushErrorScope('validation');
    const module = this.#device.createShaderModule({ label: file, code: lines.map(({ text }) => text).join('\n') });
    const scope = this.#device.popErrorScope();
    const { messages } = await module.getCompilationInfo();
    const refusal = await scope;
    const errors = messages.filter(({ type }) => type === 'error');
    if (errors.length > 0) throw new Error(`webgpu: ${file} does not compile\n${errors.map(at(lines)).join('\n')}`);
    if (refusal !== null) throw new Error(`webgpu: ${file} does not compile\n${refusal.message}`);
    return module;
  }
}

/** A message with the line it means, and a mark under the place. */
function at(lines: readonly Line[]): (message: GPUCompilationMessage) => string {
  return ({ lineNum, linePos, message }) => {
    const line = lineNum > 0 ? lines[lineNum - 1] : undefined;
    if (line === undefined) return `  ${message}`;
    const mark = `${' '.repeat(Math.max(0, linePos - 1))}^`;
    return `  ${line.file}:${line.number}:${linePos}: ${message}\n    ${line.text}\n    ${mark}`;
  };
}

/** The promise under a key, made at the first call. One that fails is forgotten, so that a later call may succeed. */
function once<T>(made: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const before = made.get(key);
  if (before !== undefined) return before;
  const promise = make();
  made.set(key, promise);
  promise.catch(() => made.delete(key));
  return promise;
}
