/**
 * Puts what bench/gpu.sh measured into one file, with the figures that matter first. Parts that were not measured this time stay as an
 * earlier run on the same adapter left them.
 *
 *   node dist/bench/gpu-report.js [--tiny] FOLDER RESULTS-FOLDER [FAILED-PART …]
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { machineCard } from './machine.ts';
import { rounded } from './measure.ts';
import { optionsOf } from './options.ts';

interface KernelRow {
  readonly shape: string;
  readonly kernel: string;
  readonly correct?: boolean;
  readonly kernelMultiplyAddsPerSecond?: number;
  readonly kernelClock?: string;
  readonly multiplyAddsPerSecond?: number;
}

interface TorchRow {
  readonly method: string;
  readonly size: number;
  readonly multiplyAddsPerSecond?: number;
}

interface Training {
  readonly secondsPerStep: { readonly median: number };
}

interface Parts {
  doctor?: {
    readonly gpu: { readonly adapter: string; readonly architecture: string; readonly device: string } | null;
  };
  kernels?: { readonly rows: readonly KernelRow[]; readonly wrong: number };
  torch?: { readonly rows: readonly TorchRow[] };
  trainWasm?: Training;
  trainWebgpu?: Training;
  trainAuto?: Training;
}

/** What an earlier run wrote. */
interface Before {
  readonly parts: Parts;
  readonly training?: object;
}

const FILES: Readonly<Record<keyof Parts, string>> = {
  doctor: 'doctor.json',
  kernels: 'kernels.json',
  torch: 'torch.json',
  trainWasm: 'train-wasm.json',
  trainWebgpu: 'train-webgpu.json',
  trainAuto: 'train-auto.json',
};

const { values, positionals } = optionsOf(import.meta.url, { tiny: { type: 'boolean', default: false } }, true);
const [folder, results, ...failed] = positionals;
const measured = Object.fromEntries(
  Object.entries(FILES)
    .map(([part, file]) => [part, join(folder, file)] as const)
    .filter(([, path]) => existsSync(path))
    .map(([part, path]) => [part, JSON.parse(readFileSync(path, 'utf8')) as unknown]),
) as Parts;
const gpu = measured.doctor?.gpu;
if (gpu === undefined || gpu === null)
  throw new Error('gpu-report: doctor found no GPU, so there is nothing to report');

// A software adapter is not called by its code generator.
const name = values.tiny ? `${gpu.architecture || gpu.adapter} tiny` : gpu.device || gpu.adapter;
const path = join(results, `gpu-${slug(name)}.json`);
const before = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Before) : { parts: {} };
const parts: Parts = { ...before.parts, ...measured };
const training = trainingOf(measured) ?? before.training;
const report = {
  bench: 'gpu',
  date: new Date().toISOString(),
  machine: machineCard(gpu.adapter),
  failedParts: failed,
  squares: squaresOf(parts),
  ...(training === undefined ? {} : { training }),
  parts,
};
mkdirSync(results, { recursive: true });
writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
console.table(report.squares);
if (training !== undefined) console.table([training]);
console.log(`written: ${path}`);

/** For every square: the fastest right kernel of the GPU, beside the other ways to compute the product. Multiply-adds a second. */
function squaresOf({ kernels, torch }: Parts): object[] {
  const rows = kernels?.rows.filter(({ shape }) => shape.startsWith('square ')) ?? [];
  return [...new Set(rows.map(({ shape }) => shape))].map((shape) => {
    const own = rows.filter((row) => row.shape === shape);
    const best = own
      .filter(
        ({ correct, kernelMultiplyAddsPerSecond }) => correct === true && kernelMultiplyAddsPerSecond !== undefined,
      )
      .sort((a, b) => b.kernelMultiplyAddsPerSecond! - a.kernelMultiplyAddsPerSecond!)
      .at(0);
    const rate = best?.kernelMultiplyAddsPerSecond;
    const limbs = (kind: string): number | undefined => {
      const rates = torch?.rows
        .filter(({ method, size }) => method.startsWith(kind) && shape === `square ${size}`)
        .flatMap(({ multiplyAddsPerSecond }) => multiplyAddsPerSecond ?? []);
      return rates === undefined || rates.length === 0 ? undefined : Math.max(...rates);
    };
    const [float64, int8] = [limbs('float64 limbs'), limbs('int8 limbs')];
    const times = (other: number | undefined): number | null => (rate && other ? rounded(rate / other) : null);
    return {
      shape,
      kernel: best?.kernel ?? null,
      gpu: rate ?? null,
      clock: best?.kernelClock ?? null,
      wasm: own.find(({ kernel }) => kernel === 'wasm')?.multiplyAddsPerSecond ?? null,
      torchFloat64Limbs: float64 ?? null,
      timesFloat64Limbs: times(float64),
      torchInt8Limbs: int8 ?? null,
      timesInt8Limbs: times(int8),
    };
  });
}

/** Seconds of a step with each backend, and whether all trained the same model, bit for bit. */
function trainingOf({ trainWasm, trainWebgpu, trainAuto }: Parts): object | undefined {
  if (trainWasm === undefined || trainWebgpu === undefined) return undefined;
  const [wasm, webgpu] = [trainWasm, trainWebgpu].map(({ secondsPerStep }) => secondsPerStep.median);
  const models = ['wasm', 'webgpu', 'auto']
    .map((backend) => join(folder, `train-${backend}.safetensors`))
    .filter((model) => existsSync(model))
    .map((model) => readFileSync(model));
  const same = models.every((model) => model.equals(models[0]));
  if (!same) process.exitCode = 1;
  return {
    wasmSecondsPerStep: wasm,
    webgpuSecondsPerStep: webgpu,
    autoSecondsPerStep: trainAuto?.secondsPerStep.median ?? null,
    webgpuSpeedup: rounded(wasm / webgpu),
    modelsCompared: models.length,
    modelsIdentical: same,
  };
}

function slug(text: string): string {
  return text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');
}
