/**
 * A training step of networks for CIFAR-10, and of network C, of this build and of another one in turns: seconds, bytes, rounds, and what each
 * party takes of memory at its peak.
 *
 *   node dist/bench/large.js [--other FOLDER] [--runs 3] [--only REGEXP] [--out bench/results/large.json]
 *
 * FOLDER is a checkout of the other build, installed by `npm ci`. Runs are added to those that the file has, so a measurement may be made in
 * pieces. Images are noise with a mean for each class: what a step costs does not depend on them. The first step of a run is
 * slower, so it is not counted: the least and the median of the others stand in the file. On a machine that others use the processor time
 * of a step, all parties and threads together, drifts less than the time that passed.
 */
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NETWORKS } from '../src/nn/named.ts';
import type { Network } from '../src/nn/network.ts';
import { local, writeSubset } from './local-runs.ts';
import { machineCard, type MachineCard } from './machine.ts';
import { optionsOf } from './options.ts';
import type { Watched } from './watch.ts';

interface Cell {
  readonly name: string;
  readonly network: string;
  readonly batch: number;
  readonly steps: number;
  readonly microBatch?: number;
  /** Whether builds before graphs can run it. */
  readonly chain: boolean;
}

const CELLS: readonly Cell[] = [
  { name: 'C, batch 128', network: 'C', batch: 128, steps: 9, chain: true },
  { name: 'AlexNet, batch 128', network: 'alexnet', batch: 128, steps: 5, chain: true },
  { name: 'AlexNet as Falcon has it, batch 128', network: 'alexnet-falcon', batch: 128, steps: 5, chain: false },
  { name: 'VGG16, batch 32', network: 'vgg16', batch: 32, steps: 3, chain: true },
  { name: 'VGG16, batch 32, 8 images at a time', network: 'vgg16', batch: 32, microBatch: 8, steps: 3, chain: false },
  { name: 'ResNet-20, batch 128', network: 'resnet20', batch: 128, steps: 3, chain: false },
];

interface Run {
  readonly build: 'now' | 'other';
  /** Of a step: the median, and the least. */
  readonly seconds: number;
  readonly leastSeconds: number;
  readonly bytes: number;
  readonly rounds: number;
  readonly peakMemoryMiB: Readonly<Record<string, number>>;
  /** Of a step, all parties and threads together, start-up and data among it. */
  readonly processorSeconds: number;
  readonly load: number;
}

interface Large {
  bench: 'large';
  date: string;
  machine: MachineCard;
  cells: Record<string, Run[]>;
}

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const IMAGES = 1024;
const PIXELS = 3072;

/** One file of training images and one of test images, in CIFAR-10's binary format. */
async function writeNoise(folder: string): Promise<void> {
  let state = 1;
  const next = (): number => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) >>> 24;
  for (const [file, count] of [
    ['data_batch_1.bin', IMAGES],
    ['test_batch.bin', 16],
  ] as const) {
    const bytes = new Uint8Array(count * (PIXELS + 1));
    for (let i = 0; i < bytes.length; i++) {
      const record = Math.floor(i / (PIXELS + 1));
      bytes[i] = i % (PIXELS + 1) === 0 ? record % 10 : (next() >> 1) + 12 * (record % 10);
    }
    await writeFile(join(folder, file), bytes);
  }
}

async function measureRun(folder: string, cell: Cell, build: Run['build'], dist: string): Promise<Run> {
  const load = loadavg()[0];
  const lines = join(folder, 'watched.jsonl');
  await writeFile(lines, '');
  const file = join(folder, `${cell.network}.json`);
  const named = cell.network.length === 1;
  if (!named) await writeFile(file, JSON.stringify(NETWORKS[cell.network] satisfies Network));
  const args = ['train', '--network', named ? cell.network : file, '--data', join(folder, named ? 'mnist' : 'cifar')];
  args.push('--batch', `${cell.batch}`, '--steps', `${cell.steps}`, '--test-images', '0', '--no-show-loss');
  args.push('--train-images', `${named ? 2560 : cell.batch * cell.steps}`, '--backend', 'wasm');
  args.push('--out', join(folder, 'model.safetensors'));
  if (cell.microBatch !== undefined) args.push('--micro-batch', `${cell.microBatch}`);
  const report = await local(folder, args, { dist, watch: { script: here('./watch.js'), file: lines } });
  const parties = (await readFile(lines, 'utf8'))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Watched);
  const { median, min } = report.secondsPerStep!;
  return {
    build,
    seconds: median,
    leastSeconds: min,
    bytes: report.bytesSentPerStep!.total,
    rounds: report.onlineRoundsPerStep!,
    peakMemoryMiB: Object.fromEntries(
      parties.toSorted((a, b) => a.party.localeCompare(b.party)).map((one) => [one.party, one.peakMemoryMiB]),
    ),
    processorSeconds: parties.reduce((sum, one) => sum + one.processorSeconds, 0) / cell.steps,
    load: Math.round(load * 100) / 100,
  };
}

const { values } = optionsOf(import.meta.url, {
  other: { type: 'string' },
  runs: { type: 'string', default: '3' },
  only: { type: 'string', default: '' },
  out: { type: 'string', default: 'bench/results/large.json' },
});
const table: Large = existsSync(values.out)
  ? (JSON.parse(await readFile(values.out, 'utf8')) as Large)
  : { bench: 'large', date: '', machine: machineCard(), cells: {} };
const dists: Readonly<Record<Run['build'], string>> = {
  now: fileURLToPath(new URL('..', import.meta.url)),
  other: join(resolve(values.other ?? ''), 'dist'),
};
const folder = await mkdtemp(join(tmpdir(), 'securenn-large-'));
try {
  await Promise.all(['mnist', 'cifar'].map((name) => mkdir(join(folder, name))));
  await writeSubset(join(folder, 'mnist'));
  await writeNoise(join(folder, 'cifar'));
  for (const cell of CELLS.filter(({ name }) => new RegExp(values.only).test(name))) {
    const builds: Run['build'][] = values.other !== undefined && cell.chain ? ['now', 'other'] : ['now'];
    const runs = (table.cells[cell.name] ??= []);
    for (let i = 0; i < Number(values.runs); i++) {
      for (const build of i % 2 === 0 ? builds : builds.toReversed()) {
        const run = await measureRun(folder, cell, build, dists[build]);
        console.log(cell.name, run);
        runs.push(run);
        table.date = new Date().toISOString();
        await mkdir(dirname(values.out), { recursive: true });
        await writeFile(values.out, `${JSON.stringify(table, null, 2)}\n`);
      }
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
