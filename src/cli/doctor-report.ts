/** What `securenn doctor` found, in words. */
import { howToInstall } from '../data/packages.ts';
import type { GpuCard } from './gpu-card.ts';
import type { Machine } from './report.ts';
import type { KernelResult } from './self-test.ts';

export interface DoctorReport {
  readonly command: 'doctor';
  /** This machine can run securenn, with or without a GPU. */
  readonly ok: boolean;
  readonly platform: string;
  readonly machine: Machine;
  /** Least version of Node. */
  readonly nodeNeeded: string;
  readonly nodeOk: boolean;
  readonly wasmSimd: boolean;
  /** Whether worker threads computed; why not, if they did not. */
  readonly threads: { readonly ok: boolean; readonly failure: string | null };
  readonly gpu: GpuCard | null;
  /** Without a GPU: what was tried, and what may help. */
  readonly gpuMissing: {
    readonly tried: string;
    readonly vulkanDrivers: readonly string[] | null;
    readonly advice: string;
  } | null;
  readonly selfTest: readonly KernelResult[];
  readonly selfTestSeconds: number;
}

/** The report, a line each; the last says whether all is well. */
export function doctorLines(report: DoctorReport): string[] {
  const { machine, platform, nodeOk, nodeNeeded, wasmSimd, threads, selfTest } = report;
  const line = (ok: boolean, text: string): string => `${ok ? 'ok   ' : 'FAIL '} ${text}`;
  return [
    line(nodeOk, `Node ${machine.node} on ${platform}${nodeOk ? '' : `: ${nodeNeeded} or later is needed`}`),
    line(true, `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB memory`),
    line(wasmSimd, `WebAssembly SIMD${wasmSimd ? '' : ': this Node does not have it, and securenn needs it'}`),
    line(threads.ok, `worker threads${threads.failure === null ? '' : `: ${threads.failure}`}`),
    ...gpuLines(report),
    ...selfTest.map(({ kernel, products, failure }) =>
      line(
        failure === null,
        `kernel ${kernel}: ${failure === null ? `${products} products right` : `WRONG: ${failure}`}`,
      ),
    ),
    verdict(report),
  ];
}

function gpuLines({ gpu, gpuMissing }: DoctorReport): string[] {
  const inset = (text: string): string => `      ${text}`;
  if (gpuMissing !== null) {
    const { tried, vulkanDrivers, advice } = gpuMissing;
    const drivers = vulkanDrivers?.length === 0 ? 'none' : vulkanDrivers?.join(', ');
    return [
      'note  no GPU: securenn computes on the CPU',
      inset(`tried: ${tried}`),
      ...(drivers === undefined ? [] : [inset(`Vulkan drivers registered here: ${drivers}`)]),
      inset(advice),
    ];
  }
  if (gpu === null) return [];
  const { limits } = gpu;
  const lanes = gpu.subgroupSizes[0] === gpu.subgroupSizes[1] ? gpu.subgroupSizes[0] : gpu.subgroupSizes.join(' to ');
  return [
    `${gpu.software ? 'note ' : 'ok   '} GPU ${gpu.adapter}${gpu.software ? ': computes on the CPU, for tests only' : ''}`,
    inset(`driver: ${gpu.driver || 'gives no name'}`),
    inset(
      `buffers to ${bytes(limits.maxBufferSize)}, operands to ${bytes(limits.maxStorageBufferBindingSize)}, ` +
        `workgroups of ${limits.maxComputeInvocationsPerWorkgroup} threads and ${bytes(limits.maxComputeWorkgroupStorageSize)}`,
    ),
    inset(`subgroups of ${lanes} lanes; matrices: ${gpu.subgroupMatrices.join(', ') || 'none'}`),
    inset(`features: ${gpu.features.join(', ')}`),
    ...tierLines(gpu).map(inset),
  ];
}

/** What each tier of kernels needs, where it is not there. */
function tierLines({ kernels, packedDot }: GpuCard): string[] {
  const tier = (name: string, missing: string): string => {
    const own = kernels
      .filter((kernel) => kernel.startsWith(`${name}/`))
      .map((kernel) => kernel.slice(name.length + 1));
    return `tier ${name}: ${own.length > 0 ? own.join(', ') : missing}`;
  };
  return [
    tier('portable', 'none'),
    tier('bytes', `none: no packed dot products${packedDot ? ' in a kernel' : ''}`),
    tier('subgroup', 'none: no matrices of u8 with u32 sums, of a shape and subgroup size the kernels know'),
  ];
}

function verdict({ ok, gpu, selfTest, nodeOk, wasmSimd, threads, selfTestSeconds }: DoctorReport): string {
  const wrong = selfTest.filter(({ failure }) => failure !== null).length;
  const tested = `${selfTest.length} kernel${selfTest.length === 1 ? '' : 's'} tested in ${selfTestSeconds.toFixed(1)} s`;
  if (ok) return `This machine can run securenn${gpu === null || gpu.software ? ', without a GPU' : ''}; ${tested}.`;
  const reasons = [
    ...(nodeOk ? [] : ['Node is too old']),
    ...(wasmSimd ? [] : ['there is no WebAssembly SIMD']),
    ...(threads.ok ? [] : ['worker threads fail']),
    ...(wrong > 0 ? [`${wrong} of ${selfTest.length} kernels compute wrong`] : []),
  ];
  return `This machine cannot be trusted with securenn: ${reasons.join('; ')}.`;
}

/**
 * How to get a GPU seen: with the package `webgpu`, unless it is `installed`; then, on Linux, a driver has to be there, and elsewhere it comes
 * with the system.
 */
export function gpuAdvice(platform: NodeJS.Platform, installed = true): string {
  if (!installed) return `to use a GPU, run ${howToInstall('webgpu')}`;
  if (platform === 'linux') {
    return (
      'to use a GPU, install the Vulkan loader (Debian, Ubuntu: libvulkan1) and its driver: mesa-vulkan-drivers for AMD and Intel; ' +
      "for NVIDIA the vendor's driver with its Vulkan ICD (in a container: with the capability graphics)"
    );
  }
  if (platform === 'darwin' || platform === 'win32') {
    const api = platform === 'darwin' ? 'Metal' : 'Direct3D 12';
    return `nothing has to be installed here: any GPU that ${api} drives is used; update the system or its graphics driver`;
  }
  return 'the package "webgpu" has builds for Linux, macOS and Windows, on x64 and arm64';
}

function bytes(count: number): string {
  const unit = ['B', 'KiB', 'MiB', 'GiB'].findLastIndex((_, i) => count >= 1024 ** i);
  return `${Number((count / 1024 ** Math.max(0, unit)).toFixed(1))} ${['B', 'KiB', 'MiB', 'GiB'][Math.max(0, unit)]}`;
}
