/**
 * This build and another one in turns on this machine: pairs of runs one after the other, so that both see the same hour. Medians of
 * each, and the median of the ratios pair by pair.
 *
 *   node dist/bench/turns.js --other FOLDER [--pairs 5] [--only REGEXP] [--out bench/results/turns.json] [--scores]
 *
 * FOLDER is a checkout of the other build in which `npm ci` has run. Cells are training steps at batch 128 (2,560 images of MNIST), and
 * inferences of 128 images and of one in a session under way. Both builds reveal the class alone, or with `--scores` the scores of all
 * classes, in fewer rounds; the other build must know both options. Which of the two begins changes from pair to pair.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { local, type LocalReport, writeSubset } from './local-runs.ts';
import { save } from './machine.ts';
import { inTurn, median, rounded } from './measure.ts';
import { optionsOf } from './options.ts';

interface Cell {
  readonly name: string;
  readonly args: (folder: string, model: string) => string[];
  readonly seconds: (report: LocalReport) => number;
}

type Side = 'now' | 'other';
type Pair = Readonly<Record<Side, number>> & { readonly load: number };

const NETWORKS = ['A', 'B', 'C', 'D'];
/** Enough that the median is of a session under way: of A an epoch of MNIST, of D half of one. V8 compiles for some hundred short steps. */
const STEPS: Readonly<Record<string, number>> = { A: 469, B: 12, C: 8, D: 234 };
const BATCHES_128: Readonly<Record<string, number>> = { A: 60, B: 7, C: 5, D: 40 };
const BATCHES_1: Readonly<Record<string, number>> = { A: 2500, B: 600, C: 400, D: 2000 };

const CELLS: readonly Cell[] = [
  ...NETWORKS.map((network) => ({
    name: `train ${network}`,
    args: (folder: string, model: string) => [
      ...['train', '--network', network, '--steps', `${STEPS[network]}`, '--data', folder, '--out', model],
    ],
    seconds: (report: LocalReport) => report.secondsPerStep!.median,
  })),
  ...[128, 1].flatMap((batch) =>
    NETWORKS.map((network) => ({
      name: `infer ${network}, ${batch} ${batch === 1 ? 'image' : 'images'}`,
      args: (_folder: string, model: string) => [
        ...['infer', '--network', network, '--model', model, '--batch', `${batch}`],
        ...['--count', `${batch * (batch === 1 ? BATCHES_1 : BATCHES_128)[network]}`],
      ],
      seconds: (report: LocalReport) => report.secondsPerBatch!.median,
    })),
  ),
];

const { values } = optionsOf(import.meta.url, {
  other: { type: 'string' },
  pairs: { type: 'string', default: '5' },
  only: { type: 'string', default: '' },
  out: { type: 'string', default: 'bench/results/turns.json' },
  scores: { type: 'boolean', default: false },
});
if (values.other === undefined) throw new Error('--other FOLDER: a checkout of the other build, installed by `npm ci`');
const builds: Readonly<Record<Side, string>> = {
  now: fileURLToPath(new URL('..', import.meta.url)),
  other: join(resolve(values.other), 'dist'),
};
const rows: object[] = [];
const folder = await mkdtemp(join(tmpdir(), 'securenn-turns-'));
try {
  await writeSubset(folder);
  const model = (side: Side, network: string): string => join(folder, `${side}-${network}.safetensors`);
  for (const { name, args, seconds } of CELLS.filter(({ name }) => new RegExp(values.only).test(name))) {
    const network = name.split(/[ ,]/)[1];
    const measureSide = async (side: Side): Promise<number> => {
      const revealed = name.startsWith('infer') ? [values.scores ? '--scores' : '--no-scores'] : [];
      const report = await local(folder, [...args(folder, model(side, network)), ...revealed], { dist: builds[side] });
      return seconds(report);
    };
    if (name.startsWith('infer'))
      for (const side of ['now', 'other'] as const)
        await local(
          folder,
          ['train', '--network', network, '--steps', '1', '--data', folder, '--out', model(side, network)],
          { dist: builds[side] },
        );
    const pairs: Pair[] = [];
    for (let i = 0; i < Number(values.pairs); i++) {
      const load = rounded(loadavg()[0]);
      const { now, other } = await inTurn(i, ['other', 'now'], measureSide);
      pairs.push({ now, other, load });
      console.log(`${name}, pair ${i + 1}: ${JSON.stringify(pairs.at(-1))}`);
    }
    rows.push({
      name,
      now: rounded(median(pairs.map((pair) => pair.now))),
      other: rounded(median(pairs.map((pair) => pair.other))),
      ratio: rounded(median(pairs.map((pair) => pair.now / pair.other))),
      pairs,
    });
    await save(values.out, 'turns', { unit: 'seconds', rows });
  }
  console.table(rows.map((row) => ({ ...row, pairs: undefined })));
} finally {
  await rm(folder, { recursive: true, force: true });
}
