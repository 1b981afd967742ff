/**
 * One party's checkpoints while a training runs. The state is written, tensor by tensor, before the next step changes it; that it reaches the disk
 * goes on beside the training. A checkpoint is complete when all who take part have it
 * on disk (`JobEnds.agreeOn`); until then everybody keeps the one before, and nobody begins the next. So whoever crashes whenever, there is a
 * step of which all hold a whole file.
 */
import * as z from 'zod';
import {
  CHECKPOINT_FIX,
  type Checkpoint,
  type NewCheckpoint,
  type StoredCheckpoint,
  type StoredTensor,
} from '../data/checkpoint.ts';
import type { CheckpointStore } from '../data/checkpoint-store.ts';
import { Problem } from '../data/problem.ts';
import { parameters } from '../nn/network.ts';
import { sameShape } from '../ring/shape.ts';
import { configurationFields, JOB_VERSION, jobSchema, originalJob, type Job, type TrainJob } from './job.ts';

export type PartyCheckpoint = Omit<Checkpoint, 'step' | 'tensors'>;

export class PartyCheckpoints {
  /** Rejects when a checkpoint could not be kept. */
  readonly failed: Promise<never>;
  readonly #store: CheckpointStore;
  readonly #agreeOn: (step: number) => Promise<void>;
  readonly #checkpoint: PartyCheckpoint;
  readonly #onComplete: (step: number) => void;
  #fail: (error: unknown) => void = () => undefined;
  #keeping: Promise<void> = Promise.resolve();
  /** Step of the last complete checkpoint. */
  #complete: number | undefined;

  /**
   * @param agreeOn told of each step whose file this party has; resolves when all have theirs
   * @param from the step from which the run goes on, if it does
   * @param onComplete told of each step whose checkpoint is complete
   */
  constructor(
    store: CheckpointStore,
    agreeOn: (step: number) => Promise<void>,
    checkpoint: PartyCheckpoint,
    from?: number,
    onComplete: (step: number) => void = () => undefined,
  ) {
    this.#store = store;
    this.#agreeOn = agreeOn;
    this.#checkpoint = checkpoint;
    this.#complete = from;
    this.#onComplete = onComplete;
    this.failed = new Promise((_, reject) => (this.#fail = reject));
    this.failed.catch(() => undefined);
  }

  /** Resolves when the checkpoint before is complete, and of this one all tensors are written: the next step may give them back. */
  async save(step: number, tensors: NewCheckpoint['tensors']): Promise<void> {
    await this.#keeping;
    this.#keeping = this.#keep(step, await this.#store.draft({ ...this.#checkpoint, step, tensors }));
    this.#keeping.catch(this.#fail);
  }

  /** Resolves when all is complete. */
  settled(): Promise<void> {
    return this.#keeping;
  }

  async #keep(step: number, commit: () => Promise<void>): Promise<void> {
    await commit();
    await this.#agreeOn(step);
    // What a run that nobody can go on with has left would come between.
    if (this.#complete === undefined) await this.#store.removeOthers(this.#checkpoint.run);
    else await this.#store.removeBefore(this.#complete);
    this.#complete = step;
    this.#onComplete(step);
  }
}

/** This party's checkpoint of the run and step that the job goes on from, if it fits the job. */
export async function loadCheckpoint(store: CheckpointStore, job: TrainJob): Promise<StoredCheckpoint> {
  const { run, step } = job.resume!;
  const checkpoint = await store.open(step);
  const who = `checkpoint of ${checkpoint.keeper} at step ${step}`;
  if (checkpoint.run !== run) {
    throw new Problem(
      `${who}: is of run ${checkpoint.run}, expected run ${run}`,
      'give each run a folder of its own and go on from that',
    );
  }
  checkSameJob(checkpoint.job, job, who);
  if (step > 0) checkTensors(checkpoint.facts, job, who);
  return checkpoint;
}

/** A job as a checkpoint holds it: the one with which the run began. */
export function storedJob(job: TrainJob): object {
  return { version: JOB_VERSION, job: originalJob(job) };
}

const stored = z.strictObject({ version: z.int(), job: z.unknown() });

/** The job in a checkpoint. */
export function readJob(json: unknown, who: string): TrainJob {
  const parsed = stored.safeParse(json);
  if (parsed.success && parsed.data.version !== JOB_VERSION) {
    throw new Problem(
      `${who}: was made with job version ${parsed.data.version}, this program has ${JOB_VERSION}`,
      'go on with the version of securenn that began the run',
    );
  }
  let job: Job | undefined;
  try {
    job = jobSchema.parse(parsed.data?.job);
  } catch {
    // Said below.
  }
  if (job?.kind !== 'train') throw new Problem(`${who}: its job is no training`, CHECKPOINT_FIX);
  return job;
}

function checkSameJob(json: unknown, job: TrainJob, who: string): void {
  const stored = readJob(json, who);
  // The same steps, and more of them: a run may go on beyond the epochs it began with.
  const more = stored.epochs !== undefined && job.epochs !== undefined && stored.epochs < job.epochs;
  const found = configurationFields(more ? { ...stored, epochs: job.epochs } : stored);
  const expected = configurationFields(originalJob(job));
  // Some are there only where they are asked for, of either.
  for (let i = 0; i < Math.max(found.length, expected.length); i++) {
    const [name, value] = expected.at(i) ?? [found[i][0], 'none'];
    if (found.at(i)?.[0] === name && found[i][1] === value) continue;
    throw new Problem(
      `${who}: was made with ${name} ${found.at(i)?.[1] ?? 'none'}, this job has ${value}`,
      'go on with the options that the run began with',
    );
  }
}

/** Every parameter of the network is there; all else belongs to one: `velocity/NAME`. */
export function checkTensors(
  tensors: ReadonlyMap<string, Pick<StoredTensor, 'shape' | 'fractionBits'>>,
  job: TrainJob,
  who: string,
): void {
  const specs = parameters(job.network);
  for (const { name } of specs) {
    if (!tensors.has(name)) throw new Problem(`${who}: tensor ${name} is missing`, CHECKPOINT_FIX);
  }
  for (const [name, { shape, fractionBits }] of tensors) {
    const spec = specs.find((candidate) => candidate.name === name || name.endsWith(`/${candidate.name}`));
    if (spec === undefined) {
      throw new Problem(`${who}: tensor ${name} does not belong to network ${job.network.name}`, CHECKPOINT_FIX);
    }
    if (!sameShape(shape, spec.shape)) {
      throw new Problem(
        `${who}: tensor ${name}: expected [${spec.shape.join(',')}], found [${shape.join(',')}]`,
        CHECKPOINT_FIX,
      );
    }
    if (name === spec.name && fractionBits !== job.fractionBits) {
      throw new Problem(
        `${who}: tensor ${name}: expected ${job.fractionBits} fractional bits, found ${fractionBits}`,
        CHECKPOINT_FIX,
      );
    }
  }
}
