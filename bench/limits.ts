/**
 * What a party takes at most: its peak memory, and how long its event loop stands still while it trains.
 *
 *   node dist/bench/limits.js [--out bench/results/limits.json] [--only REGEXP]
 *
 * The loop also stands while a party waits for a core, so on a machine with fewer than three cores time slices of the scheduler are in
 * `loopStoodMs`; `loopRanMs` and `turnsOver5MsASecond` are without them: how long a party computed in one turn, be it for itself or in the collector.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { report } from './machine.ts';
import { optionsOf } from './options.ts';
import type { Watched } from './watch.ts';

interface Run {
  readonly name: string;
  readonly network: string | object;
  readonly batch: number;
  readonly steps: number;
}

/** A first layer of VGG's size: 28 · 28 · 80 filters · 128 images are 8.03 million activations. */
const WIDE = {
  name: 'wide',
  input: [28, 28, 1],
  layers: [
    { type: 'conv2d', filters: 80, kernel: 3, padding: 1 },
    { type: 'relu' },
    { type: 'maxpool', window: 2 },
    { type: 'flatten' },
    { type: 'dense', units: 10 },
  ],
};
/** The same without pooling: every one of the activations is compared. */
const WIDE_RELU = { ...WIDE, name: 'wide-relu', layers: WIDE.layers.filter(({ type }) => type !== 'maxpool') };

const RUNS: readonly Run[] = [
  { name: 'A, batch 128', network: 'A', batch: 128, steps: 200 },
  { name: 'C, batch 128', network: 'C', batch: 128, steps: 12 },
  { name: 'C, batch 512', network: 'C', batch: 512, steps: 4 },
  { name: '8 M activations, pooled', network: WIDE, batch: 128, steps: 3 },
  { name: '8 M activations', network: WIDE_RELU, batch: 128, steps: 3 },
];

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

function execute(args: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'], env });
    child.on('error', reject);
    child.on('close', (code) => (code === 0 ? resolve() : reject(new Error(`${args.join(' ')}: exit code ${code}`))));
  });
}

async function watched(folder: string, { network, batch, steps }: Run): Promise<Watched[]> {
  const lines = join(folder, 'watched.jsonl');
  const file = join(folder, 'network.json');
  await writeFile(lines, '');
  if (typeof network === 'object') await writeFile(file, JSON.stringify(network));
  const args = [
    '--network',
    typeof network === 'object' ? file : network,
    '--batch',
    `${batch}`,
    '--steps',
    `${steps}`,
  ];
  args.push('--data', folder, '--out', join(folder, 'model.safetensors'));
  const env = { ...process.env, SECURENN_LIMITS_FILE: lines };
  await execute(['--import', here('./watch.js'), here('../src/cli/main.js'), 'local', 'train', ...args], env);
  const text = await readFile(lines, 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Watched);
}

function typical(bySecond: readonly number[]): { medianOfSeconds: number; longest: number } {
  const sorted = bySecond.toSorted((a, b) => a - b);
  return { medianOfSeconds: sorted[sorted.length >> 1], longest: sorted[sorted.length - 1] };
}

const { values } = optionsOf(import.meta.url, { only: { type: 'string', default: '' }, out: { type: 'string' } });
const folder = await mkdtemp(join(tmpdir(), 'securenn-limits-'));
const rows: object[] = [];
try {
  await execute([here('./subset.js'), folder, '2560', '500']);
  for (const run of RUNS.filter(({ name }) => new RegExp(values.only).test(name))) {
    const parties = await watched(folder, run);
    for (const party of parties.toSorted((a, b) => a.party.localeCompare(b.party))) {
      const long = party.longTurnsBySecond;
      rows.push({
        run: run.name,
        party: party.party,
        peakMemoryMiB: party.peakMemoryMiB,
        loopStoodMs: typical(party.longestBySecond),
        loopRanMs: typical(party.longestRunningBySecond),
        turnsOver5MsASecond: Math.round((10 * long.reduce((sum, count) => sum + count, 0)) / long.length) / 10,
      });
    }
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
await report('limits', rows, values.out);
