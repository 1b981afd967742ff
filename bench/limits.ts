/**
 * What a party takes at most in a training, its peak memory and how long its event loop stands still, and how a training begins: its first three
 * steps as multiples of the median of the second half. Of this build, or of this one and another in turns.
 *
 *   node dist/bench/limits.js [--other FOLDER] [--runs 1] [--only REGEXP] [--out bench/results/limits.json]
 *
 * FOLDER is another checkout, built. The loop also stands while a party waits for a core, so on a machine with fewer than three cores time slices
 * of the scheduler are in `loopStoodMs`; `loopRanMs` and `turnsOver5MsASecond` are without them: how long a party computed in one turn, be it for
 * itself or in the collector. Steps are given twice: the time that passed at P0, and what the three parties together spent on cores, which other
 * work on the machine disturbs less. With several runs: medians.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { local, writeSubset } from './local-runs.ts';
import { save } from './machine.ts';
import { inTurn, median, rounded } from './measure.ts';
import { optionsOf } from './options.ts';
import type { Watched } from './watch.ts';

type Build = 'now' | 'other';

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
  { name: 'B, batch 128', network: 'B', batch: 128, steps: 12 },
  { name: 'C, batch 128', network: 'C', batch: 128, steps: 12 },
  { name: 'D, batch 128', network: 'D', batch: 128, steps: 120 },
  { name: 'C, batch 512', network: 'C', batch: 512, steps: 4 },
  { name: '8 M activations, pooled', network: WIDE, batch: 128, steps: 3 },
  { name: '8 M activations', network: WIDE_RELU, batch: 128, steps: 3 },
];
const FIRST_STEPS = 3;

async function watched(folder: string, { network, batch, steps }: Run, dist: string): Promise<Watched[]> {
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
  await local(folder, ['train', ...args, '--data', folder, '--out', join(folder, 'model.safetensors')], {
    dist,
    watch: { script: fileURLToPath(new URL('watch.js', import.meta.url)), file: lines },
  });
  const text = await readFile(lines, 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Watched)
    .toSorted((a, b) => a.party.localeCompare(b.party));
}

function typical(bySecond: readonly number[]): { medianOfSeconds: number; longest: number } {
  return { medianOfSeconds: median(bySecond), longest: Math.max(...bySecond) };
}

/** Of one run: milliseconds of a step once it is under way, and the first ones as multiples of that. */
function beginning(steps: readonly number[]): { readonly ms: number; readonly first: readonly number[] } {
  const ms = median(steps.slice(steps.length >> 1));
  return { ms, first: steps.slice(0, FIRST_STEPS).map((step) => step / ms) };
}

/** Of several runs. */
function beginnings(runs: readonly ReturnType<typeof beginning>[]): object {
  const first = runs[0].first.map((_, i) => rounded(median(runs.map((run) => run.first[i]))));
  return { ms: rounded(median(runs.map(({ ms }) => ms))), first };
}

function rowsOf(run: string, build: Build, runs: readonly Watched[][]): { parties: object[]; steps: object } {
  const parties = runs[0].map(({ party }, i) => {
    const own = runs.map((watched) => watched[i]);
    const long = own.map(({ longTurnsBySecond: turns }) => turns.reduce((sum, count) => sum + count, 0) / turns.length);
    return {
      ...{ run, build, party },
      peakMemoryMiB: median(own.map(({ peakMemoryMiB }) => peakMemoryMiB)),
      loopStoodMs: typical(own.flatMap(({ longestBySecond }) => longestBySecond)),
      loopRanMs: typical(own.flatMap(({ longestRunningBySecond }) => longestRunningBySecond)),
      turnsOver5MsASecond: rounded(median(long)),
    };
  });
  const passed = runs.map((watched) => beginning(watched[0].steps.map(({ ms }) => ms)));
  const onCores = runs.map((watched) =>
    beginning(watched[0].steps.map((_, i) => watched.reduce((sum, { steps }) => sum + steps[i].processorMs, 0))),
  );
  return { parties, steps: { run, build, passed: beginnings(passed), onCores: beginnings(onCores) } };
}

const { values } = optionsOf(import.meta.url, {
  other: { type: 'string' },
  runs: { type: 'string', default: '1' },
  only: { type: 'string', default: '' },
  out: { type: 'string' },
});
const dists: Readonly<Record<Build, string>> = {
  now: fileURLToPath(new URL('..', import.meta.url)),
  other: join(resolve(values.other ?? ''), 'dist'),
};
const folder = await mkdtemp(join(tmpdir(), 'securenn-limits-'));
const rows: object[] = [];
const steps: object[] = [];
const load = rounded(loadavg()[0]);
try {
  await writeSubset(folder);
  for (const run of RUNS.filter(({ name }) => new RegExp(values.only).test(name))) {
    const found: Record<Build, Watched[][]> = { now: [], other: [] };
    for (let i = 0; i < Number(values.runs); i++) {
      const once = async (build: Build): Promise<void> => {
        found[build].push(await watched(folder, run, dists[build]));
      };
      if (values.other === undefined) await once('now');
      else await inTurn(i, ['other', 'now'], once);
    }
    for (const build of ['now', 'other'] as const) {
      if (found[build].length === 0) continue;
      const made = rowsOf(run.name, build, found[build]);
      rows.push(...made.parties);
      steps.push(made.steps);
      console.table(made.parties);
      console.log(JSON.stringify(made.steps));
    }
    if (values.out !== undefined) await save(values.out, 'limits', { load, rows, steps });
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
