/**
 * Training, inference and single protocols on this machine, every party a process of its own: each cell at least five times, the median
 * and all runs as JSON with a machine card. What is measured already is not measured again, so a run that was cut short goes on.
 *
 *   node dist/bench/table.js [--out bench/results/table.json] [--only REGEXP] [--again] [--runs 5] [--quick]
 *
 * `--only` selects cells by name, `--list` shows the names, `--again` measures them anew, `--quick` takes a tenth of the steps (to try the
 * script, not to quote). Training runs on 2,560 images of MNIST. Inference of one image runs warm: 400 images after one another, of which the median is one figure.
 */
import { fork } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createWasmCompute } from '../runtime/wasm/wasm.ts';
import { GARBAGE_COLLECTION, partyEnvironment } from '../src/server/party-child.ts';
import { machineCard, type MachineCard } from './machine.ts';
import { measure, rounded } from './measure.ts';
import type { Operation, OperationOrder, OperationResult } from './operations.ts';
import { local, writeSubset } from './local-runs.ts';
import { optionsOf } from './options.ts';

/** One run of a cell: named figures. */
type Figures = Readonly<Record<string, number>>;

interface Cell {
  readonly name: string;
  readonly run: (bench: Bench) => Promise<Figures>;
}

interface Measured {
  readonly median: Figures;
  readonly runs: readonly Figures[];
}

interface Table {
  bench: 'table';
  date: string;
  machine: MachineCard;
  cells: Record<string, Measured>;
}

/** What the cells need: data, a model of each network, and how long to run. */
interface Bench {
  readonly folder: string;
  readonly quick: boolean;
}

const PARTY = fileURLToPath(new URL('./operations.js', import.meta.url));

interface Training {
  readonly network: string;
  readonly steps: number;
  readonly batch?: number;
  readonly cores?: string;
  readonly suite?: 'paper';
}

function training(name: string, { network, steps, batch = 128, cores, suite }: Training): Cell {
  return {
    name,
    run: async (bench) => {
      const count = bench.quick ? Math.ceil(steps / 10) : steps;
      const args = [
        'train',
        '--network',
        network,
        '--steps',
        `${count}`,
        '--batch',
        `${batch}`,
        '--data',
        bench.folder,
      ];
      args.push('--out', join(bench.folder, 'trained.safetensors'), ...(suite ? ['--suite', suite] : []));
      const report = await local(bench.folder, args, { cores });
      return {
        secondsPerStep: report.secondsPerStep!.median,
        megabytesPerStep: report.bytesSentPerStep!.total / 1e6,
        onlineRoundsPerStep: report.onlineRoundsPerStep!,
      };
    },
  };
}

function inference(name: string, network: string, batch: number, batches: number, suite?: 'paper'): Cell {
  return {
    name,
    run: async (bench) => {
      const model = join(bench.folder, `${network}.safetensors`);
      if (!existsSync(model)) {
        await local(bench.folder, [
          'train',
          '--network',
          network,
          '--steps',
          '1',
          '--data',
          bench.folder,
          '--out',
          model,
        ]);
      }
      const count = batch * (bench.quick ? 2 : batches);
      const args = [
        'infer',
        '--no-scores',
        '--network',
        network,
        '--model',
        model,
        '--batch',
        `${batch}`,
        '--count',
        `${count}`,
      ];
      const report = await local(bench.folder, [...args, ...(suite ? ['--suite', suite] : [])]);
      return {
        secondsPerBatch: report.secondsPerBatch!.median,
        megabytesPerBatch: report.bytesSentPerBatch!.total / 1e6,
        onlineRoundsPerBatch: Math.round(report.onlineRounds! / (count / batch)),
      };
    },
  };
}

/** Three parties that run one protocol again and again; the median at P0. */
function operation(
  name: string,
  kind: Operation,
  elements: number,
  repeats: number,
  suite: 'direct' | 'paper' = 'direct',
): Cell {
  return {
    name,
    run: async ({ quick }) => {
      const names = ['P0', 'P1', 'P2'];
      const children = names.map((party) =>
        fork(PARTY, [party], { execArgv: [...GARBAGE_COLLECTION], env: partyEnvironment() }),
      );
      try {
        const told = <T>(child: (typeof children)[number]): Promise<T> =>
          new Promise((resolve, reject) => {
            child.once('message', (message) => resolve(message as T));
            child.once('exit', (code) => reject(new Error(`${name}: a party ended with exit code ${code}`)));
          });
        type Address = OperationOrder['parties'][string];
        const addresses = await Promise.all(children.map((child) => told<Address>(child)));
        const parties = Object.fromEntries(names.map((party, i) => [party, addresses[i]]));
        const runs = quick ? 3 : repeats;
        const order = { operation: kind, suite, elements, warmUps: runs, repeats: runs, parties };
        const results = children.map((child) => told<OperationResult>(child));
        for (const child of children) child.send(order);
        const [P0, P1, P2] = await Promise.all(results);
        const times = P0.milliseconds.toSorted((a, b) => a - b);
        return { milliseconds: times[times.length >> 1], megabytes: (P0.bytes + P1.bytes + P2.bytes) / 1e6 };
      } finally {
        for (const child of children) child.kill();
      }
    },
  };
}

/** A product of two square matrices on the calling thread. */
function product(name: string, size: number): Cell {
  return {
    name,
    run: async () => {
      const compute = await createWasmCompute({ workers: 0 });
      const ring = (): BigUint64Array => new BigUint64Array(size * size).map((_, i) => BigInt(i) * 0x9e3779b97f4a7c15n);
      const job = { m: size, k: size, n: size, terms: [{ a: ring(), b: ring() }] };
      const { median } = await measure(() => compute.gemm(job), 1000);
      await compute.close();
      return { gigaMultiplyAddsPerSecond: size ** 3 / median / 1e6 };
    },
  };
}

const NETWORKS = ['A', 'B', 'C', 'D'];
const STEPS: Readonly<Record<string, number>> = { A: 200, B: 20, C: 12, D: 160 };
/** Batches of a session: enough that the median is of one under way, for the first batches run before the JIT compiler has. */
const BATCHES_128: Readonly<Record<string, number>> = { A: 75, B: 7, C: 5, D: 60 };
const BATCHES_1: Readonly<Record<string, number>> = { A: 1500, B: 600, C: 400, D: 1500 };
const BATCHES = [32, 64, 256, 512];
const COMPARISONS = [10_000, 100_000, 1_000_000, 10_000_000];

const CELLS: readonly Cell[] = [
  ...NETWORKS.map((network) => training(`train ${network}`, { network, steps: STEPS[network] })),
  ...NETWORKS.map((network) => inference(`infer ${network}, 128 images`, network, 128, BATCHES_128[network])),
  ...NETWORKS.map((network) => inference(`infer ${network}, 1 image`, network, 1, BATCHES_1[network])),
  operation('16384 ReLUs', 'relu', 16_384, 100),
  operation('maxpool 24x24x20, 2x2', 'maxpool', 0, 100),
  product('product 512x512x512, one core', 512),
  training('train A, paper suite', { network: 'A', steps: 20, suite: 'paper' }),
  inference('infer A, 128 images, paper suite', 'A', 128, 5, 'paper'),
  operation('16384 ReLUs, paper suite', 'relu', 16_384, 30, 'paper'),
  operation('maxpool 24x24x20, 2x2, paper suite', 'maxpool', 0, 30, 'paper'),
  ...BATCHES.map((batch) => training(`train A, batch ${batch}`, { network: 'A', steps: 60, batch })),
  ...BATCHES.map((batch) => training(`train B, batch ${batch}`, { network: 'B', steps: 5, batch })),
  ...NETWORKS.map((network) =>
    training(`train ${network}, one core`, { network, steps: STEPS[network] / 4, cores: '0' }),
  ),
  ...COMPARISONS.map((count) => operation(`${count} ReLUs`, 'relu', count, Math.max(3, Math.round(1e6 / count)))),
];

/** Median of every figure over the runs. */
function summary(runs: readonly Figures[]): Figures {
  const names = Object.keys(runs[0]);
  return Object.fromEntries(
    names.map((name) => {
      const values = runs.map((run) => run[name]).sort((a, b) => a - b);
      return [name, rounded(values[values.length >> 1])];
    }),
  );
}

const { values } = optionsOf(import.meta.url, {
  out: { type: 'string', default: 'bench/results/table.json' },
  only: { type: 'string', default: '' },
  runs: { type: 'string', default: '5' },
  again: { type: 'boolean', default: false },
  quick: { type: 'boolean', default: false },
  list: { type: 'boolean', default: false },
});
const selected = CELLS.filter(({ name }) => new RegExp(values.only).test(name));
if (values.list) {
  for (const { name } of selected) console.log(name);
} else {
  const machine = machineCard();
  const stored = existsSync(values.out) ? (JSON.parse(await readFile(values.out, 'utf8')) as Table) : undefined;
  const table: Table = stored ?? { bench: 'table', date: '', machine, cells: {} };
  if (JSON.stringify(table.machine) !== JSON.stringify(machine))
    throw new Error(`${values.out} was measured on another machine: give another --out`);
  const folder = await mkdtemp(join(tmpdir(), 'securenn-bench-'));
  try {
    await writeSubset(folder);
    for (const [i, { name, run }] of selected.entries()) {
      const runs = values.again ? [] : [...(table.cells[name]?.runs ?? [])];
      while (runs.length < Number(values.runs)) {
        runs.push(await run({ folder, quick: values.quick }));
        table.cells[name] = { median: summary(runs), runs };
        table.date = new Date().toISOString();
        await mkdir(dirname(values.out), { recursive: true });
        await writeFile(values.out, `${JSON.stringify(table, null, 2)}\n`);
        console.log(`${i + 1}/${selected.length} ${name}, run ${runs.length}: ${JSON.stringify(runs.at(-1))}`);
      }
    }
    console.table(Object.fromEntries(selected.map(({ name }) => [name, table.cells[name].median])));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
