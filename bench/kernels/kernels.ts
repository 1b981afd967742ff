/**
 * Products over Z_{2^64} by every kernel of a GPU and by the WASM kernels, on random operands: multiply-adds a second of the kernel alone
 * and from memory to memory, beside the ceiling of the device's arithmetic (ceiling.ts). Every result is compared with the CPU's, bit for
 * bit, or by projections where the CPU would take too long; one that differs makes the exit code 1.
 *
 *   node dist/bench/kernels/kernels.js [--tiny] [--fallback-adapter] [--shapes REGEX] [--choices REGEX] [--seconds N] [--out FILE]
 */
import { availableParallelism } from 'node:os';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import yargs from 'yargs';
import { hideBin } from 'yargs/helpers';
import type { Compute } from '../../runtime/compute.ts';
import { listChoices, productStep, type Choice } from '../../runtime/webgpu/choices.ts';
import { convProduct } from '../../runtime/webgpu/conv.ts';
import { openDevice, type Gpu } from '../../runtime/webgpu/device.ts';
import { Dispatcher, type Step } from '../../runtime/webgpu/dispatch.ts';
import { gemmProduct } from '../../runtime/webgpu/gemm.ts';
import { loadDawn, readShaderFile } from '../../runtime/webgpu/node.ts';
import { readKernels } from '../../runtime/webgpu/webgpu.ts';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';
import { gpuCard } from '../../src/cli/gpu-card.ts';
import { machineCard } from '../machine.ts';
import { ceilingOf, measureCeilings, type Ceiling } from './ceiling.ts';
import { projects, same } from './check.ts';
import { benchShapes, bytesOf, makeJob, multiplyAdds, sizes, type BenchJob } from './shapes.ts';
import { deviceSeconds, wallSeconds, type Clock } from './timing.ts';

/** A matrix product that the CPU would need longer for is checked by projections, and its CPU rate left out. */
const CPU_SECONDS = 20;
/** A first guess at the CPU's multiply-adds a second, for each core. */
const CPU_RATE = 5e8;

interface Row {
  readonly shape: string;
  readonly sizes: string;
  readonly multiplyAdds: number;
  /** `wasm`, or the name of a GPU kernel. */
  readonly kernel: string;
  /** Why there are no figures. */
  readonly skipped?: string;
  readonly correct?: boolean;
  readonly checked?: 'bits' | 'projections' | 'is the reference';
  /** On the device, operands and result lying there. */
  readonly kernelSeconds?: number;
  /** What told `kernelSeconds`; `seconds` are by the wall clock. */
  readonly kernelClock?: Clock;
  readonly kernelMultiplyAddsPerSecond?: number;
  /** Of the rate that the device's arithmetic allows this kernel (`ceilings`). */
  readonly fractionOfCeiling?: number;
  /** From ordinary memory to ordinary memory. */
  readonly seconds?: number;
  readonly multiplyAddsPerSecond?: number;
  /** Moved to the device and back. */
  readonly bytesUp?: number;
  readonly bytesDown?: number;
}

/** What of a row is the same for all kernels. */
type Head = Pick<Row, 'shape' | 'sizes' | 'multiplyAdds'>;

const options = await yargs(hideBin(process.argv))
  .options({
    tiny: { type: 'boolean', default: false, describe: 'Shapes small enough for a software adapter' },
    'fallback-adapter': { type: 'boolean', default: false, describe: 'Measure a software adapter' },
    shapes: { type: 'string', default: '', describe: 'Only shapes whose name matches' },
    choices: { type: 'string', default: '', describe: 'Only kernels whose name matches; wasm is one' },
    seconds: { type: 'number', default: 0.1, describe: 'Measured for each figure' },
    out: { type: 'string', describe: 'Write JSON here' },
  })
  .strict()
  .parseAsync();

const { seconds } = options;
const shapes = benchShapes(options.tiny).filter(({ name }) => new RegExp(options.shapes).test(name));
const wanted = (kernel: string): boolean => new RegExp(options.choices).test(kernel);
const workers = availableParallelism();
const cpu = await createWasmCompute({ workers });
const gpu = await openDevice(await loadDawn(), { fallbackAdapter: options.fallbackAdapter });
try {
  process.exitCode = await bench(gpu, cpu);
} finally {
  gpu.close();
  await cpu.close();
}

/** Measures, prints and writes; 1 when a result was wrong, else 0. */
async function bench(gpu: Gpu, cpu: Compute): Promise<0 | 1> {
  console.log(`${gpu.adapter}; ${workers} threads for wasm`);
  const ceilings = await measureCeilings(gpu, seconds);
  for (const { tier, operation, operationsPerSecond, multiplyAddsPerSecond, correct } of ceilings) {
    const rate = `${giga(operationsPerSecond)} G ${operation} a second: at most ${giga(multiplyAddsPerSecond)} G multiply-adds`;
    console.log(`ceiling ${tier}: ${rate}${correct ? '' : ', WRONG'}`);
  }
  const dispatcher = new Dispatcher(gpu, readKernels(gpu, readShaderFile));
  const rows: Row[] = [];
  let cpuRate = CPU_RATE * workers;
  for (const [index, shape] of shapes.entries()) {
    const head: Head = { shape: shape.name, sizes: sizes(shape), multiplyAdds: multiplyAdds(shape) };
    console.log(`[${index + 1}/${shapes.length}] ${head.shape}: ${head.sizes}`);
    const job = makeJob(shape);
    const reference = await cpuProduct(head, job, cpu, cpuRate);
    if (reference.seconds !== undefined) cpuRate = head.multiplyAdds / reference.seconds;
    if (wanted('wasm')) rows.push(told(await wasmRow(head, job, reference, cpu)));
    for (const choice of listChoices(gpu).filter(wanted)) {
      rows.push(told(await gpuRow(head, job, choice, dispatcher, reference.result, ceilings, cpu)));
    }
  }
  const wrong = [...rows, ...ceilings].filter(({ correct }) => correct === false).length;
  console.log(`${rows.length} rows, ${wrong} wrong results`);
  if (options.out !== undefined) await write(options.out, { gpu: gpuCard(gpu), wrong, ceilings, rows });
  return wrong > 0 ? 1 : 0;
}

/** The product on the CPU, unless it takes too long. */
async function cpuProduct(
  { multiplyAdds }: Head,
  job: BenchJob,
  cpu: Compute,
  rate: number,
): Promise<{ readonly result?: BigUint64Array; readonly seconds?: number }> {
  // Projections are for matrices; convolutions are never as large as the largest of those.
  if (job.kind === 'gemm' && multiplyAdds / rate > CPU_SECONDS) return {};
  const start = performance.now();
  const result = await onCpu(job, cpu);
  return { result, seconds: (performance.now() - start) / 1000 };
}

function onCpu({ kind, job }: BenchJob, cpu: Compute): Promise<BigUint64Array> {
  return kind === 'gemm' ? cpu.gemm(job) : cpu.conv(job);
}

async function wasmRow(
  head: Head,
  job: BenchJob,
  reference: { readonly seconds?: number },
  cpu: Compute,
): Promise<Row> {
  const row = { ...head, kernel: 'wasm' };
  if (reference.seconds === undefined) return { ...row, skipped: `would take more than ${CPU_SECONDS} s` };
  // A long one is not done again.
  const long = reference.seconds > 1;
  const time = long ? reference.seconds : await wallSeconds(() => onCpu(job, cpu), seconds);
  return {
    ...row,
    checked: 'is the reference',
    seconds: rounded(time),
    multiplyAddsPerSecond: rounded(head.multiplyAdds / time),
  };
}

async function gpuRow(
  head: Head,
  job: BenchJob,
  choice: Choice,
  dispatcher: Dispatcher,
  expected: BigUint64Array | undefined,
  ceilings: readonly Ceiling[],
  cpu: Compute,
): Promise<Row> {
  const row = { ...head, kernel: choice };
  const { gpu } = dispatcher;
  const product = job.kind === 'gemm' ? gemmProduct(job.job) : convProduct(job.job);
  const step: Step | undefined = product && productStep(gpu, choice, product);
  if (step === undefined) return { ...row, skipped: 'the device has no room for it' };
  try {
    const result = await dispatcher.run(step);
    const correct =
      expected !== undefined ? same(result, expected) : job.kind === 'gemm' && (await projects(cpu, job.job, result));
    const { seconds: onDevice, clock } = await deviceSeconds(dispatcher, step, seconds);
    const time = await wallSeconds(() => dispatcher.run(step), seconds);
    const rate = head.multiplyAdds / onDevice;
    const ceiling = ceilingOf(choice, gpu, ceilings);
    const { up, down } = bytesOf(job);
    return {
      ...row,
      correct,
      checked: expected === undefined ? 'projections' : 'bits',
      kernelSeconds: rounded(onDevice),
      kernelClock: clock,
      kernelMultiplyAddsPerSecond: rounded(rate),
      ...(ceiling === undefined ? {} : { fractionOfCeiling: rounded(rate / ceiling.multiplyAddsPerSecond) }),
      seconds: rounded(time),
      multiplyAddsPerSecond: rounded(head.multiplyAdds / time),
      bytesUp: up,
      bytesDown: down,
    };
  } catch (error) {
    return { ...row, correct: false, skipped: error instanceof Error ? error.message : String(error) };
  }
}

/** A row, printed. */
function told(row: Row): Row {
  const { kernel, skipped, correct, kernelMultiplyAddsPerSecond: alone, multiplyAddsPerSecond: whole } = row;
  const rates = [
    ...(alone === undefined ? [] : [`kernel ${giga(alone)}`]),
    ...(whole === undefined ? [] : [`memory to memory ${giga(whole)}`]),
  ].join(', ');
  const text = skipped ?? `${rates} G multiply-adds a second`;
  console.log(`    ${kernel.padEnd(24)} ${text}${correct === false ? ', WRONG' : ''}`);
  return row;
}

async function write(path: string, result: object): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const machine = machineCard(gpu.adapter);
  const written = { bench: 'kernels', date: new Date().toISOString(), machine, wasmThreads: workers, ...result };
  await writeFile(path, `${JSON.stringify(written, null, 2)}\n`);
}

/** Four digits. */
function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

function giga(value: number): string {
  return (value / 1e9).toPrecision(4);
}
