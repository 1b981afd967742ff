/**
 * `securenn doctor`: what this machine has for securenn, whether its kernels compute right, and what to install. A missing GPU is no
 * failure; a kernel that computes wrong is one, and so is a machine that cannot run the CPU kernels.
 */
import { readdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Options } from 'yargs';
import type { ConvJob, GemmJob } from '../../runtime/compute.ts';
import { listChoices, productStep } from '../../runtime/webgpu/choices.ts';
import { convProduct } from '../../runtime/webgpu/conv.ts';
import { openDevice, type Gpu } from '../../runtime/webgpu/device.ts';
import { Dispatcher } from '../../runtime/webgpu/dispatch.ts';
import { gemmProduct } from '../../runtime/webgpu/gemm.ts';
import { loadDawn, readShaderFile } from '../../runtime/webgpu/node.ts';
import type { Product } from '../../runtime/webgpu/product.ts';
import { readKernels } from '../../runtime/webgpu/webgpu.ts';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';
import { folderOf } from '../data/packages.ts';
import { Problem } from '../data/problem.ts';
import { convByDefinition, gemmByDefinition } from './by-definition.ts';
import { doctorLines, gpuAdvice, type DoctorReport } from './doctor-report.ts';
import { messageOf } from './errors.ts';
import { gpuCard } from './gpu-card.ts';
import { unlessAborted } from './interrupts.ts';
import { checkWritable, say, writeReport } from './output.ts';
import { machineCard } from './report.ts';
import { kernelOf, selfTest, type Kernel, type KernelResult } from './self-test.ts';
import { type Argv, number, optionalText, real, text } from './options/values.ts';

const NODE_NEEDED = '20.19';
const DEFAULT_SECONDS = 5;
/** A module that needs SIMD: one function, `(result v128) i32.const 0 i8x16.splat`. */
const SIMD_MODULE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123],
  ...[3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11],
);
/** Elements a side of a product that is large enough for a worker thread. */
const THREADED_SIDE = 80;

export const doctorOptions: Readonly<Record<string, Options>> = {
  seconds: {
    ...number,
    default: DEFAULT_SECONDS,
    describe: 'How long to test kernels, from 0 to 3600; odd shapes are all done',
  },
  'fallback-adapter': {
    type: 'boolean',
    default: false,
    describe: 'Test the GPU kernels on a software adapter, which is slower than no GPU',
  },
  choices: { ...text, defaultDescription: 'all', describe: 'Test only GPU kernels whose name matches, e.g. ^bytes/' },
  json: {
    ...text,
    defaultDescription: 'none',
    describe: 'Write one JSON object here; - for standard output',
  },
};

/** A GPU, or why there is none. */
type GpuOrNone = { readonly gpu: Gpu } | { readonly tried: string };

export async function doctor(argv: Argv, signal: AbortSignal): Promise<void> {
  const json = optionalText(argv, 'json');
  if (json !== undefined && json !== '-') await checkWritable('json', json);
  const seconds = real(argv, 'seconds', 'a number from 0 to 3600', (x) => x >= 0 && x <= 3600);
  const choices = pattern(optionalText(argv, 'choices') ?? '');
  const fallback = argv['fallback-adapter'] === true;
  const found = await openGpu(fallback);
  try {
    const kernels = 'gpu' in found ? gpuKernels(found.gpu).filter(({ name }) => choices.test(name)) : [];
    const report = await unlessAborted(signal, examine(found, 1000 * seconds, kernels));
    for (const line of doctorLines(report)) say(json, line);
    await writeReport(json, report);
    if (!report.ok) throw new Problem('doctor: this machine failed a test', 'see the lines that begin with FAIL');
  } finally {
    if ('gpu' in found) found.gpu.close();
  }
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (error) {
    throw new Problem(`--choices: ${messageOf(error)}`, 'give a regular expression', { cause: error });
  }
}

async function openGpu(fallbackAdapter: boolean): Promise<GpuOrNone> {
  try {
    return { gpu: await openDevice(await loadDawn(), { fallbackAdapter }) };
  } catch (error) {
    return { tried: messageOf(error) };
  }
}

/** Everything there is to find out, the self-test included: `kernels` are those of the GPU. */
export async function examine(
  found: GpuOrNone,
  milliseconds: number,
  kernels: readonly Kernel[],
): Promise<DoctorReport> {
  const gpu = 'gpu' in found ? found.gpu : undefined;
  const wasmSimd = await hasWasmSimd();
  const nodeOk = isAtLeast(process.versions.node, NODE_NEEDED);
  const start = performance.now();
  const { results, threads } = wasmSimd
    ? await testKernels(kernels, milliseconds)
    : { results: [], threads: { ok: false, failure: 'not tested without WebAssembly SIMD' } };
  return {
    command: 'doctor',
    ok: nodeOk && wasmSimd && threads.ok && results.every(({ failure }) => failure === null),
    platform: `${process.platform}-${process.arch}`,
    machine: machineCard(gpu?.adapter),
    nodeNeeded: NODE_NEEDED,
    nodeOk,
    wasmSimd,
    threads,
    gpu: gpu === undefined ? null : gpuCard(gpu),
    gpuMissing:
      'gpu' in found
        ? null
        : {
            tried: found.tried,
            vulkanDrivers: await vulkanDrivers(),
            advice: gpuAdvice(process.platform, folderOf('webgpu') !== undefined),
          },
    selfTest: results,
    selfTestSeconds: (performance.now() - start) / 1000,
  };
}

/** Every kernel of the device, without the CPU that steps in for it in a training. */
export function gpuKernels(gpu: Gpu): Kernel[] {
  const dispatcher = new Dispatcher(gpu, readKernels(gpu, readShaderFile));
  return listChoices(gpu).map((choice) => {
    const run = async (product: Product | undefined): Promise<BigUint64Array | undefined> => {
      const step = product && productStep(gpu, choice, product);
      return step && dispatcher.run(step);
    };
    return {
      name: choice,
      gemm: (job: GemmJob) => run(gemmProduct(job)),
      conv: (job: ConvJob) => run(convProduct(job)),
    };
  });
}

/** The CPU kernels against the definition and on threads, then `kernels` against the CPU kernels. */
async function testKernels(
  kernels: readonly Kernel[],
  milliseconds: number,
): Promise<{ results: KernelResult[]; threads: DoctorReport['threads'] }> {
  const cpu = await createWasmCompute({ workers: 0 });
  try {
    const definition: Kernel = {
      name: 'definition',
      gemm: (job) => Promise.resolve(gemmByDefinition(job)),
      conv: (job) => Promise.resolve(convByDefinition(job)),
    };
    const wasm = await selfTest([kernelOf('wasm', cpu)], definition, 0);
    const rest = await selfTest(kernels, kernelOf('wasm', cpu), milliseconds);
    return { results: [...wasm, ...rest], threads: await testThreads(kernelOf('wasm', cpu)) };
  } finally {
    await cpu.close();
  }
}

/** A product on a worker thread, as on this one. */
async function testThreads(reference: Kernel): Promise<DoctorReport['threads']> {
  try {
    const threaded = await createWasmCompute({ workers: 1 });
    try {
      const side = THREADED_SIDE;
      const values = crypto.getRandomValues(new BigUint64Array(side * side));
      const job: GemmJob = { m: side, k: side, n: side, terms: [{ a: values, b: values }] };
      const [here, there] = [await reference.gemm(job), await threaded.gemm(job)];
      const same = here!.every((value, i) => value === there[i]);
      return { ok: same, failure: same ? null : 'a worker gives another product than the main thread' };
    } finally {
      await threaded.close();
    }
  } catch (error) {
    return { ok: false, failure: messageOf(error) };
  }
}

/** Names of the Vulkan drivers that are registered where the loader looks; null where Vulkan is not used. */
async function vulkanDrivers(): Promise<string[] | null> {
  if (process.platform !== 'linux') return null;
  const { VK_DRIVER_FILES: own = process.env['VK_ICD_FILENAMES'] } = process.env;
  if (own) return own.split(':');
  const folders = ['/usr/share', '/usr/local/share', '/etc', join(homedir(), '.local/share')];
  const lists = await Promise.all(
    folders.map((folder) => readdir(join(folder, 'vulkan/icd.d')).catch((): string[] => [])),
  );
  return lists.flat().filter((name) => name.endsWith('.json'));
}

async function hasWasmSimd(): Promise<boolean> {
  try {
    await WebAssembly.compile(SIMD_MODULE);
    return true;
  } catch {
    return false;
  }
}

function isAtLeast(version: string, needed: string): boolean {
  const [major, minor] = version.split('.').map(Number);
  const [neededMajor, neededMinor] = needed.split('.').map(Number);
  return major > neededMajor || (major === neededMajor && minor >= neededMinor);
}
