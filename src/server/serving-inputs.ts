/**
 * Which inputs of a serving session are answered next. A client gives each party its part of an input (`data/share.ts`); parts come at any time
 * and in any order. P1 and P2 tell P0 what they have; P0 says which inputs go next, several together, once all three have their parts
 * (`serving-lead.ts`), and drops what stays incomplete. What is said for that: `serving-lane.ts`.
 *
 * A client might give parts that do not belong together. What comes out then depends on the masks of the model's weights, which the session
 * uses again and again: with the help of one worker's view that client would learn weights. So P0 compares digests of E and of its mask key
 * with the other two before it lets an input through, and P1 compares its mask key with P2 before it hands out its share of the answer.
 * Inputs of a batch are rows of one value and meet in no operation, so what one of them holds reaches the answer of no other.
 *
 * A client that goes away takes its parts back, unless their turn has come. Its connection to one party may have broken alone: it has time to
 * come back until P0 drops the input, and in no batch before.
 */
import { createHash } from 'node:crypto';
import { ChannelError, type Link } from '../channel/channel.ts';
import { Deferred } from './deferred.ts';
import type { InputPart, Notice } from './ipc.ts';
import { MOST_NAMED, ServingLane, type Chosen, type Have, type ServingMessage } from './serving-lane.ts';

/** Inputs that wait at a party, at most. */
export const MOST_WAITING = 8192;
/** How long the parts of an input may take to come after the first, and a client that went away to come back. */
export const PARTS_MS = 30_000;

/** How long P1 and P2 keep to themselves what has come while a batch is under way: until then P0 hardly begins another. */
const TELL_MS = 3;

export const OVER = 'the session is over';
export const CROWDED = 'too many inputs wait';

/** An input that goes next, the same at all three. */
export interface AgreedInput {
  readonly part: InputPart;
  /** When it came here (`performance.now()`). */
  readonly since: number;
  /** Whether this party's share of the answer may be handed out. */
  readonly fits: Promise<boolean>;
}

/** Inputs that are answered together. */
export interface AgreedBatch {
  readonly n: number;
  readonly inputs: readonly AgreedInput[];
}

export abstract class ServingInputs {
  protected readonly notify: (notice: Notice) => void;
  /** Inputs under way. */
  protected readonly begun: Set<string> = new Set();
  #turned: Deferred<void> = new Deferred();
  #isOver = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(notify: (notice: Notice) => void) {
    this.notify = notify;
  }

  /** This party's parts of inputs have come. One that is here already came back. */
  abstract take(parts: readonly InputPart[]): void;
  /** Nobody waits for this input here any more. */
  abstract withdraw(id: string): void;
  /** What goes next, if there is anything. */
  protected abstract pick(): AgreedBatch | undefined;
  /** Resolves when the others have said their last; rejects when they say what they may not. */
  abstract readonly heard: Promise<void>;

  /** The next batch; undefined: no more will come. */
  async next(): Promise<AgreedBatch | undefined> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error;
      const batch = this.pick();
      if (batch !== undefined || this.#isOver) return batch;
      await this.#turned.promise;
    }
  }

  /** It is not under way any more. */
  done({ inputs }: AgreedBatch): void {
    for (const { part } of inputs) this.begun.delete(part.id);
  }

  /** What the others say, all of it; when that fails, the session does. */
  protected watch(...heard: readonly Promise<void>[]): Promise<void> {
    const all = Promise.all(heard).then(() => undefined);
    all.catch((error: unknown) => {
      this.#failure = { error };
      this.turn();
    });
    return all;
  }

  protected get isOver(): boolean {
    return this.#isOver;
  }

  protected end(): void {
    this.#isOver = true;
    this.turn();
  }

  protected reject(id: string, reason: string): void {
    this.notify({ type: 'rejected', id, reason, computed: false });
  }

  /** There may be something to pick. */
  protected turn(): void {
    this.#turned.resolve();
    this.#turned = new Deferred();
  }
}

/** A part that waits at P1 or P2, with the digests that are told of it. */
interface Kept {
  readonly part: InputPart;
  readonly since: number;
  /** Of E at P1; of P0's and P1's mask key at P2. */
  readonly digests: readonly string[];
}

/** P1 and P2. */
abstract class FollowingInputs extends ServingInputs {
  protected readonly P0: ServingLane;
  readonly #maxBatch: number;
  readonly #parts: Map<string, Kept> = new Map();
  readonly #queue: AgreedBatch[] = [];
  /** Parts that nobody has been told of. */
  readonly #untold: Kept[] = [];
  #telling: NodeJS.Timeout | undefined;
  #count = 0;

  constructor(notify: (notice: Notice) => void, P0: Link, maxBatch: number) {
    super(notify);
    this.P0 = new ServingLane(P0);
    this.#maxBatch = maxBatch;
  }

  take(parts: readonly InputPart[]): void {
    const back: Kept[] = [];
    for (const part of parts) {
      const { id } = part;
      const known = this.#parts.get(id);
      if (this.begun.has(id)) continue;
      else if (this.isOver) this.reject(id, OVER);
      else if (known !== undefined) back.push(known);
      else if (this.#parts.size >= MOST_WAITING) this.reject(id, CROWDED);
      else {
        const kept = { part, since: performance.now(), digests: this.digestsOf(part) };
        this.#parts.set(id, kept);
        this.#untold.push(kept);
      }
    }
    if (this.begun.size === 0 || back.length > 0) this.#tellAll();
    else if (this.#untold.length > 0) this.#telling ??= setTimeout(() => this.#tellAll(), TELL_MS);
    tellHave(this.P0, back, 0);
  }

  override done(batch: AgreedBatch): void {
    super.done(batch);
    this.#tellAll();
  }

  withdraw(id: string): void {
    if (!this.#parts.has(id)) return;
    this.#tellAll();
    void this.P0.send({ kind: 'gone', id });
  }

  protected pick(): AgreedBatch | undefined {
    return this.#queue.shift();
  }

  protected abstract digestsOf(part: InputPart): readonly string[];
  /** Says that these parts are here. */
  protected abstract tell(fresh: readonly Kept[]): void;
  /** P0 has let an input through. */
  protected abstract begin(kept: Kept, chosen: Chosen): AgreedInput;
  /** P0 has dropped an input of which this party has its part. */
  protected abstract dropped(id: string, reason: string): void;
  /** The last thing that this party says. */
  protected abstract leave(): Promise<void>;

  /** What P0 says. */
  protected async follow(): Promise<void> {
    await this.P0.listen((told) => {
      if (told.kind === 'next') return this.#begin(told);
      if (told.kind !== 'drop') throw new ChannelError(`P0 says ${told.kind}, which it does not say`);
      // What is taken back has been told.
      this.#tellAll();
      if (!this.#parts.delete(told.id)) return;
      this.reject(told.id, told.reason);
      this.dropped(told.id, told.reason);
    });
    this.#tellAll();
    this.end();
    for (const id of this.#parts.keys()) this.reject(id, OVER);
    this.#parts.clear();
    await this.leave();
  }

  #tellAll(): void {
    clearTimeout(this.#telling);
    this.#telling = undefined;
    if (this.#untold.length > 0) this.tell(this.#untold.splice(0));
  }

  #begin({ n, inputs }: Extract<ServingMessage, { kind: 'next' }>): void {
    if (n !== this.#count++) throw new ChannelError(`P0 lets batch ${n} through, which is not the next one`);
    const kept = inputs.map(({ id }) => {
      const found = this.#parts.get(id);
      this.#parts.delete(id);
      if (found !== undefined) return found;
      throw new ChannelError('P0 lets an input through that this party does not have');
    });
    const images = imagesOf(kept);
    if (kept.length > 1 && images > this.#maxBatch)
      throw new ChannelError(`P0 lets ${images} images through at once, more than ${this.#maxBatch}`);
    for (const { part } of kept) this.begun.add(part.id);
    this.#queue.push({ n, inputs: kept.map((each, i) => this.begin(each, inputs[i])) });
    this.turn();
  }
}

export class P1Inputs extends FollowingInputs {
  readonly heard: Promise<void>;
  /** What P2 says of inputs that are not answered yet. */
  readonly #ofP2: Map<string, Deferred<Have>> = new Map();

  constructor(notify: (notice: Notice) => void, P0: Link, P2: Link, maxBatch: number) {
    super(notify, P0, maxBatch);
    const listen = new ServingLane(P2).listen((told) => {
      if (told.kind === 'have') for (const each of told.inputs) this.#saidOf(each.id).resolve(each);
      else if (told.kind === 'drop') this.#ofP2.delete(told.id);
      else throw new ChannelError(`P2 says ${told.kind}, which P0 alone is told or says`);
    });
    this.heard = this.watch(this.follow(), listen);
  }

  protected digestsOf({ opened }: InputPart): readonly string[] {
    return [digestOf(opened!)];
  }

  protected tell(fresh: readonly Kept[]): void {
    tellHave(this.P0, fresh, 0);
  }

  protected begin({ part, since, digests }: Kept, { digest }: Chosen): AgreedInput {
    if (digest !== digests[0]) throw new ChannelError('P0 lets an input through of which it has another E');
    const fits = this.#saidOf(part.id).promise.then((have) => {
      this.#ofP2.delete(part.id);
      return have.images === part.images && have.digest === digestOf(part.masks[0]);
    });
    return { part, since, fits };
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

  constructor(notify: (notice: Notice) => void, P0: Link, P1: Link, maxBatch: number) {
    super(notify, P0, maxBatch);
    this.#P1 = new ServingLane(P1);
    this.heard = this.watch(this.follow());
  }

  protected digestsOf({ masks }: InputPart): readonly string[] {
    return masks.map(digestOf);
  }

  protected tell(fresh: readonly Kept[]): void {
    tellHave(this.P0, fresh, 0);
    tellHave(this.#P1, fresh, 1);
  }

  protected begin({ part, since }: Kept): AgreedInput {
    return { part, since, fits: Promise.resolve(true) };
  }

  protected dropped(id: string, reason: string): void {
    void this.#P1.send({ kind: 'drop', id, reason });
  }

  protected async leave(): Promise<void> {
    await Promise.all([this.P0.send({ kind: 'over' }), this.#P1.send({ kind: 'over' })]);
  }
}

/** @param which of the digests is for whom it is told */
function tellHave(lane: ServingLane, kept: readonly Kept[], which: number): void {
  for (let from = 0; from < kept.length; from += MOST_NAMED) {
    const inputs = kept.slice(from, from + MOST_NAMED).map(({ part, digests }) => {
      return { id: part.id, images: part.images, digest: digests[which] };
    });
    void lane.send({ kind: 'have', inputs });
  }
}

export function imagesOf(inputs: readonly Pick<AgreedInput, 'part'>[]): number {
  return inputs.reduce((sum, { part }) => sum + part.images, 0);
}

export function digestOf({ buffer, byteOffset, byteLength }: Uint8Array | BigUint64Array): string {
  return createHash('sha256')
    .update(new Uint8Array(buffer, byteOffset, byteLength))
    .digest('hex');
}
