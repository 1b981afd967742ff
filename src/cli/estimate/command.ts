/** `securenn estimate`: rounds, bytes, time and memory of a network's training and inference, from declared costs, without running it. */
import { availableParallelism } from 'node:os';
import type { Options } from 'yargs';
import { describeLink, type LinkModel } from '../../channel/linkModel.ts';
import { countInference, countTraining, total, type Counted } from '../../nn/count.ts';
import { networkWithoutBatchNorm } from '../../nn/foldBatchNorm.ts';
import { Problem } from '../../data/problem.ts';
import { readTrainSettings, trainOptions, type TrainSettings } from '../options/training.ts';
import { widthOf, layTable } from '../layout.ts';
import { duration } from '../progress.ts';
import { classCount, inputSize } from '../../nn/network.ts';
import { BLOCK_ELEMENTS } from '../../channel/blocks.ts';
import { type Samples } from '../../nn/train.ts';
import { type Work, WORK } from '../../engine/countedValues.ts';
import { checkWritable, say, writeReport } from '../output.ts';
import { machineCard } from '../report.ts';
import { type Argv, integer, number } from '../options/values.ts';
import { calibrate } from './calibrate.ts';
import { type Memory, memoryOf } from '../../server/memory.ts';
import { fittingPart } from '../../server/micro-batch.ts';
import { secondsOf, type Seconds } from './model.ts';
import { rankLine, type RankLine, rankPrediction, ranksShown } from './ranks.ts';

const PICKED = ['batch', 'loss', 'optimizer', 'momentum', 'lr', 'suite', 'truncation', 'fraction-bits', 'compare-bits'];
const MORE = ['security', 'epochs', 'workers', 'link', 'json', 'show-loss', 'micro-batch', 'memory', 'ranks'];

export const estimateOptions: Readonly<Record<string, Options>> = {
  ...Object.fromEntries([...PICKED, ...MORE].map((name) => [name, trainOptions[name]])),
  images: { ...number, group: 'Task:', alias: 'samples', default: 60_000, describe: 'Training images of an epoch' },
  'test-images': {
    ...number,
    group: 'Task:',
    default: 10_000,
    describe: 'Images of the evaluation after each epoch; 0: none',
  },
};

interface Line {
  readonly what: string;
  readonly counted: Counted;
  readonly seconds: Seconds;
}

export interface EstimateReport {
  readonly command: 'estimate';
  readonly network: string;
  readonly batch: number;
  /** Images of a batch computed at a time, if not all. */
  readonly microBatch?: number;
  readonly suite: string;
  readonly truncation: string;
  readonly security?: 'private';
  readonly link: LinkModel | null;
  readonly lines: readonly Line[];
  /** Of each party, in bytes, at its peak. */
  readonly memory: Memory;
  /** A training step by several ranks, if they are asked for. */
  readonly ranks?: readonly RankLine[];
  /** A prediction of a batch by several ranks, if they are asked for. */
  readonly rankPredictions?: readonly RankLine[];
  readonly machine: object;
}

export async function estimate(argv: Argv): Promise<void> {
  // The network stands without an option's name.
  const given = { backend: 'auto', data: 'mnist', ...argv, network: argv.NETWORK };
  const { ranks: most } = readTrainSettings(given);
  // All but the ranks' own table is of a party of one.
  const typed = readTrainSettings({ ...given, ranks: undefined });
  if (typed.json !== undefined && typed.json !== '-') await checkWritable('json', typed.json);
  const trainImages = integer(argv, 'images', 1, 10_000_000, 60_000);
  const testImages = integer(argv, 'test-images', 0, 10_000_000, 10_000);
  if (typed.batch > trainImages) {
    throw new Problem(`--batch: ${typed.batch} of only ${trainImages} images`, 'give a smaller --batch');
  }
  const { memory: gib } = typed;
  const settings =
    gib === undefined ? typed : { ...typed, microBatch: await fittingPart(typed, { trainImages, testImages }, gib) };
  const rates = await calibrate(settings);
  const counts = await countAll(settings, { trainImages, testImages });
  const memory = await memoryOf(settings, { trainImages, testImages });
  const [ranks, rankPredictions]: RankLine[][] = [[], []];
  for (const each of most === undefined ? [] : ranksShown(most)) {
    ranks.push(await rankLine(typed, each, rates));
    rankPredictions.push(await rankPrediction(typed, each, rates));
  }
  const machine = { cores: availableParallelism(), workers: settings.workers };
  const lines = counts.map(([what, counted]) => ({
    what,
    counted,
    seconds: secondsOf(counted, rates, settings.link, machine),
  }));
  const report: EstimateReport = {
    command: 'estimate',
    network: settings.network.name,
    batch: settings.batch,
    ...(settings.microBatch === undefined ? {} : { microBatch: settings.microBatch }),
    suite: settings.suite,
    truncation: settings.truncation,
    ...(settings.security === undefined ? {} : { security: settings.security }),
    link: settings.link ?? null,
    lines,
    memory,
    ...(ranks.length > 0 && { ranks, rankPredictions }),
    machine: machineCard(),
  };
  const width = widthOf(settings.json === '-' ? process.stderr : process.stdout);
  for (const line of inWords(report, width)) say(settings.json, line);
  await writeReport(settings.json, report);
}

/** What is estimated, in the order in which it is shown. A step is the last of the first epoch that shows no loss. */
export async function countAll(
  settings: TrainSettings,
  samples: Samples,
): Promise<(readonly [what: string, counted: Counted])[]> {
  const { batch, network } = settings;
  const { steps, evaluations } = await countTraining(network, { ...settings, epochs: 1, steps: undefined }, samples);
  const epochs = settings.epochs ?? 1;
  const epoch = (n: number): typeof steps => steps.filter((step) => step.epoch === n);
  const plain = epoch(1).filter(({ loss }) => !loss);
  const typical = (plain.length > 0 ? plain : epoch(1)).at(-1)!;
  const shown = epoch(1).findLast(({ loss }) => loss);
  // As `infer` shares a model.
  const served = networkWithoutBatchNorm(network);
  const [one] = await countInference(served, settings, 1, 1);
  const [many] = await countInference(served, settings, batch, 1);
  return [
    ['a training step', typical],
    ...(shown === undefined ? [] : [['a training step whose loss is shown', shown] as const]),
    ['an epoch', total(epoch(1))],
    ...evaluations.map((evaluation) => ['an evaluation', evaluation] as const),
    ['sharing the data', sharing(settings, samples)],
    [
      `a training of ${epochs} ${epochs === 1 ? 'epoch' : 'epochs'}, all of it`,
      wholeTraining(settings, samples, [...steps, ...evaluations]),
    ],
    ['a prediction of 1 image', one],
    [`a prediction of ${batch} images`, many],
  ];
}

/** @param width of the terminal */
export function inWords(
  { network, batch, microBatch, suite, truncation, security, link, lines, memory, ...more }: EstimateReport,
  width: number = Infinity,
): string[] {
  const where = link === null ? 'links as fast as this machine' : `links of ${describeLink(link)}`;
  const head = ['', 'rounds', 'sent', 'time', 'compute', 'transfer', 'latency'];
  const rows = lines.map(({ what, counted, seconds }) => [
    what,
    counted.rounds.toLocaleString('en-US'),
    bytesInWords(counted.bytes),
    ...[seconds.total, seconds.compute, seconds.transfer, seconds.latency].map(timeInWords),
  ]);
  const peaks = [
    ['a training', memory.training] as const,
    [`a prediction of ${batch} images`, memory.inference] as const,
  ].map(([what, { P0, P1, P2 }]) => [what, ...[P0, P1, P2].map(bytesInWords)]);
  return [
    `network ${network}, batch ${batch}${microBatch === undefined ? '' : ` (${microBatch} images at a time)`}, ${suite} suite, ${truncation} truncation${security === undefined ? '' : ', private where one party cheats'}, all parties on this machine, ${where}`,
    ...layTable(head, rows, width),
    ...layTable(['memory of a party, at its peak', 'P0', 'P1', 'P2'], peaks, width),
    ...(more.ranks === undefined ? [] : rankTable(more.ranks, 'a step by so many ranks', width)),
    ...(more.rankPredictions === undefined
      ? []
      : rankTable(more.rankPredictions, `a prediction of ${batch} images by so many`, width)),
    ...(more.ranks === undefined
      ? []
      : [
          'Ranks are estimated with each party on a machine of its own, with a core for each. What each hands the others of its party in a step, in memory, takes no time of it (docs/ranks.md).',
        ]),
    'Rounds and bytes follow from the protocols; a step, an epoch and an evaluation are exact. Time is an estimate from 2 seconds of calibration, memory one from shapes (docs/links.md).',
  ];
}

function rankTable(ranks: readonly RankLine[], what: string, width: number): string[] {
  const handed = ranks.every(({ handedBytes }) => handedBytes !== undefined);
  const head = [what, 'rounds', 'sent', 'time', 'compute', 'transfer', 'latency', 'limit'];
  const rows = ranks.map(({ ranks, rounds, bytes, handedBytes, seconds, limit }) => [
    ...[String(ranks), rounds.toLocaleString('en-US'), bytesInWords(bytes)],
    ...[seconds.total, seconds.compute, seconds.transfer, seconds.latency].map(timeInWords),
    limit,
    ...(handed ? [bytesInWords(handedBytes!)] : []),
  ]);
  return layTable(handed ? [...head, 'handed on'] : head, rows, width);
}

/** The owner's data on its way to P1, and from there to P0 (`data/share.ts`): 8 bytes an element each time. Its masks count as openings. */
function sharing({ network }: TrainSettings, { trainImages, testImages }: Samples): Counted {
  const elements = (trainImages + testImages) * (inputSize(network) + classCount(network));
  const payloadBytes = 16 * elements;
  const messages = 2 * Math.ceil(elements / BLOCK_ELEMENTS);
  const work = { ...(Object.fromEntries(WORK.map((kind) => [kind, 0])) as Work), open: elements };
  return {
    bytes: payloadBytes,
    payloadBytes,
    messages,
    busiestLinkBytes: payloadBytes / 2,
    rounds: 0,
    keys: 0,
    work,
    held: { made: 0, operands: 0, bits: 0 },
  };
}

/** Every epoch sends as the first one does, but for a few digits in labels. */
function wholeTraining(settings: TrainSettings, samples: Samples, epoch: readonly Counted[]): Counted {
  const epochs = Array.from({ length: settings.epochs ?? 1 }, () => total(epoch));
  return total([sharing(settings, samples), ...epochs]);
}

/** Three digits and a unit: `927 GB`. Units are powers of 1000. */
export function bytesInWords(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  const power = Math.min(units.length - 1, Math.max(0, Math.floor(Math.log10(Math.max(1, bytes)) / 3)));
  const scaled = bytes / 1000 ** power;
  return `${scaled >= 100 ? Math.round(scaled) : Number(scaled.toPrecision(3))} ${units[power]}`;
}

/** Down to milliseconds: `3 ms`, `0.53 s`, `2 h 5 min`. */
export function timeInWords(seconds: number): string {
  if (seconds >= 60) return duration(seconds);
  return seconds < 0.1 ? `${Number((1000 * seconds).toPrecision(2))} ms` : `${Number(seconds.toPrecision(2))} s`;
}
