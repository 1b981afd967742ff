/**
 * The owner's checkpoints: its keys with the parties, what it has been told so far, and a digest of its data. It also says when a checkpoint is
 * complete, because it hears from all three parties (see `server/checkpoints.ts`).
 */
import { createHash } from 'node:crypto';
import type { Checkpoint } from '../data/checkpoint.ts';
import type { CheckpointStore } from '../data/checkpoint-store.ts';
import type { Dataset } from '../data/dataset.ts';
import { kindOf } from '../data/elements.ts';
import { completeLabel, savedLabel, STOP } from '../data/party-events.ts';
import { Problem } from '../data/problem.ts';
import { OF_BYTES, sameScaling } from '../data/scaling.ts';
import { WHILE_THE_LINK_LIVES } from '../data/share.ts';
import type { EvaluationReport, History, OwnerNotes, StepReport } from './history.ts';
import { PARTIES } from './parties.ts';
import type { Owner } from './owner.ts';

/** Of all pixels and labels: a run goes on with the data it began with, or its masks would cover two values. */
export function digestOf(data: Dataset): string {
  const hash = createHash('sha256');
  for (const part of [data.trainImages, data.trainLabels, data.testImages, data.testLabels]) {
    hash.update(`${part.length} `).update(part);
  }
  // What is not bytes, or scaled otherwise, has a digest of its own; that of bytes is as it always was.
  if (!(data.trainImages instanceof Uint8Array) || !sameScaling(data.scaling, OF_BYTES)) {
    const { divideBy, mean, std } = data.scaling;
    hash.update(JSON.stringify([kindOf(data.trainImages), divideBy, mean, std]));
  }
  return hash.digest('hex');
}

/** Refuses a data set that is not the one a run began with: `begun` is that one's digest. */
export function checkSameData(data: Dataset, begun: string): void {
  if (digestOf(data) === begun) return;
  throw new Problem(
    `--resume: ${data.name} is not the data set that the run began with`,
    'give the folder with that data set to --data',
  );
}

export class OwnerCheckpoints {
  /** Rejects when a checkpoint could not be kept. */
  readonly failed: Promise<never>;
  readonly #store: CheckpointStore;
  readonly #owner: Owner;
  readonly #checkpoint: Pick<Checkpoint, 'run' | 'job'>;
  readonly #isDue: (step: number) => boolean;
  readonly #notes: Omit<OwnerNotes, 'history'>;
  readonly #started: number = performance.now();
  readonly #before: number;
  readonly #steps: StepReport[];
  readonly #evaluations: EvaluationReport[];
  #fail: (error: unknown) => void = () => undefined;
  #keeping: Promise<void> = Promise.resolve();
  #complete: number | undefined;
  /** The last step whose checkpoint was begun. */
  #begun: number;
  readonly #first: number;
  /** The parties have been told whether they stop. */
  #told = false;
  #evaluating = false;
  #stopAt: number | undefined;
  #stopped: () => void = () => undefined;

  /** @param history of the run until now; empty for a new one */
  constructor(
    store: CheckpointStore,
    owner: Owner,
    checkpoint: Pick<Checkpoint, 'run' | 'job'>,
    isDue: (step: number) => boolean,
    { history, ...noted }: OwnerNotes,
    /** The step from which the run goes on, if it does. */
    from?: number,
  ) {
    this.#store = store;
    this.#owner = owner;
    this.#checkpoint = checkpoint;
    this.#isDue = isDue;
    this.#notes = noted;
    this.#steps = [...history.steps];
    this.#evaluations = [...history.evaluations];
    this.#before = history.seconds;
    this.#complete = from;
    this.#first = history.steps.length;
    this.#begun = from ?? 0;
    this.failed = new Promise((_, reject) => (this.#fail = reject));
    this.failed.catch(() => undefined);
    if (from === undefined) this.#save(0);
  }

  /** Step of the last complete checkpoint. */
  get complete(): number | undefined {
    return this.#complete;
  }

  onStep(report: StepReport, evaluationFollows: boolean): void {
    // What ranks spent is of the session, not of the run: another one may have another number of them.
    this.#steps.push({ ...report, ranks: undefined });
    if (evaluationFollows) this.#evaluating = true;
    else if (this.#isDue(report.step) || report.step === this.#stopAt) this.#save(report.step);
  }

  onEvaluation(report: EvaluationReport): void {
    this.#evaluating = false;
    this.#evaluations.push(report);
    this.#save(this.#steps.length);
  }

  /** Whether the training is under way, so that there is a step to stop at. */
  get isUnderWay(): boolean {
    return !this.#told && this.#steps.length > this.#first;
  }

  /** Ends the training at the next step that no party has passed; resolves when its checkpoint is complete. */
  async stop(): Promise<void> {
    if (this.#told) return;
    this.#told = true;
    const links = PARTIES.map((name) => this.#owner.links[name]);
    const stopped = new Promise<void>((resolve) => (this.#stopped = resolve));
    await Promise.all(links.map((link) => link.send(STOP.asked, BigUint64Array.of(1n), 0)));
    const reached = await Promise.all(links.map((link) => link.receive(STOP.reached, 'u64', 1, WHILE_THE_LINK_LIVES)));
    const step = Math.max(...reached.map(({ data }) => Number(data[0])));
    this.#stopAt = step;
    // All three may have reported it already.
    if (this.#steps.length === step && !this.#evaluating && this.#begun < step) this.#save(step);
    await Promise.all(links.map((link) => link.send(STOP.at, BigUint64Array.of(BigInt(step)), 0)));
    if ((this.#complete ?? 0) < step) await Promise.race([stopped, this.failed]);
  }

  /** The training is over: nobody stops any more. */
  async finish(): Promise<void> {
    if (this.#told) return;
    this.#told = true;
    const links = PARTIES.map((name) => this.#owner.links[name]);
    await Promise.all(links.map((link) => link.send(STOP.asked, BigUint64Array.of(0n), 0)));
  }

  /** Resolves when all is complete. */
  settled(): Promise<void> {
    return this.#keeping;
  }

  #save(step: number): void {
    this.#begun = step;
    // The parties begin no checkpoint before the last one is complete: this queue stays short.
    const history: History = {
      steps: this.#steps.slice(),
      evaluations: this.#evaluations.slice(),
      seconds: this.#before + (performance.now() - this.#started) / 1000,
    };
    this.#keeping = this.#keeping.then(() => this.#keep(step, { ...this.#notes, history }));
    this.#keeping.catch(this.#fail);
  }

  async #keep(step: number, noted: OwnerNotes): Promise<void> {
    const keys = this.#owner.streamKeys;
    await this.#store.write({ keeper: 'owner', ...this.#checkpoint, step, keys, tensors: new Map(), notes: noted });
    const links = PARTIES.map((name) => this.#owner.links[name]);
    await Promise.all(links.map((link) => link.receive(savedLabel(step), 'u8', 0, WHILE_THE_LINK_LIVES)));
    if (this.#complete !== undefined) await this.#store.removeBefore(this.#complete);
    this.#complete = step;
    if (this.#stopAt !== undefined && step >= this.#stopAt) this.#stopped();
    await Promise.all(links.map((link) => link.send(completeLabel(step), new Uint8Array(0), 0)));
  }
}
