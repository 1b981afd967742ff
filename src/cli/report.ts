/** What a run measured: the object that `--json` writes, its summary in words, and the card of the machine it ran on. */
import { availableParallelism, cpus, totalmem } from 'node:os';
import type { LinkModel } from '../channel/linkModel.ts';
import type { BatchReport } from '../client/inference.ts';
import type { EvaluationReport, StepReport } from '../client/history.ts';
import type { Spent } from '../client/spent.ts';
import type { Range } from '../engine/ranges.ts';
import type { Computing } from '../server/compute.ts';
import { layTable } from './layout.ts';
import { paceOf, shareInWords, type Pace } from './pace.ts';
import { duration } from './progress.ts';
import type { Prediction } from './predictions.ts';
import type { SessionSettings } from './options/session.ts';
import type { TrainSettings } from './options/training.ts';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly node: string;
  /** The GPU, or null when none was used. */
  readonly adapter: string | null;
}

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface PartyBytes {
  readonly p0: number;
  readonly p1: number;
  readonly p2: number;
  readonly total: number;
}

/** Pace: over all steps, or batches. */
interface RunReport extends Pace {
  readonly command: string;
  readonly network: string;
  readonly suite: string;
  readonly truncation: string;
  readonly fractionBits: number;
  readonly compareBits: number;
  /** Absent: semi-honest. */
  readonly security?: 'private';
  readonly backend: string;
  readonly batch: number;
  /** What the links were made to behave like; null: as fast as this machine. */
  readonly link: LinkModel | null;
}

export interface ClassCount {
  readonly class: number;
  readonly correct: number;
  readonly images: number;
}

export interface TrainReport extends RunReport {
  readonly steps: number;
  /** What makes the run repeatable, but for the parties' own randomness. */
  readonly seed: number;
  readonly lossFunction: string;
  readonly optimizer: string;
  readonly learningRate: number;
  readonly lrDecay: number;
  readonly lrDecayEpochs: number;
  readonly momentum: number;
  /** Images of a batch computed at a time, if not all. */
  readonly microBatch?: number;
  /** At P0, from one step's end to the next; evaluations are not in it. */
  readonly secondsPerStep: Spread;
  /** Mean over all steps: frames with headers, by each party to the other two. */
  readonly bytesSentPerStep: PartyBytes;
  /** Longest chain of dependent messages in a step: the median over steps. */
  readonly onlineRoundsPerStep: number;
  /** Of the last step; null when losses stay shared. */
  readonly loss: number | null;
  /** At every evaluation: after each epoch, or after the steps asked for. */
  readonly testAccuracyPercents: readonly number[];
  /** The last of them. */
  readonly testAccuracyPercent: number | null;
  /** Where it was asked for: of the last evaluation. */
  readonly testPerClass?: readonly ClassCount[];
  /** In the clear only: the largest values of each part against its limits (`ranges.ts`). */
  readonly ranges?: readonly Range[];
  /** The whole command; of a run that went on, its earlier sessions too, up to the checkpoint. */
  readonly seconds: number;
  /** The step from which this command went on with the run; null: from the beginning. Figures cover the whole run. */
  readonly resumedFrom: number | null;
  readonly machine: Machine;
}

export interface InferReport extends RunReport {
  readonly count: number;
  readonly secondsPerBatch: Spread;
  readonly bytesSentPerBatch: PartyBytes;
  /** Of all batches together, which run one after the other. */
  readonly onlineRounds: number;
  /** The predicted class of each image. */
  readonly predictions: readonly number[];
  /** How sure each is: softmax of its scores. Null where scores are not revealed. */
  readonly probabilities: readonly number[] | null;
  /** How many of them are the label; null without labels. */
  readonly correct: number | null;
  readonly seconds: number;
  readonly machine: Machine;
}

export function machineCard(adapter: string | null = null): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    adapter,
  };
}

function rounded(x: number, digits: number): number {
  return Number(x.toFixed(digits));
}

function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function spread(values: readonly number[]): Spread {
  if (values.length === 0) return { median: 0, min: 0, max: 0 };
  const sorted = values.toSorted((a, b) => a - b);
  return { median: rounded(median(sorted), 6), min: rounded(sorted[0], 6), max: rounded(sorted.at(-1)!, 6) };
}

/** Bytes of each party: the mean over steps. */
export function meanBytes(steps: readonly Pick<Spent, 'bytesSent'>[]): PartyBytes {
  const mean = (name: 'P0' | 'P1' | 'P2'): number =>
    steps.length === 0 ? 0 : Math.round(steps.reduce((sum, { bytesSent }) => sum + bytesSent[name], 0) / steps.length);
  const [p0, p1, p2] = [mean('P0'), mean('P1'), mean('P2')];
  return { p0, p1, p2, total: p0 + p1 + p2 };
}

function runReport(
  command: string,
  settings: SessionSettings,
  computing: Computing | undefined,
): Omit<RunReport, keyof Pace> {
  const { network, suite, truncation, fractionBits, compareBits, batch, security, link } = settings;
  const backend = computing?.backend ?? 'wasm';
  const common = { suite, truncation, fractionBits, compareBits, ...(security && { security }), backend, batch };
  return { command, network: network.name, ...common, link: link ?? null };
}

/** What a training told. */
export interface TrainFigures {
  readonly steps: readonly StepReport[];
  readonly evaluations: readonly EvaluationReport[];
  /** Of the test set. */
  readonly imagesPerClass: readonly number[];
  readonly seconds: number;
  readonly resumedFrom: number | null;
  readonly ranges?: readonly Range[] | undefined;
}

export function trainReport(
  command: string,
  settings: TrainSettings,
  computing: Computing | undefined,
  { steps, evaluations, imagesPerClass, seconds, resumedFrom, ranges }: TrainFigures,
): TrainReport {
  const last = steps.at(-1)?.loss;
  const { seed, loss, optimizer, learningRate, lrDecay, lrDecayEpochs, momentum } = settings;
  const perClass = evaluations
    .at(-1)
    ?.perClass?.map((correct, i) => ({ class: i, correct, images: imagesPerClass[i] }));
  const percents = evaluations.map(({ correct, images }) => rounded((100 * correct) / images, 4));
  return {
    ...runReport(command, settings, computing),
    steps: steps.length,
    ...{ seed, lossFunction: loss, optimizer, learningRate, lrDecay, lrDecayEpochs, momentum },
    ...(settings.microBatch === undefined ? {} : { microBatch: settings.microBatch }),
    secondsPerStep: spread(steps.map((step) => step.seconds)),
    bytesSentPerStep: meanBytes(steps),
    onlineRoundsPerStep: spread(steps.map((step) => step.onlineRounds)).median,
    ...paceOf(steps),
    loss: last === undefined ? null : rounded(last, 6),
    testAccuracyPercents: percents,
    testAccuracyPercent: percents.at(-1) ?? null,
    ...(perClass === undefined ? {} : { testPerClass: perClass }),
    ...(ranges === undefined ? {} : { ranges }),
    seconds: rounded(seconds, 3),
    resumedFrom,
    machine: machineCard(computing?.adapter),
  };
}

export function inferReport(
  command: string,
  settings: SessionSettings,
  computing: Computing | undefined,
  batches: readonly BatchReport[],
  predictions: readonly Prediction[],
  seconds: number,
): InferReport {
  const sure = predictions.flatMap(({ probability }) => (probability === null ? [] : [rounded(probability, 6)]));
  const labelled = predictions.filter(({ label }) => label !== null);
  return {
    ...runReport(command, settings, computing),
    count: predictions.length,
    secondsPerBatch: spread(batches.map((batch) => batch.seconds)),
    bytesSentPerBatch: meanBytes(batches),
    ...paceOf(batches),
    onlineRounds: batches.reduce((sum, batch) => sum + batch.onlineRounds, 0),
    predictions: predictions.map((prediction) => prediction.class),
    probabilities: sure.length === 0 ? null : sure,
    correct: labelled.length === 0 ? null : labelled.filter((each) => each.class === each.label).length,
    seconds: rounded(seconds, 3),
    machine: machineCard(computing?.adapter),
  };
}

/** A training in one line of words. */
export function trainSummary(report: Omit<TrainReport, 'backend' | 'machine' | 'testPerClass'>): string {
  return [
    ...(report.testAccuracyPercent === null ? [] : [`test accuracy ${report.testAccuracyPercent.toFixed(2)} %`]),
    `${report.steps} steps`,
    `${report.secondsPerStep.median.toFixed(3)} s a step`,
    ...(report.bytesSentPerStep.total === 0
      ? []
      : [`${(report.bytesSentPerStep.total / 1e6).toFixed(2)} MB sent a step`]),
    ...waiting(report),
    `${duration(report.seconds)} in all`,
  ].join(' · ');
}

/** Right answers by class; nothing where they were not asked for. */
export function classTable({ testPerClass }: Pick<TrainReport, 'testPerClass'>): string[] {
  if (testPerClass === undefined) return [];
  const rows = testPerClass.map(({ class: name, correct, images }) => [
    ...[String(name), String(correct), String(images)],
    images === 0 ? '–' : ((100 * correct) / images).toFixed(2),
  ]);
  return layTable(['class', 'right', 'of', '%'], rows, Infinity);
}

export function inferSummary(report: InferReport): string {
  return [
    report.correct === null ? `${report.count} classified` : `${report.correct} of ${report.count} right`,
    `${report.secondsPerBatch.median.toFixed(3)} s a batch`,
    `${(report.bytesSentPerBatch.total / 1e6).toFixed(2)} MB sent a batch`,
    `${report.onlineRounds} online rounds`,
    ...waiting(report),
  ].join(' · ');
}

function waiting({ waitPercent }: Pace): string[] {
  return waitPercent === null ? [] : [shareInWords(waitPercent.all)];
}
