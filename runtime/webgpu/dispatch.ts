/** Runs kernels: operands up, one submit, result down. Knows bindings and numbers; what they mean is in choices.ts. */
import { BufferPool, USAGE } from './buffers.ts';
import type { Gpu } from './device.ts';
import { ResidentOperands } from './resident.ts';
import { PipelineCache, type Kernel, type ReadShader } from './shaders.ts';
import { TIMES_BYTES, Timestamps, readNanoseconds } from './timestamps.ts';

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
  /** At least 1 each. */
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

/** How long something took, in seconds. */
export interface Duration {
  readonly wall: number;
  /** On the device's clock; absent where it has none, or none to be trusted. */
  readonly gpu?: number | undefined;
}

export class Dispatcher {
  readonly gpu: Gpu;
  readonly pool: BufferPool;
  readonly resident: ResidentOperands;
  readonly #pipelines: PipelineCache;
  readonly #timestamps: Timestamps | undefined;
  readonly #nanoseconds: WeakMap<BigUint64Array, number> | undefined;

  /** `timed`: keep the device's time of each result for `nanosecondsOf`, where the device has timestamps. */
  constructor(gpu: Gpu, read: ReadShader, timed = false) {
    this.gpu = gpu;
    this.pool = new BufferPool(gpu.device);
    this.resident = new ResidentOperands(this.pool);
    this.#pipelines = new PipelineCache(gpu.device, read);
    this.#timestamps = Timestamps.of(gpu.device);
    this.#nanoseconds = timed ? new WeakMap() : undefined;
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
      const times = this.#encode(job, encoder, 1, this.#nanoseconds !== undefined);
      const landing = job.take(bytes, USAGE.mapRead | USAGE.copyTarget);
      encoder.copyBufferToBuffer(job.buffers.get(last) as GPUBuffer, 0, landing, 0, bytes);
      device.queue.submit([encoder.finish()]);
      const checked = this.#checked(last);
      this.resident.trim();
      const mapped = Promise.all([landing.mapAsync(USAGE.mapRead, 0, bytes), times && readNanoseconds(times)]);
      // Looked at after the scopes, which say more.
      mapped.catch(() => undefined);
      await checked;
      const [, nanoseconds] = await mapped;
      const values = new BigUint64Array(landing.getMappedRange(0, bytes).slice(0));
      landing.unmap();
      if (nanoseconds !== undefined) this.#nanoseconds?.set(values, nanoseconds);
      return values;
    });
  }

  /** Nanoseconds from the beginning of the first kernel of a result of `run` to the end of the last, where they are known. */
  nanosecondsOf(result: BigUint64Array): number | undefined {
    return this.#nanoseconds?.get(result);
  }

  /**
   * How long a step and those it reads from take on the device, operands lying there: the mean of `repeats` in one submit, after one that
   * is not counted. By the wall clock, the submit's own time is in it.
   */
  time(last: Step, repeats: number): Promise<Duration> {
    return this.#withBuffers(last, async (job) => {
      const { queue } = this.gpu.device;
      const warm = this.#bound(job);
      this.#encode(job, warm);
      queue.submit([warm.finish()]);
      await this.#checked(last);
      await queue.onSubmittedWorkDone();
      const encoder = this.gpu.device.createCommandEncoder();
      const times = this.#encode(job, encoder, repeats, true);
      const commands = encoder.finish();
      const start = performance.now();
      queue.submit([commands]);
      await queue.onSubmittedWorkDone();
      const wall = (performance.now() - start) / 1e3 / repeats;
      const nanoseconds = times && (await readNanoseconds(times));
      return { wall, gpu: nanoseconds && nanoseconds / 1e9 / repeats };
    });
  }

  async #withBuffers<T>(last: Step, use: (job: Job) => Promise<T>): Promise<T> {
    const steps = inOrder(last);
    for (const { kernel, groups } of steps) {
      // Dawn's warning of a dispatch of none goes to standard output.
      if (!groups.every((count) => count >= 1))
        throw new RangeError(`webgpu: ${kernel.file}: ${groups.join(' x ')} workgroups`);
    }
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

  /** The passes of a job, `repeats` times; gives where their times will lie, if they are wanted and the device has any. */
  #encode(job: Job, encoder: GPUCommandEncoder, repeats = 1, timed = false): GPUBuffer | undefined {
    const { steps, pipelines, groups } = job;
    const timestamps = timed ? this.#timestamps : undefined;
    const passes = repeats * steps.length;
    for (let i = 0; i < passes; i++) {
      const index = i % steps.length;
      const times = timestamps?.writes(i === 0, i === passes - 1);
      const pass = encoder.beginComputePass({ label: steps[index].kernel.file, ...times });
      pass.setPipeline(pipelines[index]);
      pass.setBindGroup(0, groups[index]);
      pass.dispatchWorkgroups(...steps[index].groups);
      pass.end();
    }
    if (timestamps === undefined) return undefined;
    const landing = job.take(TIMES_BYTES, USAGE.mapRead | USAGE.copyTarget);
    timestamps.copyTo(landing, encoder);
    return landing;
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
