/**
 * How a training ends early, at a step that no party has passed. Workers are in step with each other, the helper runs ahead, and none may
 * wait for who stops them while another one waits for it in the same step. So each answers at once which step it is in, promises to begin none
 * after that, and goes on to the step that it is then told: the last of the three.
 *
 * The owner of the job asks over its links or, where inputs are stored, P0 does, itself included.
 */
import { ChannelError, type Link } from '../channel/channel.ts';
import { STOP } from '../data/party-events.ts';
import { WHILE_THE_LINK_LIVES } from '../data/share.ts';
import { Deferred } from './deferred.ts';

/** A party's side of it. */
export interface StopSource {
  /** Whether it is to stop; false: the training is over. */
  asked(): Promise<boolean>;
  reached(step: number): Promise<void>;
  /** The last step. */
  at(): Promise<number>;
}

/** Who asks for it, over a link. */
export function stopSource(link: Link): StopSource {
  return {
    asked: async () => (await link.receive(STOP.asked, 'u64', 1, WHILE_THE_LINK_LIVES)).data[0] !== 0n,
    reached: (step) => link.send(STOP.reached, BigUint64Array.of(BigInt(step)), 0),
    at: async () => Number((await link.receive(STOP.at, 'u64', 1, WHILE_THE_LINK_LIVES)).data[0]),
  };
}

export class Stopping {
  /** Resolves when there is nothing more to hear. */
  readonly over: Promise<void>;
  readonly #last: number;
  #running: number;
  #at: Promise<number> | undefined;

  /** @param running the step that is begun first  @param last that of the training */
  constructor(source: StopSource, running: number, last: number) {
    this.#running = running;
    this.#last = last;
    this.over = this.#listen(source);
    this.over.catch(() => undefined);
  }

  /** After each step, before the next: whether it was the last one for now. */
  async endsAfter(step: number): Promise<boolean> {
    if (this.#at === undefined) {
      this.#running = step + 1;
      return false;
    }
    return step === (await this.#at) && step < this.#last;
  }

  async #listen(source: StopSource): Promise<void> {
    if (!(await source.asked())) return;
    const reached = Math.min(this.#running, this.#last);
    this.#at = source.at().then((at) => {
      if (!(at >= reached && at <= this.#last))
        throw new ChannelError(`told to stop the training at step ${at}, expected ${reached} to ${this.#last}`);
      return at;
    });
    this.#at.catch(() => undefined);
    await source.reached(reached);
    await this.#at;
  }
}

/** P0's part where no owner takes part: it asks the other two and itself. */
export class StopLeader {
  readonly #links: readonly Link[];
  readonly #asked: Deferred<boolean> = new Deferred();
  readonly #reached: Deferred<number> = new Deferred();
  readonly #at: Deferred<number> = new Deferred();
  #told = false;

  /** @param links to P1 and P2 */
  constructor(links: readonly Link[]) {
    this.#links = links;
  }

  /** P0's own side. */
  get source(): StopSource {
    return {
      asked: () => this.#asked.promise,
      reached: (step) => {
        this.#reached.resolve(step);
        return Promise.resolve();
      },
      at: () => this.#at.promise,
    };
  }

  /** Ends the training at the next step that no party has passed; nothing if it is over. */
  async stop(): Promise<void> {
    if (!(await this.#tell(true))) return;
    const theirs = this.#links.map(async (link) =>
      Number((await link.receive(STOP.reached, 'u64', 1, WHILE_THE_LINK_LIVES)).data[0]),
    );
    const step = Math.max(...(await Promise.all([this.#reached.promise, ...theirs])));
    await Promise.all(this.#links.map((link) => link.send(STOP.at, BigUint64Array.of(BigInt(step)), 0)));
    this.#at.resolve(step);
  }

  /** The training is over: nobody stops any more. */
  async finish(): Promise<void> {
    await this.#tell(false);
  }

  /** Whether this is the first to be told. */
  async #tell(stop: boolean): Promise<boolean> {
    if (this.#told) return false;
    this.#told = true;
    await Promise.all(this.#links.map((link) => link.send(STOP.asked, BigUint64Array.of(stop ? 1n : 0n), 0)));
    this.#asked.resolve(stop);
    return true;
  }
}
