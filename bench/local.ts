/**
 * What the parties do to memory in a training step, and how long it takes: a table of the rows that take most, each with its floor, and where
 * each party's time goes. Rows name who asked for it and what was asked for.
 *
 *   node dist/bench/local.js [--network C] [--steps 4] [--after 3] [--batch 128] [--other FOLDER] [--top 20] [--out FILE]
 *
 * Two runs: one samples stacks and reads what the system counts of threads, one counts bytes and is slower for it. Bytes are those of every
 * pass over an array of 512 bytes or more that a copy, a kernel, a new array or the cipher makes; loops in JavaScript are seen only in time.
 * The floor is these bytes at the rate at which this machine copies arrays that no cache holds: the best before, between and after the runs. Times
 * are on a core.
 * FOLDER: another checkout to measure, built.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { local, writeSubset } from './local-runs.ts';
import { COLLECTIONS, type Measured, type SystemCounts } from './local/preload.ts';
import { KINDS, rowsOf, type Kinds, type Row } from './local/rows.ts';
import { save } from './machine.ts';
import { rounded } from './measure.ts';
import { optionsOf } from './options.ts';

const { values } = optionsOf(import.meta.url, {
  network: { type: 'string', default: 'C' },
  steps: { type: 'string', default: '4' },
  after: { type: 'string', default: '3' },
  batch: { type: 'string', default: '128' },
  other: { type: 'string' },
  top: { type: 'string', default: '20' },
  out: { type: 'string' },
});
const [steps, after] = [Number(values.steps), Number(values.after)];
const own = fileURLToPath(new URL('..', import.meta.url));
const dist = values.other === undefined ? own : join(resolve(values.other), 'dist/');
const root = pathToFileURL(dist).href;

/** Bytes read and written a millisecond, where no cache holds them: the best of several, for what others do at the same time only slows it. */
function copyRate(): number {
  const [from, to] = [new Uint8Array(2 ** 26).fill(1), new Uint8Array(2 ** 26).fill(2)];
  const rates = Array.from({ length: 9 }, () => {
    const start = performance.now();
    to.set(from);
    return (2 * from.length) / (performance.now() - start);
  });
  return Math.max(...rates);
}

async function measured(folder: string, mode: Measured['kind']): Promise<Measured[]> {
  const file = join(folder, `${mode}.jsonl`);
  await writeFile(file, '');
  process.env['SECURENN_LOCAL_DIST'] = root;
  process.env['SECURENN_LOCAL_MODE'] = mode;
  process.env['SECURENN_LOCAL_STEPS'] = `${after}-${after + steps}`;
  const args = ['--network', values.network, '--batch', values.batch, '--steps', `${after + steps + 1}`];
  await local(folder, ['train', ...args, '--data', folder, '--out', join(folder, 'model.safetensors')], {
    dist,
    watch: { script: fileURLToPath(new URL('local/preload.js', import.meta.url)), file },
  });
  const lines = (await readFile(file, 'utf8')).trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Measured).toSorted((a, b) => a.party.localeCompare(b.party));
}

const MB = (bytes: number): number => rounded(bytes / 1e6);

function shown(row: Row, rate: number): object {
  const floor = (row.readBytes + row.writtenBytes) / rate;
  return {
    party: row.party,
    what: row.label,
    ms: rounded(row.ms),
    floor: rounded(floor),
    times: floor > 0 ? rounded(row.ms / floor) : null,
    'in kernels': rounded(row.kernelMs),
    passes: rounded(row.passes),
    'read MB': MB(row.readBytes),
    'written MB': MB(row.writtenBytes),
    'in MB': MB(row.intoBytes),
    'out MB': MB(row.outBytes),
    'copied MB': MB(row.copiedBytes),
    'new MB': MB(row.newBytes),
  };
}

function systemRow({ party, steps, system }: Measured): object {
  const each = (of: number): number => rounded(of / steps);
  const { main, others, wallMs, asleepMs, reads, writes, faults, collections }: SystemCounts = system;
  return {
    party,
    'step ms': each(wallMs),
    'on a core': each(main.ranMs),
    'waiting for one': each(main.waitedMs),
    asleep: each(asleepMs),
    'other threads': each(others.ranMs),
    'these waiting': each(others.waitedMs),
    'read calls': each(reads),
    'write calls': each(writes),
    'new pages': each(faults),
    ...Object.fromEntries(
      COLLECTIONS.flatMap((kind) => [
        [`${kind} collections`, each(collections[kind].count)],
        [`${kind}, ms`, each(collections[kind].ms)],
      ]),
    ),
    'switches, own': each(main.voluntary),
    'switches, forced': each(main.involuntary),
  };
}

const folder = await mkdtemp(join(tmpdir(), 'securenn-local-'));
try {
  await writeSubset(folder);
  const rates = [copyRate()];
  const load = rounded(loadavg()[0]);
  const samples = await measured(folder, 'samples');
  rates.push(copyRate());
  const counts = await measured(folder, 'counts');
  rates.push(copyRate());
  const rate = Math.max(...rates);
  const parties = samples.map((one, i) => ({ party: one.party, ...rowsOf(one, counts[i], root) }));
  const rows = parties.flatMap((party) => party.rows).toSorted((a, b) => b.ms - a.ms);
  const system = samples.map(systemRow);
  const kinds = parties.map(({ party, kinds }) => ({ party, ...roundedKinds(kinds) }));
  const table = rows.map((row) => shown(row, rate));
  console.log(`network ${values.network}, a step; memory: ${rounded(rate / 1e6)} GB/s read and written; load ${load}`);
  for (const party of system) console.log(party);
  console.table(kinds);
  console.table(table.slice(0, Number(values.top)));
  if (values.out !== undefined) {
    const found = { network: values.network, bytesPerMs: rate, load, system, kinds, rows: table };
    await save(values.out, 'local', found);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}

function roundedKinds(kinds: Kinds): Kinds {
  return Object.fromEntries(KINDS.map((kind) => [kind, rounded(kinds[kind])])) as Kinds;
}
