/**
 * Which input of a serving session is answered next. A client gives each party its part of an input (`data/share.ts`); parts come at any
 * time and in any order. P1 and P2 tell P0 what they have; P0 says which input goes next once all three have theirs, and drops what stays
 * incomplete. What is said for that: `serving-lane.ts`.
 *
 * A client might give parts that do not belong together. What comes out then depends on the masks of the model's weights, which the session
 * uses again and again: with the help of one worker's view that client would learn weights. So P0 compares digests of E and of its mask key
 * with the other two before it lets an input through, and P1 compares its mask key with P2 before it hands out its share of the answer.
 */
import { createHash } from 'node:crypto';
import { ChannelError, type Link } from '../channel/channel.ts';
import { Deferred } from './deferred.ts';
import type { InputOrder, Notice } from './ipc.ts';
import { ServingLane, type ServingMessage } from './serving-lane.ts';

type Have = Extract<ServingMessage, { kind: 'have' }>;

/** Inputs that wait at a party, at most. */
const MOST_WAITING = 256;
/** How long the parts of an input may take to come after the first. */
export const PARTS_MS = 30_000;

const OVER = 'the session is over';
const INCOMPLETE = 'not every party was given its part of the input in time';
const UNLIKE = 'the parts of the input that the parties were given do not belong together';
const CROWDED = 'too many inputs wait';

/** An input that goes next, the same at all three. */
export interface AgreedInput {
  readonly n: number;
  readonly part: InputOrder;
  /** Whether this party's share of the answer may be handed out. */
  readonly fits: Promise<boolean>;
}

export abstract class ServingInputs {
  protected readonly notify: (notice: Notice) => void;
  readonly #queue: AgreedInput[] = [];
  #turned: Deferred<void> = new Deferred();
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(notify: (notice: Notice) => void) {
    this.notify = notify;
  }

  /** This party's part of an input has come. */
  abstract take(part: InputOrder): void;
  /** Resolves when the others have said their last; rejects when they say what they may not. */
  abstract readonly heard: Promise<void>;

  /** The next input; undefined: no more will come. */
  async next(): Promise<AgreedInput | undefined> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      const input = this.#queue.shift();
      if (input !== undefined || this.#isOver) return input;
      await this.#turned.promise;
    }
  }

  /** What the others say, all of it; when that fails, the session does. */
  protected watch(...heard: readonly Promise<void>[]): Promise<void> {
    const all = Promise.all(heard).then(() => undefined);
    all.catch((error: unknown) => {
      this.#failure = { error };
      this.#turn();
    });
    return all;
  }

  protected get isOver(): boolean {
    return this.#isOver;
  }

  protected agree(input: AgreedInput): void {
    this.#queue.push(input);
    this.#turn();
  }

  protected end(): void {
    this.#isOver = true;
    this.#turn();
  }

  protected reject(id: string, reason: string): void {
    this.notify({ type: 'rejected', id, reason });
  }

  #turn(): void {
    this.#turned.resolve();
    this.#turned = new Deferred();
  }
}

interface Waiting {
  part?: InputOrder;
  P1?: Have;
  P2?: Have;
  readonly timer: NodeJS.Timeout;
}

/** P0. */
export class LeadingInputs extends ServingInputs {
  readonly heard: Promise<void>;
  readonly #P1: ServingLane;
  readonly #P2: ServingLane;
  readonly #partsMs: number;
  readonly #waiting: Map<string, Waiting> = new Map();
  #count = 0;

  constructor(notify: (notice: Notice) => void, P1: Link, P2: Link, partsMs: number = PARTS_MS) {
    super(notify);
    this.#P1 = new ServingLane(P1);
    this.#P2 = new ServingLane(P2);
    this.#partsMs = partsMs;
    this.heard = this.watch(
      this.#P1.listen((told) => this.#hear('P1', told)),
      this.#P2.listen((told) => this.#hear('P2', told)),
    );
  }

  take(part: InputOrder): void {
    if (this.isOver) return this.reject(part.id, OVER);
    this.#add(part.id, { part });
  }

  /** No more inputs: those that are not under way are dropped. */
  async stop(): Promise<void> {
    if (this.isOver) return;
    this.end();
    for (const id of this.#waiting.keys()) this.#drop(id, OVER);
    await Promise.all([this.#P1.send({ kind: 'over' }), this.#P2.send({ kind: 'over' })]);
  }

  #hear(from: 'P1' | 'P2', told: ServingMessage): void {
    if (told.kind !== 'have') throw new ChannelError(`${from} says ${told.kind}, which P0 alone may say`);
    // It has been told that the session is over, or will be.
    if (!this.isOver) this.#add(told.id, { [from]: told });
  }

  #add(id: string, known: Partial<Pick<Waiting, 'part' | 'P1' | 'P2'>>): void {
    const waiting = this.#waiting.get(id) ?? {
      timer: setTimeout(() => this.#drop(id, INCOMPLETE), this.#partsMs).unref(),
    };
    Object.assign(waiting, known);
    this.#waiting.set(id, waiting);
    if (this.#waiting.size > MOST_WAITING) return this.#drop(id, CROWDED);
    const { part, P1, P2 } = waiting;
    if (part === undefined || P1 === undefined || P2 === undefined) return;
    const digest = digestOf(part.opened!);
    const fit =
      P1.images === part.images &&
      P2.images === part.images &&
      P1.digest === digest &&
      P2.digest === digestOf(part.masks[0]);
    if (!fit) return this.#drop(id, UNLIKE);
    this.#forget(id);
    const n = this.#count++;
    this.agree({ n, part, fits: Promise.resolve(true) });
    void this.#P1.send({ kind: 'next', id, n, digest });
    void this.#P2.send({ kind: 'next', id, n });
  }

  #drop(id: string, reason: string): void {
    if (this.#waiting.get(id)?.part !== undefined) this.reject(id, reason);
    this.#forget(id);
    void this.#P1.send({ kind: 'drop', id, reason });
    void this.#P2.send({ kind: 'drop', id, reason });
  }

  #forget(id: string): void {
    clearTimeout(this.#waiting.get(id)?.timer);
    this.#waiting.delete(id);
  }
}

/** P1 and P2. */
abstract class FollowingInputs extends ServingInputs {
  protected readonly P0: ServingLane;
  readonly #parts: Map<string, InputOrder> = new Map();

  constructor(notify: (notice: Notice) => void, P0: Link) {
    super(notify);
    this.P0 = new ServingLane(P0);
  }

  take(part: InputOrder): void {
    if (this.isOver) return this.reject(part.id, OVER);
    if (this.#parts.size >= MOST_WAITING) return this.reject(part.id, CROWDED);
    this.#parts.set(part.id, part);
    this.tell(part);
  }

  /** Says that the part is here. */
  protected abstract tell(part: InputOrder): void;
  /** P0 has let an input through. */
  protected abstract begin(n: number, part: InputOrder, digest: string | undefined): void;
  /** P0 has dropped an input of which this party has its part. */
  protected abstract dropped(id: string, reason: string): void;
  /** The last thing that this party says. */
  protected abstract leave(): Promise<void>;

  /** What P0 says. */
  protected async follow(): Promise<void> {
    await this.P0.listen((told) => {
      if (told.kind === 'have') throw new ChannelError('P0 says have, which it does not say');
      const part = this.#parts.get(told.id);
      this.#parts.delete(told.id);
      if (told.kind === 'next') {
        if (part === undefined) throw new ChannelError(`P0 lets an input through that this party does not have`);
        this.begin(told.n, part, told.digest);
      } else if (part !== undefined) {
        this.reject(told.id, told.reason);
        this.dropped(told.id, told.reason);
      }
    });
    this.end();
    for (const id of this.#parts.keys()) this.reject(id, OVER);
    this.#parts.clear();
    await this.leave();
  }
}

export class P1Inputs extends FollowingInputs {
  readonly heard: Promise<void>;
  /** What P2 says of inputs that are not answered yet. */
  readonly #ofP2: Map<string, Deferred<Have>> = new Map();

  constructor(notify: (notice: Notice) => void, P0: Link, P2: Link) {
    super(notify, P0);
    const listen = new ServingLane(P2).listen((told) => {
      if (told.kind === 'next') throw new ChannelError('P2 says next, which P0 alone may say');
      if (told.kind === 'have') this.#saidOf(told.id).resolve(told);
      else this.#ofP2.delete(told.id);
    });
    this.heard = this.watch(this.follow(), listen);
  }

  protected tell({ id, images, opened }: InputOrder): void {
    void this.P0.send({ kind: 'have', id, images, digest: digestOf(opened!) });
  }

  protected begin(n: number, part: InputOrder, digest: string | undefined): void {
    if (digest !== digestOf(part.opened!)) throw new ChannelError('P0 lets an input through of which it has another E');
    const fits = this.#saidOf(part.id).promise.then((have) => {
      this.#ofP2.delete(part.id);
      return have.images === part.images && have.digest === digestOf(part.masks[0]);
    });
    this.agree({ n, part, fits });
  }

  protected dropped(): void {
    // What P2 has said of it P2 takes back.
  }

  protected leave(): Promise<void> {
    return this.P0.send({ kind: 'over' });
  }

  #saidOf(id: string): Deferred<Have> {
    const said = this.#ofP2.get(id) ?? new Deferred<Have>();
    this.#ofP2.set(id, said);
    return said;
  }
}

export class P2Inputs extends FollowingInputs {
  readonly heard: Promise<void>;
  readonly #P1: ServingLane;

  constructor(notify: (notice: Notice) => void, P0: Link, P1: Link) {
    super(notify, P0);
    this.#P1 = new ServingLane(P1);
    this.heard = this.watch(this.follow());
  }

  protected tell({ id, images, masks }: InputOrder): void {
    void this.P0.send({ kind: 'have', id, images, digest: digestOf(masks[0]) });
    void this.#P1.send({ kind: 'have', id, images, digest: digestOf(masks[1]) });
  }

  protected begin(n: number, part: InputOrder): void {
    this.agree({ n, part, fits: Promise.resolve(true) });
  }

  protected dropped(id: string, reason: string): void {
    void this.#P1.send({ kind: 'drop', id, reason });
  }

  protected async leave(): Promise<void> {
    await Promise.all([this.P0.send({ kind: 'over' }), this.#P1.send({ kind: 'over' })]);
  }
}

function digestOf({ buffer, byteOffset, byteLength }: Uint8Array | BigUint64Array): string {
  return createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex');
}
