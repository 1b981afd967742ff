/**
 * Private sessions and semi-honest ones of this build in turns on this machine (PROTOCOLS §10 and §11): training steps at batch 128 (2,560 images of
 * MNIST), and single images one right after the other. Medians of each, the median of the ratios pair by pair, and bytes and rounds of a step.
 *
 *   node dist/bench/security.js [--pairs 5] [--networks A,C] [--only REGEXP] [--out bench/results/security.json]
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { local, type LocalReport, writeSubset } from './local-runs.ts';
import { save } from './machine.ts';
import { inTurn, median, rounded } from './measure.ts';
import { optionsOf } from './options.ts';

/** Enough that the median is of a session under way. */
const STEPS: Readonly<Record<string, number>> = { A: 100, B: 12, C: 8, D: 80 };
/** Most of them after the keys that were dealt before the first one are used. */
const IMAGES: Readonly<Record<string, number>> = { A: 600, B: 300, C: 250, D: 400 };
const SECURITIES = ['semi-honest', 'private'] as const;
type Reports = Readonly<Record<(typeof SECURITIES)[number], LocalReport>>;

const { values } = optionsOf(import.meta.url, {
  pairs: { type: 'string', default: '5' },
  networks: { type: 'string', default: 'A,C' },
  only: { type: 'string', default: '' },
  out: { type: 'string', default: 'bench/results/security.json' },
});
const rows: object[] = [];
const folder = await mkdtemp(join(tmpdir(), 'securenn-security-'));
const model = (network: string): string => join(folder, `${network}.safetensors`);
const train = (network: string, steps: number): string[] => [
  ...['train', '--network', network, '--steps', `${steps}`, '--data', folder, '--out', model(network)],
];

interface Cell {
  readonly name: string;
  readonly network: string;
  readonly args: readonly string[];
  /** Of a step, or of a batch of an inference. */
  readonly seconds: (report: LocalReport) => number;
  readonly bytes: (report: LocalReport) => number;
  readonly rounds: (report: LocalReport) => number | undefined;
}

const cells = values.networks.split(',').flatMap((network): Cell[] => [
  {
    ...{ name: `train ${network}`, network, args: train(network, STEPS[network]) },
    seconds: ({ secondsPerStep }) => secondsPerStep!.median,
    bytes: ({ bytesSentPerStep }) => bytesSentPerStep!.total,
    rounds: ({ onlineRoundsPerStep }) => onlineRoundsPerStep,
  },
  {
    ...{ name: `infer ${network}, image after image`, network },
    args: ['infer', '--network', network, '--model', model(network), '--batch', '1', '--count', `${IMAGES[network]}`],
    seconds: ({ secondsPerBatch }) => secondsPerBatch!.median,
    bytes: ({ bytesSentPerBatch }) => bytesSentPerBatch!.total,
    rounds: ({ onlineRounds }) => onlineRounds! / IMAGES[network],
  },
]);

try {
  await writeSubset(folder);
  for (const cell of cells.filter(({ name }) => new RegExp(values.only).test(name))) {
    const { name, network, seconds, bytes, rounds } = cell;
    if (name.startsWith('infer')) await local(folder, train(network, 1));
    const measure = (security: string): Promise<LocalReport> => local(folder, [...cell.args, '--security', security]);
    const pairs: (Reports & { readonly load: number })[] = [];
    for (let i = 0; i < Number(values.pairs); i++) {
      const load = rounded(loadavg()[0]);
      pairs.push({ ...(await inTurn(i, SECURITIES, measure)), load });
      console.log(`${name}, pair ${i + 1}: ${SECURITIES.map((s) => seconds(pairs[i][s])).join(', ')} s`);
    }
    const of = (security: (typeof SECURITIES)[number]): object => {
      const reports = pairs.map((pair) => pair[security]);
      return {
        secondsPerStep: rounded(median(reports.map(seconds))),
        megabytesPerStep: rounded(bytes(reports[0]) / 1e6),
        onlineRoundsPerStep: rounds(reports[0]),
      };
    };
    rows.push({
      name,
      semiHonest: of('semi-honest'),
      private: of('private'),
      ratioOfTime: rounded(median(pairs.map((pair) => seconds(pair.private) / seconds(pair['semi-honest'])))),
      ratioOfBytes: rounded(bytes(pairs[0].private) / bytes(pairs[0]['semi-honest'])),
      pairs: pairs.map((pair) => ({
        semiHonest: seconds(pair['semi-honest']),
        private: seconds(pair.private),
        load: pair.load,
      })),
    });
    await save(values.out, 'security', { rows });
  }
  console.table(rows.map((row) => ({ ...row, pairs: undefined })));
} finally {
  await rm(folder, { recursive: true, force: true });
}
