/** An inference job as its owner sees it: shares of model and images go out, predicted classes or scores come back. */
import type { Source } from '../data/encode.ts';
import type { Model } from '../data/model-file.ts';
import type { Counters, PartyEvent } from '../data/party-events.ts';
import { classCount, inputSize, type Network } from '../nn/network.ts';
import { decode } from '../ring/fixed.ts';
import { add } from '../ring/z64.ts';
import { follow, Gathering } from './follow.ts';
import { modelInputs } from './model-inputs.ts';
import type { Owner, Sharing } from './owner.ts';
import { predictedClasses } from './predicted-classes.ts';
import { Rounds } from './rounds.ts';
import { spentOf, type Spent } from './spent.ts';

export interface BatchReport extends Spent {
  readonly batch: number;
  /** The predicted class of each image of the batch. */
  readonly predictions: readonly number[];
  /** (images, classes): the scores of every class, where they are revealed. */
  readonly scores?: Float64Array | undefined;
}

export interface InferenceObserver {
  onSharing(sharing: Sharing): void;
  onReady(): void;
  onBatch(report: BatchReport): void;
}

export interface OwnedInference {
  readonly network: Network;
  readonly fractionBits: number;
  readonly batch: number;
  /** Scores are revealed, not classes. */
  readonly scores?: true | undefined;
}

/** Runs the owner's part of an inference job; predictions arrive at the observer, batch by batch. */
export async function ownInference(
  owner: Owner,
  job: OwnedInference,
  model: Model,
  /** One image a row, with the job's fractional bits. */
  images: Source,
  observer: InferenceObserver,
): Promise<void> {
  await Promise.all([
    shareInputs(owner, job, model, images, observer),
    followInference(owner, job, images.elements / inputSize(job.network), observer),
  ]);
}

/** In the order in which the parties take them. */
async function shareInputs(
  owner: Owner,
  { fractionBits }: OwnedInference,
  model: Model,
  source: Source,
  observer: InferenceObserver,
): Promise<void> {
  const images = { name: 'images', what: 'images', source };
  await owner.share([...modelInputs(model, fractionBits), images], (sharing) => observer.onSharing(sharing));
}

async function followInference(
  owner: Owner,
  job: OwnedInference,
  images: number,
  observer: InferenceObserver,
): Promise<void> {
  const batches = new Gathering<{ counters: Counters; share: BigUint64Array | undefined }>();
  const classes = classCount(job.network);
  const rounds = new Rounds();
  let ready = 0;
  await follow(owner, async (party, event: PartyEvent) => {
    switch (event.kind) {
      case 'ready':
        if (++ready === 3) observer.onReady();
        return;
      case 'batch': {
        const { batch } = event;
        const length = Math.min(job.batch, images - batch * job.batch) * (job.scores === true ? classes : 1);
        const share = party === 'P2' ? undefined : await owner.revealedShare(party, `prediction/${batch}`, length);
        const parts = batches.add(batch, party, { counters: event, share });
        if (!parts) return;
        const sum = add(parts.P0.share!, parts.P1.share!);
        const scores = job.scores === true ? decode(sum, job.fractionBits) : undefined;
        const predictions = scores === undefined ? Array.from(decode(sum, 0)) : predictedClasses(scores, classes);
        observer.onBatch({ batch, predictions, scores, ...spentOf(parts, rounds) });
        return;
      }
      case 'finished':
        return;
      case 'step':
      case 'testing':
      case 'evaluated':
        throw new Error(`${party}: event ${event.kind} in an inference job`);
    }
  });
}
