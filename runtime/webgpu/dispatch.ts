/** Runs kernels: operands up, one submit, result down. Knows bindings and numbers; what they mean is in product.ts. */
import { BufferPool, USAGE } from './buffers.ts';
import type { Gpu } from './device.ts';
import { PipelineCache, type Kernel, type ReadShader } from './shaders.ts';

/** A call of a kernel. */
export interface Step {
  readonly kernel: Kernel;
  /** Binding and u32 values of each uniform. */
  readonly uniforms: readonly (readonly [binding: number, values: readonly number[]])[];
  /**
   * Binding and content of each storage buffer that is read: elements, or the result of another step, which stays on the device. One array
   * under two bindings goes up once. None is empty.
   */
  readonly operands: readonly (readonly [binding: number, content: BigUint64Array | Step])[];
  /** Binding and length of the result, at least 1. */
  readonly result: readonly [binding: number, length: number];
  readonly groups: readonly [x: number, y: number, z: number];
}

type Take = (bytes: number, usage: number) => GPUBuffer;

export class Dispatcher {
  readonly gpu: Gpu;
  readonly pool: BufferPool;
  readonly #pipelines: PipelineCache;

  constructor(gpu: Gpu, read: ReadShader, pool: BufferPool = new BufferPool(gpu.device)) {
    this.gpu = gpu;
    this.pool = pool;
    this.#pipelines = new PipelineCache(gpu.device, read);
  }

  /** Whether every operand and the result can be bound. */
  fits(lengths: readonly number[]): boolean {
    return Math.max(...lengths) * 8 <= this.gpu.maxBindingBytes;
  }

  /** The result of a step, after the steps it reads from; throws when the device refuses a call or is lost. */
  async run(last: Step): Promise<BigUint64Array> {
    const steps = inOrder(last);
    const pipelines = await Promise.all(steps.map(({ kernel }) => this.#pipelines.get(kernel)));
    return this.pool.withRoom(this.#bytesOf(steps), async () => {
      const taken: GPUBuffer[] = [];
      const take: Take = (bytes, usage) => {
        const buffer = this.pool.take(bytes, usage);
        taken.push(buffer);
        return buffer;
      };
      try {
        const result = await this.#submitted(steps, pipelines, take);
        for (const buffer of taken) this.pool.give(buffer);
        return result;
      } catch (error) {
        // A buffer of a refused call may be invalid, one of a lost device is.
        for (const buffer of taken) buffer.destroy();
        throw error;
      }
    });
  }

  async #submitted(
    steps: readonly Step[],
    pipelines: readonly GPUComputePipeline[],
    take: Take,
  ): Promise<BigUint64Array> {
    const { device } = this.gpu;
    const last = steps[steps.length - 1];
    const bytes = 8 * last.result[1];
    // From here to the pops nothing waits, so the scopes hold these calls' errors and no others.
    device.pushErrorScope('out-of-memory');
    device.pushErrorScope('validation');
    const encoder = device.createCommandEncoder();
    const buffers = new Map<BigUint64Array | Step, GPUBuffer>();
    for (const [index, step] of steps.entries()) this.#encode(step, pipelines[index], encoder, buffers, take);
    const landing = take(bytes, USAGE.mapRead | USAGE.copyTarget);
    encoder.copyBufferToBuffer(buffers.get(last) as GPUBuffer, 0, landing, 0, bytes);
    device.queue.submit([encoder.finish()]);
    const scopes = [device.popErrorScope(), device.popErrorScope()];
    const mapped = landing.mapAsync(USAGE.mapRead, 0, bytes);
    // Looked at after the scopes, which say more.
    mapped.catch(() => undefined);

    for (const error of await Promise.all(scopes)) {
      if (error !== null) throw new Error(`webgpu: ${last.kernel.file} was refused: ${error.message}`);
    }
    await mapped;
    const values = new BigUint64Array(landing.getMappedRange(0, bytes).slice(0));
    landing.unmap();
    return values;
  }

  #encode(
    step: Step,
    pipeline: GPUComputePipeline,
    encoder: GPUCommandEncoder,
    buffers: Map<BigUint64Array | Step, GPUBuffer>,
    take: Take,
  ): void {
    const { device } = this.gpu;
    const entries: GPUBindGroupEntry[] = [];
    const bind = (binding: number, buffer: GPUBuffer, size: number): void => {
      entries.push({ binding, resource: { buffer, size } });
    };
    for (const [binding, values] of step.uniforms) {
      // A uniform is bound in whole blocks of 16 bytes.
      const words = new Uint32Array(Math.ceil(values.length / 4) * 4);
      words.set(values);
      const buffer = take(words.byteLength, USAGE.uniform | USAGE.copyTarget);
      device.queue.writeBuffer(buffer, 0, words);
      bind(binding, buffer, words.byteLength);
    }
    for (const [binding, content] of step.operands) {
      let buffer = buffers.get(content);
      if (buffer === undefined) {
        // Results of steps are there already, so this is an array.
        const { buffer: memory, byteOffset, byteLength } = content as BigUint64Array;
        buffer = take(byteLength, USAGE.storage | USAGE.copyTarget);
        device.queue.writeBuffer(buffer, 0, memory, byteOffset, byteLength);
        buffers.set(content, buffer);
      }
      bind(binding, buffer, content instanceof BigUint64Array ? content.byteLength : 8 * content.result[1]);
    }
    const [resultBinding, length] = step.result;
    const output = take(8 * length, USAGE.storage | USAGE.copySource);
    buffers.set(step, output);
    bind(resultBinding, output, 8 * length);

    const pass = encoder.beginComputePass({ label: step.kernel.file });
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(...step.groups);
    pass.end();
  }

  #bytesOf(steps: readonly Step[]): number {
    const arrays = steps.flatMap(({ operands }) => operands.map(([, content]) => content));
    const sizes = [
      ...[...new Set(arrays)].map((content) => (content instanceof BigUint64Array ? content.byteLength : 0)),
      ...steps.map(({ result }) => 8 * result[1]),
      8 * steps[steps.length - 1].result[1],
    ];
    return sizes.filter((bytes) => bytes > 0).reduce((sum, bytes) => sum + this.pool.sizeFor(bytes), 0);
  }
}

/** A step and all it reads from, each after what it reads. */
function inOrder(last: Step): Step[] {
  const order = new Set<Step>();
  const visit = (step: Step): void => {
    for (const [, content] of step.operands) if (!(content instanceof BigUint64Array)) visit(content);
    order.add(step);
  };
  visit(last);
  return [...order];
}
