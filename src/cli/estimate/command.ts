/** `securenn estimate`: rounds, bytes and time of a network's training and inference, from declared costs, without running it. */
import { availableParallelism } from 'node:os';
import type { Options } from 'yargs';
import { describeLink, type LinkModel } from '../../channel/linkModel.ts';
import { countInference, countTraining, total, type Counted } from '../../nn/count.ts';
import { Problem } from '../../data/problem.ts';
import { readTrainSettings, trainOptions, type TrainSettings } from '../options/training.ts';
import { checkWritable, say, writeReport } from '../output.ts';
import { machineCard } from '../report.ts';
import { type Argv, integer, number } from '../options/values.ts';
import { calibrate } from './calibrate.ts';
import { secondsOf, type Seconds } from './model.ts';

const PICKED = ['batch', 'loss', 'optimizer', 'momentum', 'lr', 'suite', 'truncation', 'fraction-bits', 'compare-bits'];
const MORE = ['workers', 'link', 'json', 'show-loss'];

export const estimateOptions: Readonly<Record<string, Options>> = {
  ...Object.fromEntries([...PICKED, ...MORE].map((name) => [name, trainOptions[name]])),
  images: { ...number, group: 'Task:', default: 60_000, describe: 'Training images of an epoch' },
  'test-images': { ...number, group: 'Task:', default: 10_000, describe: 'Images of the evaluation after each epoch' },
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
  readonly suite: string;
  readonly truncation: string;
  readonly link: LinkModel | null;
  readonly lines: readonly Line[];
  readonly machine: object;
}

export async function estimate(argv: Argv): Promise<void> {
  // The network stands without an option's name.
  const settings = readTrainSettings({ backend: 'auto', data: 'mnist', ...argv, network: argv.NETWORK, epochs: 1 });
  if (settings.json !== undefined && settings.json !== '-') await checkWritable('json', settings.json);
  const trainImages = integer(argv, 'images', 1, 10_000_000, 60_000);
  const testImages = integer(argv, 'test-images', 1, 10_000_000, 10_000);
  if (settings.batch > trainImages) {
    throw new Problem(`--batch: ${settings.batch} of only ${trainImages} images`, 'give a smaller --batch');
  }
  const rates = await calibrate(settings);
  const counts = await countAll(settings, { trainImages, testImages });
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
    suite: settings.suite,
    truncation: settings.truncation,
    link: settings.link ?? null,
    lines,
    machine: machineCard(),
  };
  for (const line of inWords(report)) say(settings.json, line);
  await writeReport(settings.json, report);
}

/** What is estimated, in the order in which it is shown. A step is the last of the first epoch that shows no loss. */
export async function countAll(
  settings: TrainSettings,
  samples: { readonly trainImages: number; readonly testImages: number },
): Promise<(readonly [what: string, counted: Counted])[]> {
  const { batch, network } = settings;
  const { steps, evaluations } = await countTraining(network, settings, samples);
  const epoch = (n: number): typeof steps => steps.filter((step) => step.epoch === n);
  const plain = epoch(1).filter(({ loss }) => !loss);
  const typical = (plain.length > 0 ? plain : epoch(1)).at(-1)!;
  const shown = epoch(1).findLast(({ loss }) => loss);
  const [one] = await countInference(network, settings, 1, 1);
  const [many] = await countInference(network, settings, batch, 1);
  return [
    ['a training step', typical],
    ...(shown === undefined ? [] : [['a training step whose loss is shown', shown] as const]),
    ['an epoch', total(epoch(1))],
    ['an evaluation', evaluations[0]],
    ['a prediction of 1 image', one],
    [`a prediction of ${batch} images`, many],
  ];
}

export function inWords({ network, batch, suite, truncation, link, lines }: EstimateReport): string[] {
  const where = link === null ? 'links as fast as this machine' : `links of ${describeLink(link)}`;
  const head = ['', 'rounds', 'MB', 'seconds', 'compute', 'transfer', 'latency'];
  const rows = lines.map(({ what, counted, seconds }) => [
    what,
    String(counted.rounds),
    (counted.bytes / 1e6).toPrecision(4),
    ...[seconds.total, seconds.compute, seconds.transfer, seconds.latency].map((x) => x.toPrecision(3)),
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => row[i].length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  ');
  return [
    `network ${network}, batch ${batch}, ${suite} suite, ${truncation} truncation, all parties on this machine, ${where}`,
    line(head),
    ...rows.map(line),
    'Rounds and bytes follow from the protocols and are exact; seconds are an estimate from 2 seconds of calibration.',
  ];
}
