/**
 * A training on data that its owners stored at the parties. Nobody else takes part in the session: results are sealed to the receiver, and the
 * three agree among themselves when a checkpoint is complete and, P0 asking, where to stop.
 *
 * Between parties, besides the protocols: `input/all-there` and `checkpoint/STEP/saved`, empty messages, and those of `stopping.ts`.
 */
import { join } from 'node:path';
import { faultOf, writeFileAtomically } from '../data/atomic-write.ts';
import type { TensorSource } from '../data/checkpoint.ts';
import { savedLabel } from '../data/party-events.ts';
import { Problem } from '../data/problem.ts';
import type { OwnedInput } from '../engine/ownedInput.ts';
import type { Part } from '../federation/chunks.ts';
import { sizeOf, type Shape } from '../ring/shape.ts';
import type { StoredTrainingOrder } from './ipc.ts';
import type { JobEnds, TrainingEnds } from './job-ends.ts';
import type { TrainJob } from './job.ts';
import { PeerEnds, type PeerEndsOptions } from './peer-ends.ts';
import { keepSharedModel } from './shared-model.ts';
import { Stopping, StopLeader, stopSource } from './stopping.ts';
import { storedInput } from './stored-input.ts';

export interface StoredEndsOptions extends PeerEndsOptions<TrainJob> {
  readonly order: StoredTrainingOrder;
  /** To the job's receiver. `info` says what it is. */
  readonly seal: (info: string, bytes: Uint8Array) => Promise<Uint8Array>;
}

export class StoredEnds extends PeerEnds<TrainJob> implements JobEnds {
  readonly #order: StoredTrainingOrder;
  readonly #seal: StoredEndsOptions['seal'];
  readonly #leader: StopLeader | undefined;
  readonly training: TrainingEnds;
  #stopping: Stopping | undefined;

  constructor(options: StoredEndsOptions) {
    super(options);
    this.#order = options.order;
    this.#seal = options.seal;
    if (options.id === 0) this.#leader = new StopLeader(this.others);
    this.training = {
      keepModel: (weights) => this.#keepModel(weights),
      agreeOn: (step) => this.#agreeOn(step),
      stopping: (running, last) => this.#stoppingOf(running, last),
      stopped: () => Promise.resolve(),
    };
  }

  async receive(name: string, shape: Shape): Promise<OwnedInput> {
    const [set, part] = name.split('/') as ['train' | 'test', Part];
    const input = await storedInput(this.options.id, part, this.#order[set]);
    if (input.opened !== null && input.opened.length !== sizeOf(shape)) {
      const what = `${name}: the stored data sets have ${input.opened.length} elements, the job ${sizeOf(shape)}`;
      throw new Problem(what, 'propose the job anew', { told: what });
    }
    return input;
  }

  async reveal(name: string, share: BigUint64Array): Promise<void> {
    const bytes = new Uint8Array(share.buffer, share.byteOffset, share.byteLength);
    const sealed = await this.#seal(`result ${this.document} ${name}`, bytes);
    const path = join(this.#order.results, `${encodeURIComponent(name)}.sealed`);
    await writeFileAtomically(path, sealed, 'private').catch((error: unknown) => {
      throw new Problem(
        `result ${path}: cannot be written: ${faultOf(error)}`,
        'see that the disk has room and the folder can be written',
        { told: `its share of ${name} cannot be written` },
      );
    });
    this.options.notify({ type: 'revealed', name, bytes: sealed.length });
  }

  async #keepModel(weights: TensorSource): Promise<void> {
    const { keep } = this.#order;
    if (keep === undefined) throw new Problem('the model is to stay shared, but it is not said where', 'name a file');
    const { network, fractionBits } = this.options.job;
    const name = { party: this.party, job: this.document, network, fractionBits };
    await keepSharedModel(keep, this.options.vault, name, weights);
  }

  async #agreeOn(step: number): Promise<void> {
    await this.together(savedLabel(step));
    this.options.notify({ type: 'checkpoint', step });
  }

  #stoppingOf(running: number, last: number): Stopping {
    const source = this.#leader?.source ?? stopSource(this.linkTo('P0'));
    return (this.#stopping = new Stopping(source, running, last));
  }

  /** At P0: has all three stop. */
  async stop(): Promise<void> {
    await this.#leader?.stop();
  }

  async finish(): Promise<void> {
    await this.#leader?.finish();
    await this.#stopping?.over;
  }

  protected modelGiven(): { path: string; job: string } | undefined {
    const { from } = this.#order;
    return from === undefined ? undefined : { path: from.file, job: from.job };
  }
}
