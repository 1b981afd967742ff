/** A session that answers images of clients with a model that stayed shared. Each party hands its share of an answer to its own organisation. */
import type { OwnedInput } from '../engine/ownedInput.ts';
import { inputSize } from '../nn/network.ts';
import { STREAM_KEY_BYTES } from '../random/primitives.ts';
import type { Answer, InputPart, StoredServingOrder } from './ipc.ts';
import type { JobEnds, ServedBatch, Serving } from './job-ends.ts';
import type { ServeJob } from './job.ts';
import { PeerEnds, type PeerEndsOptions } from './peer-ends.ts';
import { imagesOf, P1Inputs, P2Inputs, type AgreedBatch, type ServingInputs } from './serving-inputs.ts';
import { LeadingInputs } from './serving-lead.ts';
import { joinInputs, rowsOf } from './serving-rows.ts';

export interface ServingEndsOptions extends PeerEndsOptions<ServeJob> {
  readonly order: StoredServingOrder;
  /** How long the parts of an input may take to come after the first. By default 30 s. */
  readonly partsMs?: number;
}

interface Running {
  readonly batch: AgreedBatch;
  /** `performance.now()` */
  readonly began: number;
}

export class ServingEnds extends PeerEnds<ServeJob> implements JobEnds {
  readonly serving: Serving;
  readonly #order: StoredServingOrder;
  readonly #inputs: ServingInputs;
  /** Batches under way, by number. */
  readonly #running: Map<number, Running> = new Map();
  readonly #shares: Map<string, BigUint64Array> = new Map();

  constructor(options: ServingEndsOptions) {
    super(options);
    this.#order = options.order;
    this.#inputs = this.#inputsOf(options);
    this.serving = { next: () => this.#next(), answered: (batch) => this.#answered(batch) };
  }

  /** This party's parts of inputs have come. One of another size than the model takes would end the session. */
  take(parts: readonly InputPart[]): void {
    const fitting = parts.filter((part) => this.#fits(part));
    if (fitting.length > 0) this.#inputs.take(fitting);
  }

  /** Nobody waits for this input here any more. */
  withdraw(id: string): void {
    this.#inputs.withdraw(id);
  }

  /** At P0: ends the session at all three. */
  async stop(): Promise<void> {
    if (this.#inputs instanceof LeadingInputs) await this.#inputs.stop();
  }

  receive(): Promise<OwnedInput> {
    return Promise.reject(new Error('a serving session takes inputs as they come'));
  }

  reveal(name: string, share: BigUint64Array): Promise<void> {
    this.#shares.set(name, share);
    return Promise.resolve();
  }

  finish(): Promise<void> {
    return this.#inputs.heard;
  }

  protected modelGiven(): { path: string; job: string } {
    return { path: this.#order.model, job: this.options.job.model };
  }

  #fits({ id: input, images, opened, masks }: InputPart): boolean {
    const { id, job, notify } = this.options;
    const elements = id === 2 ? undefined : images * inputSize(job.network);
    const fits =
      opened?.length === elements &&
      masks.length === (id === 2 ? 2 : 1) &&
      masks.every((key) => key.length === STREAM_KEY_BYTES);
    const reason = 'the part of the input has another size than the model takes';
    if (!fits) notify({ type: 'rejected', id: input, reason, computed: false });
    return fits;
  }

  async #next(): Promise<ServedBatch | undefined> {
    const batch = await this.#inputs.next();
    if (batch === undefined) return undefined;
    const { n, inputs } = batch;
    this.#running.set(n, { batch, began: performance.now() });
    const parts = inputs.map(({ part }) => part);
    return { n, images: imagesOf(inputs), input: joinInputs(parts, inputSize(this.options.job.network)) };
  }

  async #answered({ n, images }: ServedBatch): Promise<void> {
    const { batch, began } = this.#running.get(n)!;
    const name = `answer/${n}`;
    const share = this.#shares.get(name) ?? null;
    this.#running.delete(n);
    this.#shares.delete(name);
    const fits = await Promise.all(batch.inputs.map((input) => input.fits));
    const answers: Answer[] = [];
    let row = 0;
    batch.inputs.forEach(({ part, since }, i) => {
      const { id } = part;
      const rows = share === null ? null : rowsOf(share, images, row, row + part.images);
      row += part.images;
      if (fits[i]) answers.push({ id, share: rows, waited: (began - since) / 1000 });
      else {
        const reason = 'the parts of the input do not belong together';
        this.options.notify({ type: 'rejected', id, reason, computed: true });
      }
    });
    if (answers.length > 0) this.options.notify({ type: 'answers', images, answers });
    this.#inputs.done(batch);
  }

  #inputsOf({ id, job, notify, partsMs }: ServingEndsOptions): ServingInputs {
    const { maxBatch } = job;
    switch (id) {
      case 0:
        return new LeadingInputs(notify, this.linkTo('P1'), this.linkTo('P2'), { ...job, partsMs });
      case 1:
        return new P1Inputs(notify, this.linkTo('P0'), this.linkTo('P2'), maxBatch);
      case 2:
        return new P2Inputs(notify, this.linkTo('P0'), this.linkTo('P1'), maxBatch);
    }
  }
}
