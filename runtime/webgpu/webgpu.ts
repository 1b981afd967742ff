/**
 * Local arithmetic with the products on a GPU and the rest on the CPU. Results are those of the CPU bit for bit, so a product may run on
 * either: on the CPU runs what the device has no room for and, once the device is lost, everything.
 */
import type { Compute, CompareJob, ConvJob, DigitCode, GemmJob } from '../compute.ts';
import { checkConv } from '../wasm/conv.ts';
import { checkGemm } from '../wasm/gemm.ts';
import { convLengths, gpuConv } from './conv.ts';
import type { Gpu } from './device.ts';
import { Dispatcher } from './dispatch.ts';
import { gemmLengths, gpuGemm } from './gemm.ts';
import type { ProductOptions, Tier } from './product.ts';
import type { ReadShader } from './shaders.ts';

/** How long a failed call waits to learn that the device is lost. */
const LOSS_REPORT_MS = 200;
/** Not measured yet: large GPUs have some 130 cores, which hold two workgroups of 256 threads or more. */
const BUSY_GROUPS = 256;

export interface WebgpuOptions {
  /** The device; closed with this compute. */
  readonly gpu: Gpu;
  readonly readShader: ReadShader;
  /** Does what the GPU does not; closed with this compute. */
  readonly cpu: Compute;
  /** Default: `bytes` where the device has packed dot products. */
  readonly tier?: Tier;
  /** Workgroups that keep the device busy (ProductOptions). Default: 256. */
  readonly busyGroups?: number;
  /** Told once why, when the device is lost and the CPU goes on. */
  readonly onLost?: (reason: string) => void;
}

export function createWebgpuCompute(options: WebgpuOptions): Compute {
  const { gpu, tier = gpu.packedDot ? 'bytes' : 'portable' } = options;
  if (tier === 'bytes' && !gpu.packedDot) throw new Error(`webgpu: ${gpu.adapter} has no packed dot products`);
  return new WebgpuCompute(options, tier);
}

class WebgpuCompute implements Compute {
  readonly name = 'webgpu';
  readonly #gpu: Gpu;
  readonly #cpu: Compute;
  readonly #dispatcher: Dispatcher;
  readonly #products: ProductOptions;
  readonly #onLost: ((reason: string) => void) | undefined;
  #told = false;
  #closed = false;

  constructor({ gpu, cpu, readShader, onLost, busyGroups = BUSY_GROUPS }: WebgpuOptions, tier: Tier) {
    this.#gpu = gpu;
    this.#cpu = cpu;
    this.#dispatcher = new Dispatcher(gpu, readShader);
    this.#products = { tier, busyGroups };
    this.#onLost = onLost;
  }

  async gemm(job: GemmJob): Promise<BigUint64Array> {
    checkGemm(job);
    const onCpu = (): Promise<BigUint64Array> => this.#cpu.gemm(job);
    if (!this.#dispatcher.fits(gemmLengths(job))) return onCpu();
    return this.#run(() => gpuGemm(this.#dispatcher, this.#products, job), onCpu);
  }

  async conv(job: ConvJob): Promise<BigUint64Array> {
    checkConv(job);
    const onCpu = (): Promise<BigUint64Array> => this.#cpu.conv(job);
    if (!this.#dispatcher.fits(convLengths(job))) return onCpu();
    return this.#run(() => gpuConv(this.#dispatcher, this.#products, job), onCpu);
  }

  thermometer(code: DigitCode, x: BigUint64Array, share0: Uint8Array): Promise<Uint8Array> {
    return this.#cpu.thermometer(code, x, share0);
  }

  compareShare(job: CompareJob): Promise<Uint8Array> {
    return this.#cpu.compareShare(job);
  }

  compareTest(code: DigitCode, d0: Uint8Array, d1: Uint8Array): Promise<Uint8Array> {
    return this.#cpu.compareTest(code, d0, d1);
  }

  pack(prime: 17 | 31 | 67, values: Uint8Array): Uint8Array {
    return this.#cpu.pack(prime, values);
  }

  unpack(prime: 17 | 31 | 67, packed: Uint8Array, count: number): Uint8Array {
    return this.#cpu.unpack(prime, packed, count);
  }

  sample17(source: Uint8Array, out: Uint8Array, at: number): number {
    return this.#cpu.sample17(source, out, at);
  }

  truncateLocal(party: 0 | 1, z: BigUint64Array, bits: number): BigUint64Array {
    return this.#cpu.truncateLocal(party, z, bits);
  }

  truncateDealt(
    party: 0 | 1,
    c: BigUint64Array,
    rShift: BigUint64Array,
    r63: BigUint64Array,
    bits: number,
  ): BigUint64Array {
    return this.#cpu.truncateDealt(party, c, rShift, r63, bits);
  }

  wrap(a: BigUint64Array, b: BigUint64Array): Uint8Array {
    return this.#cpu.wrap(a, b);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#gpu.close();
    await this.#cpu.close();
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
    if (!this.#told) this.#onLost?.(this.#gpu.lost() ?? '');
    this.#told = true;
    return onCpu();
  }
}
