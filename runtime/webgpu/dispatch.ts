/** Runs a kernel: operands up, one submit, result down. Knows bindings and numbers; what they mean is in gemm.ts and conv.ts. */
import { BufferPool, USAGE } from './buffers.ts';
import type { Gpu } from './device.ts';
import { PipelineCache, type Kernel, type ReadShader } from './shaders.ts';

/** A call of a kernel. */
export interface Dispatch {
  readonly kernel: Kernel;
  /** Binding and u32 values of each uniform. */
  readonly uniforms: readonly (readonly [binding: number, values: readonly number[]])[];
  /** Binding and elements of each storage buffer that is read; one array under two bindings goes up once. None is empty. */
  readonly operands: readonly (readonly [binding: number, values: BigUint64Array])[];
  /** Binding and length of the result, at least 1. */
  readonly result: readonly [binding: number, length: number];
  readonly groups: readonly [x: number, y: number];
}

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

  /** The result; throws when the device refuses the call or is lost. */
  async run(dispatch: Dispatch): Promise<BigUint64Array> {
    const pipeline = await this.#pipelines.get(dispatch.kernel);
    return this.pool.withRoom(this.#bytesOf(dispatch), async () => {
      const taken: GPUBuffer[] = [];
      const take = (bytes: number, usage: number): GPUBuffer => {
        const buffer = this.pool.take(bytes, usage);
        taken.push(buffer);
        return buffer;
      };
      try {
        const result = await this.#submitted(pipeline, dispatch, take);
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
    pipeline: GPUComputePipeline,
    { kernel, uniforms, operands, result, groups }: Dispatch,
    take: (bytes: number, usage: number) => GPUBuffer,
  ): Promise<BigUint64Array> {
    const { device } = this.gpu;
    // From here to the pops nothing waits, so the scopes hold this call's errors and no other's.
    device.pushErrorScope('out-of-memory');
    device.pushErrorScope('validation');
    const entries: GPUBindGroupEntry[] = [];
    const bind = (binding: number, buffer: GPUBuffer, size: number): void => {
      entries.push({ binding, resource: { buffer, size } });
    };
    for (const [binding, values] of uniforms) {
      // A uniform is bound in whole blocks of 16 bytes.
      const words = new Uint32Array(Math.ceil(values.length / 4) * 4);
      words.set(values);
      const buffer = take(words.byteLength, USAGE.uniform | USAGE.copyTarget);
      device.queue.writeBuffer(buffer, 0, words);
      bind(binding, buffer, words.byteLength);
    }
    const uploaded = new Map<BigUint64Array, GPUBuffer>();
    for (const [binding, values] of operands) {
      let buffer = uploaded.get(values);
      if (buffer === undefined) {
        buffer = take(values.byteLength, USAGE.storage | USAGE.copyTarget);
        device.queue.writeBuffer(buffer, 0, values.buffer, values.byteOffset, values.byteLength);
        uploaded.set(values, buffer);
      }
      bind(binding, buffer, values.byteLength);
    }
    const [resultBinding, length] = result;
    const bytes = 8 * length;
    const output = take(bytes, USAGE.storage | USAGE.copySource);
    const landing = take(bytes, USAGE.mapRead | USAGE.copyTarget);
    bind(resultBinding, output, bytes);

    const encoder = device.createCommandEncoder({ label: kernel.file });
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
    pass.dispatchWorkgroups(...groups);
    pass.end();
    encoder.copyBufferToBuffer(output, 0, landing, 0, bytes);
    device.queue.submit([encoder.finish()]);
    const scopes = [device.popErrorScope(), device.popErrorScope()];
    const mapped = landing.mapAsync(USAGE.mapRead, 0, bytes);
    // Looked at after the scopes, which say more.
    mapped.catch(() => undefined);

    for (const error of await Promise.all(scopes)) {
      if (error !== null) throw new Error(`webgpu: ${kernel.file} was refused: ${error.message}`);
    }
    await mapped;
    const values = new BigUint64Array(landing.getMappedRange(0, bytes).slice(0));
    landing.unmap();
    return values;
  }

  #bytesOf({ operands, result }: Dispatch): number {
    const arrays = new Set(operands.map(([, values]) => values));
    const sizes = [...[...arrays].map(({ byteLength }) => byteLength), 8 * result[1], 8 * result[1]];
    return sizes.reduce((sum, bytes) => sum + this.pool.sizeFor(bytes), 0);
  }
}
