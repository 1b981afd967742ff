/** A job at the parties as a person follows it: who is awaited, how far it is, how it ends; with the progress bar of `local train`. */
import type { FederationClient } from '../../client/federated/client.ts';
import { countImages, type Surroundings } from '../../client/federated/describe.ts';
import { SHORT } from '../../federation/canonical.ts';
import { TrainingFollower } from '../../client/federated/follow-training.ts';
import { type Ending, type JobWatcher, type Told, watch } from '../../client/federated/watch.ts';
import type { EvaluationReport, StepReport } from '../../client/history.ts';
import { Problem } from '../../data/problem.ts';
import type { Digest } from '../../federation/canonical.ts';
import type { JobDocument, TrainDocument } from '../../federation/documents.ts';
import { idOf } from '../../federation/public-identity.ts';
import { stepsPerEpoch } from '../../nn/train.ts';
import { Logs } from '../logs.ts';
import type { TrainSettings } from '../options/training.ts';
import type { Progress } from '../progress.ts';
import { observe } from '../training-run.ts';
import { settingsOf } from './proposal.ts';

export interface Watched {
  readonly ending: Ending;
  readonly steps: readonly StepReport[];
  readonly evaluations: readonly EvaluationReport[];
  readonly settings: TrainSettings | undefined;
}

/** Resolves at the job's end, whatever it is. */
export async function watchJob(
  client: FederationClient,
  digest: Digest,
  document: JobDocument,
  around: Surroundings,
  progress: Progress,
  signal: AbortSignal,
): Promise<Watched> {
  const line = (text: string): void => progress.line(text);
  const training = document.kind === 'train' ? new Shown(client, digest, document, around, progress) : undefined;
  let asked = false;
  const watcher: JobWatcher = {
    onWaiting: (owners) => {
      if (owners.length > 0) {
        asked = true;
        const names = owners.map((id) => around.directory.inWords(id)).join(', ');
        line(`waiting for the approval of ${names}: securenn job approve ${digest.slice(0, SHORT)}`);
      } else if (asked) line('all owners have approved');
    },
    onState: (party, state, reason) => {
      const because = reason === undefined ? '' : `: ${reason}`;
      if (state === 'queued' && party === 'P0') line('queued: it starts when the parties have ended what runs now');
      if (state === 'running' && party === 'P0' && document.kind === 'serve') line('the session answers');
      if (state === 'failed' || state === 'cancelled' || state === 'refused' || state === 'expired')
        line(`${party}: ${state}${because}`);
    },
    onAttempt: (attempt, from, reason) => {
      if (attempt > 1) {
        progress.stop();
        line(`the parties go on from step ${from}, attempt ${attempt}${reason === undefined ? '' : `: ${reason}`}`);
      }
      training?.onAttempt(from);
    },
    onTold: (told) => training?.onTold(told),
    onAnswers: ({ images, inputs, batches, seconds }) => {
      const each = (images / batches).toFixed(1);
      const asked = `${images} image${images === 1 ? '' : 's'} of ${inputs} request${inputs === 1 ? '' : 's'}`;
      line(`answered in ${seconds} s: ${asked}, ${each} at a time`);
    },
    onAway: (_, reason) => line(`${reason}; the job is followed without it`),
    onBack: (party) => line(`${party} can be reached again`),
  };
  try {
    const ending = await watch(client, digest, watcher, signal);
    const { steps = [], evaluations = [], settings } = training ?? {};
    return { ending, steps, evaluations, settings };
  } finally {
    progress.stop();
  }
}

/** The progress of a training, and what its report needs. */
class Shown {
  readonly steps: StepReport[] = [];
  readonly evaluations: EvaluationReport[] = [];
  readonly settings: TrainSettings;
  readonly #follower: TrainingFollower;
  readonly #trainImages: number;

  constructor(
    client: FederationClient,
    digest: Digest,
    document: TrainDocument,
    around: Surroundings,
    progress: Progress,
  ) {
    this.#trainImages = countImages(document.train, around.data) ?? document.batch;
    const testImages = document.reveal.counts === 'none' ? 0 : (countImages(document.test, around.data) ?? 0);
    this.settings = settingsOf(document, this.#trainImages, testImages);
    const log = new Logs({ level: 'silent', file: undefined }, () => undefined).owner;
    const samples = { trainImages: this.#trainImages, testImages };
    const observer = observe(progress, log, this.settings, samples, this.steps, this.evaluations);
    this.#follower = new TrainingFollower(client, digest, document, {
      ...observer,
      onRepeat: (from) => this.#forget(from),
    });
    if (!client.holds(idOf(document.receiver)) && (document.reveal.loss || document.reveal.counts !== 'none'))
      progress.line('losses and counts are sealed to the receiver: they are not shown here');
  }

  onTold(told: Told): Promise<void> {
    return this.#follower.onTold(told);
  }

  onAttempt(from: number): void {
    this.#follower.onAttempt(from);
  }

  /** Steps that are done again. */
  #forget(from: number): void {
    this.steps.splice(0, this.steps.length, ...this.steps.filter(({ step }) => step <= from));
    const { steps } = this.settings;
    const tested = steps === undefined ? Math.floor(from / stepsPerEpoch(this.#trainImages, this.settings.batch)) : 0;
    this.evaluations.splice(0, this.evaluations.length, ...this.evaluations.filter((e) => e.evaluation <= tested));
  }
}

/** Throws for a job that ended otherwise than well. */
export function checkEnding({ state, reason, fix, states }: Ending, digest: Digest): void {
  const others = [...states].filter(([, each]) => each !== state).map(([party, each]) => `${party} says ${each}`);
  const divided = others.length === 0 ? '' : ` (${others.join(', ')})`;
  if (state === 'succeeded') return;
  const because = reason === undefined ? '' : `: ${reason}`;
  throw new Problem(
    `job ${digest.slice(0, SHORT)} ${INWORDS[state] ?? state}${divided}${because}`,
    fix ?? FIXES[state] ?? `securenn job show ${digest.slice(0, SHORT)} says more`,
  );
}

const INWORDS: Readonly<Record<string, string>> = {
  failed: 'has failed',
  cancelled: 'was cancelled',
  expired: 'has expired',
  refused: 'was refused',
};

const FIXES: Readonly<Record<string, string>> = {
  expired: 'propose it again, with a later --expires',
  refused: 'ask the owners what they would approve, and propose that',
  cancelled: 'propose it again once that is settled',
};
