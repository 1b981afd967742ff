/** Runs kernels: operands up, one submit, result down. Knows bindings and numbers; what they mean is in choices.ts. */
import { BufferPool, USAGE } from './buffers.ts';
import type { Gpu } from './device.ts';
import { ResidentOperands } from './resident.ts';
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

/** The buffers of one job: what holds what, and how to get one until its end. */
interface Job {
  readonly steps: readonly Step[];
  readonly pipelines: readonly GPUComputePipeline[];
  readonly buffers: Map<BigUint64Array | Step, GPUBuffer>;
  readonly groups: GPUBindGroup[];
  take(bytes: number, usage: number): GPUBuffer;
}

export class Dispatcher {
  readonly gpu: Gpu;
  readonly pool: BufferPool;
  readonly resident: ResidentOperands;
  readonly #pipelines: PipelineCache;

  constructor(gpu: Gpu, read: ReadShader, pool: BufferPool = new BufferPool(gpu.device)) {
    this.gpu = gpu;
    this.pool = pool;
    this.resident = new ResidentOperands(pool);
    this.#pipelines = new PipelineCache(gpu.device, read);
  }

  /** Compiles what a step and those it reads from need. */
  async prepare(last: Step): Promise<void> {
    await Promise.all(inOrder(last).map(({ kernel }) => this.#pipelines.get(kernel)));
  }

  /** The result of a step, after the steps it reads from; throws when the device refuses a call or is lost. */
  run(last: Step): Promise<BigUint64Array> {
    return this.#withBuffers(last, async (job) => {
      const { device } = this.gpu;
      const bytes = 8 * last.result[1];
      const encoder = this.#bound(job);
      this.#encode(job, encoder);
      const landing = job.take(bytes, USAGE.mapRead | USAGE.copyTarget);
      encoder.copyBufferToBuffer(job.buffers.get(last) as GPUBuffer, 0, landing, 0, bytes);
      device.queue.submit([encoder.finish()]);
      const checked = this.#checked(last);
      this.resident.trim();
      const mapped = landing.mapAsync(USAGE.mapRead, 0, bytes);
      // Looked at after the scopes, which say more.
      mapped.catch(() => undefined);
      await checked;
      await mapped;
      const values = new BigUint64Array(landing.getMappedRange(0, bytes).slice(0));
      landing.unmap();
      return values;
    });
  }

  /**
   * Seconds that a step and those it reads from take on the device, operands lying there: the mean of `repeats` in one submit, after one
   * that is not counted.
   */
  time(last: Step, repeats: number): Promise<number> {
    return this.#withBuffers(last, async (job) => {
      const { queue } = this.gpu.device;
      const warm = this.#bound(job);
      this.#encode(job, warm);
      queue.submit([warm.finish()]);
      await this.#checked(last);
      await queue.onSubmittedWorkDone();
      const encoder = this.gpu.device.createCommandEncoder();
      for (let i = 0; i < repeats; i++) this.#encode(job, encoder);
      const commands = encoder.finish();
      const start = performance.now();
      queue.submit([commands]);
      await queue.onSubmittedWorkDone();
      return (performance.now() - start) / 1e3 / repeats;
    });
  }

  async #withBuffers<T>(last: Step, use: (job: Job) => Promise<T>): Promise<T> {
    const steps = inOrder(last);
    const pipelines = await Promise.all(steps.map(({ kernel }) => this.#pipelines.get(kernel)));
    return this.pool.withRoom(this.#bytesOf(steps), async () => {
      const taken: GPUBuffer[] = [];
      const take = (bytes: number, usage: number): GPUBuffer => {
        const buffer = this.pool.take(bytes, usage);
        taken.push(buffer);
        return buffer;
      };
      try {
        const job: Job = { steps, pipelines, buffers: new Map(), groups: [], take };
        const result = await use(job);
        for (const buffer of taken) this.pool.give(buffer);
        return result;
      } catch (error) {
        // A buffer of a refused call may be invalid, one of a lost device is.
        for (const buffer of taken) buffer.destroy();
        this.resident.clear();
        throw error;
      }
    });
  }

  /** Operands go up and bind groups are made; from here to #checked nothing waits, so the scopes hold these calls' errors and no others. */
  #bound(job: Job): GPUCommandEncoder {
    const { device } = this.gpu;
    device.pushErrorScope('out-of-memory');
    device.pushErrorScope('validation');
    for (const [index, step] of job.steps.entries()) job.groups.push(this.#bind(job, step, job.pipelines[index]));
    return device.createCommandEncoder();
  }

  async #checked(last: Step): Promise<void> {
    const { device } = this.gpu;
    for (const error of await Promise.all([device.popErrorScope(), device.popErrorScope()])) {
      if (error !== null) throw new Error(`webgpu: ${last.kernel.file} was refused: ${error.message}`);
    }
  }

  #bind(job: Job, step: Step, pipeline: GPUComputePipeline): GPUBindGroup {
    const { device } = this.gpu;
    const entries: GPUBindGroupEntry[] = [];
    const bind = (binding: number, buffer: GPUBuffer, size: number): void => {
      entries.push({ binding, resource: { buffer, size } });
    };
    for (const [binding, values] of step.uniforms) {
      // A uniform is bound in whole blocks of 16 bytes.
      const words = new Uint32Array(Math.ceil(values.length / 4) * 4);
      words.set(values);
      const buffer = job.take(words.byteLength, USAGE.uniform | USAGE.copyTarget);
      device.queue.writeBuffer(buffer, 0, words);
      bind(binding, buffer, words.byteLength);
    }
    for (const [binding, content] of step.operands) {
      const size = content instanceof BigUint64Array ? content.byteLength : 8 * content.result[1];
      // Results of steps are there already.
      bind(binding, job.buffers.get(content) ?? this.#upload(job, content as BigUint64Array), size);
    }
    const [resultBinding, length] = step.result;
    const output = job.take(8 * length, USAGE.storage | USAGE.copySource);
    job.buffers.set(step, output);
    bind(resultBinding, output, 8 * length);
    return device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  }

  #upload(job: Job, content: BigUint64Array): GPUBuffer {
    const { buffer: memory, byteOffset, byteLength } = content;
    let buffer = this.resident.find(content);
    if (buffer === undefined) {
      const kept = this.resident.kept(content);
      const usage = USAGE.storage | USAGE.copyTarget;
      buffer = kept ? this.pool.take(byteLength, usage) : job.take(byteLength, usage);
      this.gpu.device.queue.writeBuffer(buffer, 0, memory, byteOffset, byteLength);
      if (kept) this.resident.add(content, buffer);
    }
    job.buffers.set(content, buffer);
    return buffer;
  }

  #encode({ steps, pipelines, groups }: Job, encoder: GPUCommandEncoder): void {
    for (const [index, step] of steps.entries()) {
      const pass = encoder.beginComputePass({ label: step.kernel.file });
      pass.setPipeline(pipelines[index]);
      pass.setBindGroup(0, groups[index]);
      pass.dispatchWorkgroups(...step.groups);
      pass.end();
    }
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
