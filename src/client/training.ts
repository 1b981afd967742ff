/** A training job as its owner sees it: shares go out; progress, counts and the model come back. */
import { oneHotSource, type Source, valueSource } from '../data/encode.ts';
import { keptOf, type Model } from '../data/model-file.ts';
import { type Dataset, samplesOf } from '../data/dataset.ts';
import type { Counters, PartyEvent } from '../data/party-events.ts';
import type { Elements } from '../data/elements.ts';
import type { FloatTensor } from '../data/safetensors.ts';
import { classCount, parameters, type Network } from '../nn/network.ts';
import { evaluationAfter, REVEALED, type Samples } from '../nn/train.ts';
import { decode } from '../ring/fixed.ts';
import { sizeOf } from '../ring/shape.ts';
import { add } from '../ring/z64.ts';
import type { OwnerCheckpoints } from './checkpoints.ts';
import { follow, Gathering } from './follow.ts';
import type { EvaluationReport, History, StepReport } from './history.ts';
import { modelInputs } from './model-inputs.ts';
import type { Owner, Sharing } from './owner.ts';
import type { PartyName } from './parties.ts';
import { Rounds } from './rounds.ts';
import { spentOf } from './spent.ts';

/** Told of a training's progress; never waited for. */
export interface TrainingObserver {
  /** The run goes on after these steps. */
  onResume(history: History): void;
  /** An input goes out to the parties: when it begins, and as it goes. */
  onSharing(sharing: Sharing): void;
  /** The parties have their inputs. */
  onReady(): void;
  onStep(report: StepReport): void;
  /** An evaluation has done so many images. */
  onTesting(images: number): void;
  onEvaluation(report: EvaluationReport): void;
}

export interface OwnedTraining {
  readonly network: Network;
  readonly fractionBits: number;
  readonly batch: number;
  readonly epochs?: number | undefined;
  readonly steps?: number | undefined;
  readonly perClass?: true | undefined;
}

/**
 * Runs the owner's part of a training job and returns the model. The links stay open; the caller closes them.
 * @param initial the weights to begin with, where the job says that they are shared
 */
export async function ownTraining(
  owner: Owner,
  job: OwnedTraining,
  data: Dataset,
  observer: TrainingObserver,
  { checkpoints, initial }: { readonly checkpoints?: OwnerCheckpoints; readonly initial?: Model | undefined } = {},
): Promise<Model> {
  const work = Promise.all([
    receiveTensors(owner, job),
    shareInputs(owner, job, data, initial, observer),
    followTraining(owner, job, samplesOf(data), observer, checkpoints),
  ]);
  const [tensors] = await (checkpoints === undefined ? work : Promise.race([work, checkpoints.failed]));
  await checkpoints?.settled();
  await checkpoints?.finish();
  return { network: job.network, fractionBits: job.fractionBits, tensors, ...keptOf(data) };
}

/** In the order in which the parties take them. */
async function shareInputs(
  owner: Owner,
  job: OwnedTraining,
  data: Dataset,
  initial: Model | undefined,
  observer: TrainingObserver,
): Promise<void> {
  const classes = classCount(job.network);
  const values = (of: Elements): Source => valueSource(of, data.scaling, job.fractionBits);
  const inputs: [string, Source][] = [
    ['train/images', values(data.trainImages)],
    ['train/labels', oneHotSource(data.trainLabels, classes)],
  ];
  if (data.testLabels.length > 0) {
    inputs.push(['test/images', values(data.testImages)], ['test/labels', oneHotSource(data.testLabels, classes)]);
  }
  await owner.share(
    [
      ...inputs.map(([name, source]) => ({ name, what: name, source })),
      ...(initial === undefined ? [] : modelInputs(initial, job.fractionBits)),
    ],
    (sharing) => observer.onSharing(sharing),
  );
}

async function receiveTensors(owner: Owner, { network, fractionBits }: OwnedTraining): Promise<Model['tensors']> {
  const tensors = await Promise.all(
    parameters(network).map(async ({ name, shape }): Promise<[string, FloatTensor]> => {
      return [
        name,
        { shape, data: decode(await owner.revealed(REVEALED.parameter(name), sizeOf(shape)), fractionBits) },
      ];
    }),
  );
  return new Map(tensors);
}

/** One party's event and, from a worker, its share of what is revealed with it. */
interface Part {
  readonly counters: Counters;
  readonly share: BigUint64Array | undefined;
}

async function followTraining(
  owner: Owner,
  job: OwnedTraining,
  samples: Samples,
  observer: TrainingObserver,
  checkpoints: OwnerCheckpoints | undefined,
): Promise<void> {
  const steps = new Gathering<Part>();
  const evaluations = new Gathering<Part>();
  const rounds = new Rounds();
  let ready = 0;
  const shareOf = async (party: PartyName, name: string, length = 1): Promise<BigUint64Array | undefined> =>
    party === 'P2' ? undefined : owner.revealedShare(party, name, length);
  const counts = job.perClass === true ? classCount(job.network) : 1;

  await follow(owner, async (party, event: PartyEvent) => {
    switch (event.kind) {
      case 'ready':
        if (++ready === 3) observer.onReady();
        return;
      case 'step': {
        const share = event.loss ? await shareOf(party, REVEALED.loss(event.step)) : undefined;
        const parts = steps.add(event.step, party, { counters: event, share });
        if (!parts) return;
        const report = { step: event.step, epoch: event.epoch, ...stepReport(parts, job, rounds) };
        observer.onStep(report);
        checkpoints?.onStep(report, evaluationAfter(event.step, samples, job) !== undefined);
        return;
      }
      case 'testing':
        if (party === 'P0') observer.onTesting(event.images);
        return;
      case 'evaluated': {
        const share = await shareOf(party, REVEALED.correct(event.evaluation), counts);
        const parts = evaluations.add(event.evaluation, party, { counters: event, share });
        if (!parts) return;
        rounds.add(parts.P0.counters.onlineRounds, parts.P1.counters.onlineRounds);
        const { evaluation, images } = event;
        const correct = decode(add(parts.P0.share!, parts.P1.share!), 0);
        const report = { evaluation, images, ...countsOf(correct, job), seconds: parts.P0.counters.seconds };
        observer.onEvaluation(report);
        checkpoints?.onEvaluation(report);
        return;
      }
      case 'finished':
        return;
      case 'batch':
        throw new Error(`${party}: event ${event.kind} in a training job`);
    }
  });
}

function stepReport(
  parts: Readonly<Record<PartyName, Part>>,
  job: OwnedTraining,
  rounds: Rounds,
): Omit<StepReport, 'step' | 'epoch'> {
  const { P0, P1 } = parts;
  const sum = P0.share && P1.share && decode(add(P0.share, P1.share), job.fractionBits)[0];
  return { loss: sum === undefined ? undefined : sum / job.batch, ...spentOf(parts, rounds) };
}

/** What an evaluation revealed. */
export function countsOf(
  revealed: ArrayLike<number>,
  { perClass }: Pick<OwnedTraining, 'perClass'>,
): Pick<EvaluationReport, 'correct' | 'perClass'> {
  const counts = Array.from(revealed);
  const correct = counts.reduce((sum, count) => sum + count, 0);
  return perClass === true ? { correct, perClass: counts } : { correct };
}
