/** A session that answers images of clients with a model that stayed shared. Each party hands its share of an answer to its own organisation. */
import { maskOf } from '../data/share.ts';
import type { OwnedInput } from '../engine/ownedInput.ts';
import { inputSize } from '../nn/network.ts';
import { STREAM_KEY_BYTES } from '../random/primitives.ts';
import type { InputOrder, StoredServingOrder } from './ipc.ts';
import type { JobEnds, ServedInput, Serving } from './job-ends.ts';
import type { ServeJob } from './job.ts';
import { PeerEnds, type PeerEndsOptions } from './peer-ends.ts';
import { LeadingInputs, P1Inputs, P2Inputs, type AgreedInput, type ServingInputs } from './serving-inputs.ts';

export interface ServingEndsOptions extends PeerEndsOptions<ServeJob> {
  readonly order: StoredServingOrder;
  /** How long the parts of an input may take to come after the first. By default 30 s. */
  readonly partsMs?: number;
}

export class ServingEnds extends PeerEnds<ServeJob> implements JobEnds {
  readonly serving: Serving;
  readonly #order: StoredServingOrder;
  readonly #inputs: ServingInputs;
  /** Inputs under way, by number. */
  readonly #running: Map<number, AgreedInput> = new Map();
  readonly #shares: Map<string, BigUint64Array> = new Map();

  constructor(options: ServingEndsOptions) {
    super(options);
    this.#order = options.order;
    this.#inputs = this.#inputsOf(options);
    this.serving = { next: () => this.#next(), answered: (input) => this.#answered(input) };
  }

  /** This party's part of an input has come. One of another size than the model takes would end the session. */
  take(part: InputOrder): void {
    const { id, job, notify } = this.options;
    const elements = id === 2 ? undefined : part.images * inputSize(job.network);
    const fits =
      part.opened?.length === elements &&
      part.masks.length === (id === 2 ? 2 : 1) &&
      part.masks.every((key) => key.length === STREAM_KEY_BYTES);
    if (fits) this.#inputs.take(part);
    else
      notify({ type: 'rejected', id: part.id, reason: 'the part of the input has another size than the model takes' });
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

  async #next(): Promise<ServedInput | undefined> {
    const agreed = await this.#inputs.next();
    if (agreed === undefined) return undefined;
    const { n, part } = agreed;
    this.#running.set(n, agreed);
    const masks = part.masks.map((key) => maskOf('images', key));
    return { n, images: part.images, input: { opened: part.opened, masks } };
  }

  async #answered({ n }: ServedInput): Promise<void> {
    const { part, fits } = this.#running.get(n)!;
    const name = `answer/${n}`;
    const share = this.#shares.get(name) ?? null;
    this.#running.delete(n);
    this.#shares.delete(name);
    const { id } = part;
    if (await fits) this.options.notify({ type: 'output', id, share });
    else this.options.notify({ type: 'rejected', id, reason: 'the parts of the input do not belong together' });
  }

  #inputsOf({ id, notify, partsMs }: ServingEndsOptions): ServingInputs {
    switch (id) {
      case 0:
        return new LeadingInputs(notify, this.linkTo('P1'), this.linkTo('P2'), partsMs);
      case 1:
        return new P1Inputs(notify, this.linkTo('P0'), this.linkTo('P2'));
      case 2:
        return new P2Inputs(notify, this.linkTo('P0'), this.linkTo('P1'));
    }
  }
}
