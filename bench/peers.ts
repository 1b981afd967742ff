/**
 * Another system and this build in turns on this machine: pairs of runs one after the other, so that both see the same hour (`peers.md`).
 *
 *   node dist/bench/peers.js --peer COMMAND --name TEXT [--seconds REGEXP] [--per 1] [--network A] [--steps 60] [--pairs 5] [--out FILE]
 *
 * COMMAND runs the built peer's training in a shell and prints its seconds, the first group of REGEXP (default: MP-SPDZ's "Time = 1.5
 * seconds"); `--per` divides them, by its steps. Ours are the median of the steps of a local training at batch 128. Which of the two begins
 * changes from pair to pair; a pair's ratio is the peer's time over ours.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { local, writeSubset } from './local-runs.ts';
import { save } from './machine.ts';
import { median, rounded } from './measure.ts';
import { optionsOf } from './options.ts';

const LEAST_PAIRS = 5;
const MAXIMUM_OUTPUT = 2 ** 26;

const { values } = optionsOf(import.meta.url, {
  peer: { type: 'string' },
  name: { type: 'string' },
  seconds: { type: 'string', default: 'Time = ([0-9.e+-]+) seconds' },
  per: { type: 'string', default: '1' },
  network: { type: 'string', default: 'A' },
  steps: { type: 'string', default: '60' },
  pairs: { type: 'string', default: `${LEAST_PAIRS}` },
  out: { type: 'string' },
});
const { peer, name } = values;
if (peer === undefined || name === undefined)
  throw new Error('--peer COMMAND and --name TEXT: which system, of which version, with which options');
const [pairs, per] = [Number(values.pairs), Number(values.per)];
if (!(pairs >= LEAST_PAIRS)) throw new Error(`--pairs: at least ${LEAST_PAIRS}, or a busy minute decides`);
if (!(per > 0)) throw new Error('--per: by what the peer’s seconds are divided, above 0');

async function theirs(): Promise<number> {
  const { stdout, stderr } = await promisify(execFile)('sh', ['-c', peer!], { maxBuffer: MAXIMUM_OUTPUT });
  const seconds = Number(new RegExp(values.seconds).exec(`${stdout}\n${stderr}`)?.[1]);
  if (!(seconds > 0)) throw new Error(`the peer printed no seconds as ${values.seconds}: ${stderr.slice(-500)}`);
  return seconds / per;
}

const folder = await mkdtemp(join(tmpdir(), 'securenn-peers-'));
try {
  await writeSubset(folder);
  const ours = async (): Promise<number> => {
    const args = ['train', '--network', values.network, '--steps', values.steps, '--data', folder];
    const report = await local(folder, [...args, '--out', join(folder, 'model.safetensors')]);
    return report.secondsPerStep!.median;
  };
  const rows: { load: number; peer: number; ours: number; ratio: number }[] = [];
  for (let i = 0; i < pairs; i++) {
    const load = rounded(loadavg()[0]);
    const before = i % 2 === 0 ? await theirs() : undefined;
    const own = await ours();
    const other = before ?? (await theirs());
    rows.push({ load, peer: rounded(other), ours: rounded(own), ratio: rounded(other / own) });
    console.log(`pair ${i + 1}: ${JSON.stringify(rows.at(-1))}`);
  }
  const of = (key: 'peer' | 'ours' | 'ratio'): number => median(rows.map((row) => row[key]));
  const medians = { peer: of('peer'), ours: of('ours'), ratio: of('ratio') };
  console.log(`medians, network ${values.network}, ${name}: ${JSON.stringify(medians)}`);
  if (values.out !== undefined) {
    const about = { unit: 'seconds a step', name, command: peer, network: values.network };
    await save(values.out, 'peers', { ...about, medians, pairs: rows });
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
