/**
 * What ranks leave to one thread (docs/ranks.md): seconds of CPU that each thread of each party spends in a training step, from the kernel's
 * accounting (Linux), for several numbers of ranks. On a machine with fewer cores than threads a step takes no less time; what a thread has to
 * do shows all the same.
 *
 *   node dist/bench/ranks.js [--network C] [--data FOLDER] [--batch 128] [--ranks 1,4,8] [--warm 8] [--steps 8] [--out bench/results/ranks.json]
 *
 * `--workers` is the number of ranks, so each rank has a thread of its own for kernels besides, as one rank has by default. By default the data
 * are 2,560 images of MNIST.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { writeSubset } from './local-runs.ts';
import { report } from './machine.ts';
import { rounded } from './measure.ts';
import { optionsOf } from './options.ts';
import { peakOf } from './service/job-processes.ts';

const { values } = optionsOf(import.meta.url, {
  network: { type: 'string', default: 'C' },
  data: { type: 'string' },
  batch: { type: 'string', default: '128' },
  ranks: { type: 'string', default: '1,4,8' },
  warm: { type: 'string', default: '8' },
  steps: { type: 'string', default: '8' },
  out: { type: 'string', default: 'bench/results/ranks.json' },
});

const MAIN = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
/** Steps before the first look: in the first ones every thread compiles what it runs. */
const WARM = Number(values.warm);
const LOOK_MS = 20;
const PARTIES = ['P0', 'P1', 'P2'] as const;

/** Of one process: nanoseconds of CPU by thread, and its largest resident set. */
interface Look {
  readonly threads: ReadonlyMap<string, number>;
  readonly peakMiB: number;
}

interface Row {
  readonly ranks: number;
  readonly secondsPerStep: number;
  /** CPU seconds a step, of the busiest party. */
  readonly busiestThread: number;
  readonly allThreads: number;
  /** The same over those of one rank. */
  readonly busiestOverOne: number | null;
  readonly allOverOne: number | null;
  readonly peakMiB: number;
  /** CPU seconds a step of the busiest threads of each party. */
  readonly threads: string;
}

async function look(pid: number): Promise<Look> {
  const tasks = await readdir(`/proc/${pid}/task`);
  const threads = await Promise.all(
    tasks.map(async (tid): Promise<[string, number]> => {
      const spent = await readFile(`/proc/${pid}/task/${tid}/schedstat`, 'utf8').catch(() => '0');
      return [tid, Number(spent.split(' ')[0])];
    }),
  );
  return { threads: new Map(threads), peakMiB: peakOf(pid) };
}

/** Process ids of the parties that a command has started. */
async function partiesOf(parent: number): Promise<number[]> {
  const found = new Map<string, number>();
  for (const entry of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const text = await Promise.all(
      ['status', 'cmdline'].map((file) => readFile(`/proc/${entry}/${file}`, 'utf8').catch(() => '')),
    );
    const words = text[1].split('\0');
    const at = words.findIndex((word) => word.endsWith('party-process.js'));
    if (at >= 0 && Number(/^PPid:\s*(\d+)/m.exec(text[0])?.[1]) === parent) found.set(words[at + 1], Number(entry));
  }
  return PARTIES.map((party) => found.get(party)!);
}

async function stepsDone(log: string): Promise<number> {
  const text = await readFile(log, 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line.includes('"party":"P0"') && line.includes('"msg":"step done"')).length;
}

async function measureRanks(folder: string, data: string, ranks: number, steps: number): Promise<Row> {
  const log = join(folder, `log-${ranks}`);
  const { network, batch } = values;
  const words = [
    ...['local', 'train', '--network', network, '--data', data, '--batch', batch, '--steps', `${WARM + steps + 2}`],
    ...['--ranks', `${ranks}`, '--workers', `${ranks}`, '--backend', 'wasm', '--test-images', '0', '--no-show-loss'],
    ...['--out', join(folder, 'model'), '--log-level', 'debug', '--log-file', log],
  ];
  const command = spawn(process.execPath, [MAIN, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
  let printed = '';
  command.stderr.setEncoding('utf8').on('data', (text: string) => (printed = (printed + text).slice(-2000)));
  const ended = new Promise<number | null>((resolve) => command.on('close', resolve));
  const until = async (
    pids: readonly number[],
    count: number,
  ): Promise<{ done: number; at: number; looks: Look[] }> => {
    while (command.exitCode === null) {
      const done = await stepsDone(log);
      if (done >= count) return { done, at: performance.now(), looks: await Promise.all(pids.map(look)) };
      await sleep(LOOK_MS);
    }
    throw new Error(`${ranks} ranks: it ended\n${printed}`);
  };
  while (command.exitCode === null && (await stepsDone(log)) === 0) await sleep(LOOK_MS);
  const pids = await partiesOf(command.pid!);
  const first = await until(pids, WARM);
  const last = await until(pids, WARM + steps);
  if ((await ended) !== 0) throw new Error(`${ranks} ranks: it failed\n${printed}`);
  const counted = last.done - first.done;
  const spent = last.looks.map(({ threads }, i) =>
    [...threads].map(([tid, ns]) => (ns - (first.looks[i].threads.get(tid) ?? 0)) / 1e9 / counted),
  );
  return {
    ranks,
    secondsPerStep: rounded((last.at - first.at) / 1000 / counted),
    busiestThread: rounded(Math.max(...spent.flat())),
    allThreads: rounded(spent.flat().reduce((sum, seconds) => sum + seconds, 0)),
    busiestOverOne: null,
    allOverOne: null,
    peakMiB: Math.round(Math.max(...last.looks.map(({ peakMiB }) => peakMiB))),
    threads: spent.map((own) => busiest(own, 2 * ranks)).join(' | '),
  };
}

function busiest(spent: readonly number[], count: number): string {
  const most = spent.toSorted((a, b) => b - a).slice(0, count);
  return most.map((seconds) => seconds.toFixed(3)).join(' ');
}

const folder = await mkdtemp(join(tmpdir(), 'securenn-ranks-'));
try {
  const data = values.data ?? folder;
  if (values.data === undefined) await writeSubset(folder);
  const rows: Row[] = [];
  for (const ranks of values.ranks.split(',').map(Number)) {
    const row = await measureRanks(folder, data, ranks, Number(values.steps));
    const one = rows.find((each) => each.ranks === 1);
    rows.push({
      ...row,
      ...(one && {
        busiestOverOne: rounded(row.busiestThread / one.busiestThread),
        allOverOne: rounded(row.allThreads / one.allThreads),
      }),
    });
    console.log(JSON.stringify(rows.at(-1)));
  }
  await report(`ranks, network ${values.network}, batch ${values.batch}`, rows, values.out);
} finally {
  await rm(folder, { recursive: true, force: true });
}
