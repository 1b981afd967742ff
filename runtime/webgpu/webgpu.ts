/**
 * Local arithmetic with the products on a GPU and the rest on the CPU. Results are those of the CPU bit for bit, so a product may run on
 * either: on the CPU runs what the device has no room for and, once the device is lost, everything.
 */
import { ownMethods, type Compute, type ConvJob, type GemmJob } from '../compute.ts';
import { checkConv } from '../wasm/conv.ts';
import { checkGemm } from '../wasm/gemm.ts';
import { listChoices, productStep, type Choice } from './choices.ts';
import { convProduct } from './conv.ts';
import type { Gpu } from './device.ts';
import { Dispatcher } from './dispatch.ts';
import { gemmProduct } from './gemm.ts';
import type { Product } from './product.ts';
import type { ReadShader } from './shaders.ts';
import { multiplyFile } from './subgroupProduct.ts';
import { multiplyShader } from './subgroupShader.ts';
import { Tuner, type Candidate, type TuningStore } from './tuner.ts';

/** How long a failed call waits to learn that the device is lost. */
const LOSS_REPORT_MS = 200;
/** Multiply-adds up to which the CPU takes part in a trial: some seconds of one core. Beyond, the portable kernel is the reference. */
const CPU_TRIAL = 2 ** 32;

export interface WebgpuOptions {
  /** The device; closed with this compute. */
  readonly gpu: Gpu;
  readonly readShader: ReadShader;
  /** Does what the GPU does not; closed with this compute. */
  readonly cpu: Compute;
  /** The kernel of all products. Default: the fastest for each shape, found by trial. */
  readonly choice?: Choice;
  /** Whether a product goes to the CPU where that is faster. Default: only those that the device has no room for. */
  readonly cpuWhereFaster?: boolean;
  /** Remembers the trials. */
  readonly store?: TuningStore;
  /** Measure each product on the device for `gpuNanoseconds`, where it has timestamps. A product then costs two queries and a copy more. */
  readonly timestamps?: boolean;
  /** Workgroups that keep the device busy (productStep). */
  readonly busyGroups?: number;
  /** Told once why, when the device is lost and the CPU goes on. */
  readonly onLost?: (reason: string) => void;
  /** Told of a kernel that gave another result than the CPU's; it is not used for products of that key. */
  readonly onWrong?: (choice: string, key: string) => void;
}

export function createWebgpuCompute(options: WebgpuOptions): Compute {
  const { gpu, choice } = options;
  if (choice !== undefined && !listChoices(gpu).includes(choice)) {
    throw new Error(`webgpu: ${gpu.adapter} does not run ${choice}; it runs ${listChoices(gpu).join(', ')}`);
  }
  const products = new GpuProducts(options);
  return {
    ...ownMethods(options.cpu),
    name: 'webgpu',
    gemm: (job) => products.gemm(job),
    conv: (job) => products.conv(job),
    keep: (values) => products.keep(values),
    gpuNanoseconds: (result) => products.nanoseconds(result),
    close: () => products.close(),
  };
}

/** Shaders of files, and those that are written from a variant. */
export function readKernels(gpu: Gpu, read: ReadShader): ReadShader {
  const written = new Map(gpu.subgroupVariants.map((variant) => [multiplyFile(variant), variant]));
  return async (path) => {
    const variant = written.get(path);
    return variant === undefined ? read(path) : multiplyShader(variant);
  };
}

class GpuProducts {
  readonly #options: WebgpuOptions;
  readonly #gpu: Gpu;
  readonly #cpu: Compute;
  readonly #dispatcher: Dispatcher;
  readonly #choices: readonly Choice[];
  readonly #tuner: Tuner;
  #told = false;
  #closed = false;

  constructor(options: WebgpuOptions) {
    const { gpu, cpu, readShader, choice, store, timestamps, onWrong = () => undefined } = options;
    this.#options = options;
    this.#gpu = gpu;
    this.#cpu = cpu;
    this.#dispatcher = new Dispatcher(gpu, readKernels(gpu, readShader), timestamps);
    this.#choices = choice === undefined ? listChoices(gpu) : [choice];
    this.#tuner = new Tuner(store, onWrong);
  }

  async gemm(job: GemmJob): Promise<BigUint64Array> {
    checkGemm(job);
    return this.#product(gemmProduct(job), gemmKey(job), () => this.#cpu.gemm(job));
  }

  async conv(job: ConvJob): Promise<BigUint64Array> {
    checkConv(job);
    return this.#product(convProduct(job), convKey(job), () => this.#cpu.conv(job));
  }

  keep(values: BigUint64Array): void {
    this.#dispatcher.resident.keep(values);
  }

  nanoseconds(result: BigUint64Array | Uint8Array): number | undefined {
    return result instanceof BigUint64Array ? this.#dispatcher.nanosecondsOf(result) : undefined;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#gpu.close();
    await this.#cpu.close();
  }

  #product(product: Product | undefined, key: string, onCpu: () => Promise<BigUint64Array>): Promise<BigUint64Array> {
    const kernels = product === undefined ? [] : this.#kernelsOf(product);
    if (product === undefined || kernels.length === 0) return onCpu();
    const [only] = kernels;
    if (this.#options.choice !== undefined) return this.#run(() => only.run(), onCpu);
    const { cpuWhereFaster: eligible = false } = this.#options;
    const { m, k, n, terms } = product;
    const cpu: Candidate = { name: 'cpu', eligible, prepare: () => Promise.resolve(), run: onCpu };
    const candidates = m * k * n * terms.length <= CPU_TRIAL ? [cpu, ...kernels] : kernels;
    return this.#run(() => this.#tuner.run(`${eligible ? 'auto' : 'webgpu'} ${key}`, candidates), onCpu);
  }

  #kernelsOf(product: Product): Candidate[] {
    return this.#choices.flatMap((name) => {
      const step = productStep(this.#gpu, name, product, this.#options.busyGroups);
      if (step === undefined) return [];
      const prepare = (): Promise<void> => this.#dispatcher.prepare(step);
      return [{ name, eligible: true, prepare, run: () => this.#dispatcher.run(step) }];
    });
  }

  /** On the GPU; when the device is lost before the result is here, again on the CPU: the operands are as they were. */
  async #run(onGpu: () => Promise<BigUint64Array>, onCpu: () => Promise<BigUint64Array>): Promise<BigUint64Array> {
    if (this.#closed) throw new Error('webgpu: compute is closed');
    if (this.#gpu.lost() === undefined) {
      try {
        return await onGpu();
      } catch (error) {
        // A loss shows first as a call that fails, and may be reported a moment later.
        const reason = await this.#gpu.lostWithin(LOSS_REPORT_MS);
        if (reason === undefined) throw error;
      }
    }
    if (this.#closed) throw new Error('webgpu: compute is closed');
    if (!this.#told) this.#options.onLost?.(this.#gpu.lost() ?? '');
    this.#told = true;
    return onCpu();
  }
}

/** What trials distinguish: sizes, storage order, terms. */
function gemmKey({ m, k, n, transposeA = false, transposeB = false, terms }: GemmJob): string {
  return `gemm ${m}x${k}x${n} ${transposeA ? 't' : 'n'}${transposeB ? 't' : 'n'} ${terms.length}`;
}

function convKey({ map, shape, terms }: ConvJob): string {
  const { batch, height, width, channels, kernelHeight, kernelWidth, filters, stride, padding } = shape;
  const image = [batch, height, width, channels].join('x');
  return `conv ${map} ${image} ${kernelHeight}x${kernelWidth}x${filters} ${stride} ${padding} ${terms.length}`;
}
