/**
 * What P0 lets through next (`serving-inputs.ts`). While nothing is under way an input goes at once, unless others are likely to come (`serving-pace.ts`)
 * or the session waits for them; what comes while a batch is computed gathers for the next. Clients have their turns, so who sends much keeps nobody
 * waiting.
 */
import { ChannelError, type Link } from '../channel/channel.ts';
import { PARTY_NAMES, type InputPart, type Notice, type PartyName } from './ipc.ts';
import type { ServeJob } from './job.ts';
import { MOST_NAMED, ServingLane, type Have, type ServingMessage } from './serving-lane.ts';
import {
  CROWDED,
  digestOf,
  imagesOf,
  MOST_WAITING,
  OVER,
  PARTS_MS,
  ServingInputs,
  type AgreedBatch,
} from './serving-inputs.ts';
import { Pace } from './serving-pace.ts';
import { Turns } from './serving-turns.ts';

const INCOMPLETE = 'not every party was given its part of the input in time';
const LEFT = 'whoever sent the input has gone';
const UNLIKE = 'the parts of the input that the parties were given do not belong together';

type Peer = 'P1' | 'P2';

interface Waiting {
  readonly id: string;
  /** Of its own. */
  part?: InputPart;
  since: number;
  P1?: Have;
  P2?: Have;
  /** Where nobody waits for it any more. */
  readonly gone: Set<PartyName>;
  timer?: NodeJS.Timeout | undefined;
  /** While it waits for its turn. */
  complete?: Complete | undefined;
}

/** All parts are here, and belong together. */
interface Complete {
  readonly client: string;
  readonly images: number;
  readonly part: InputPart;
  /** Of E. */
  readonly digest: string;
  readonly waiting: Waiting;
}

export interface LeadingOptions extends Pick<ServeJob, 'maxBatch' | 'maxWaitMs' | 'ranks'> {
  readonly partsMs?: number | undefined;
}

export class LeadingInputs extends ServingInputs {
  readonly heard: Promise<void>;
  readonly #P1: ServingLane;
  readonly #P2: ServingLane;
  readonly #options: LeadingOptions;
  readonly #waiting: Map<string, Waiting> = new Map();
  readonly #turns: Turns<Complete> = new Turns();
  /** When the first of those whose turn is to come was complete. */
  #completeSince = 0;
  readonly #pace: Pace = new Pace();
  #pause: NodeJS.Timeout | undefined;
  /** Images that are being computed, and in how many batches. */
  #underWay = 0;
  #batches = 0;
  #count = 0;

  constructor(notify: (notice: Notice) => void, P1: Link, P2: Link, options: LeadingOptions) {
    super(notify);
    this.#P1 = new ServingLane(P1);
    this.#P2 = new ServingLane(P2);
    this.#options = options;
    this.heard = this.watch(
      this.#P1.listen((told) => this.#hear('P1', told)),
      this.#P2.listen((told) => this.#hear('P2', told)),
    );
  }

  take(parts: readonly InputPart[]): void {
    for (const part of parts) {
      const { id } = part;
      if (this.begun.has(id)) continue;
      if (this.isOver) {
        this.reject(id, OVER);
        continue;
      }
      const waiting = this.#waitingFor(id);
      // Of one that came back this is the same once more.
      if (waiting.part === undefined) [waiting.part, waiting.since] = [part, performance.now()];
      waiting.gone.delete('P0');
      this.#look(waiting);
    }
  }

  withdraw(id: string): void {
    this.#left('P0', id);
  }

  /** No more inputs: those that are not under way are dropped. */
  async stop(): Promise<void> {
    if (this.isOver) return;
    for (const waiting of [...this.#waiting.values()]) this.#drop(waiting, OVER);
    clearTimeout(this.#pause);
    this.end();
    await Promise.all([this.#P1.send({ kind: 'over' }), this.#P2.send({ kind: 'over' })]);
  }

  override done(batch: AgreedBatch): void {
    super.done(batch);
    this.#underWay -= imagesOf(batch.inputs);
    this.#batches--;
    this.#pace.end(batch.n, this.#turns.inputs, performance.now());
    this.turn();
  }

  protected pick(): AgreedBatch | undefined {
    const { maxBatch, maxWaitMs, ranks = 1 } = this.#options;
    const { images, inputs, isEmpty } = this.#turns;
    if (isEmpty) return undefined;
    if (images < maxBatch) {
      // Beside others that are under way it pays only if it is no smaller than they are, or a rank has nothing to do.
      const busy = this.#batches >= ranks;
      if (busy && images < this.#underWay) return undefined;
      const until = Math.max(this.#completeSince + maxWaitMs, this.#pace.until(inputs));
      const rest = busy ? 0 : until - performance.now();
      if (rest > 0) {
        // How long that is changes with each batch.
        clearTimeout(this.#pause);
        this.#pause = setTimeout(() => this.turn(), rest);
        return undefined;
      }
    }
    clearTimeout(this.#pause);
    const chosen = this.#turns.take(maxBatch, MOST_NAMED);
    this.#completeSince = performance.now();
    const n = this.#count++;
    for (const { waiting } of chosen) {
      this.#forget(waiting);
      this.begun.add(waiting.id);
    }
    const batch = {
      n,
      inputs: chosen.map(({ part, waiting }) => ({ part, since: waiting.since, fits: Promise.resolve(true) })),
    };
    this.#underWay += imagesOf(batch.inputs);
    this.#batches++;
    this.#pace.begin(n, chosen.length, performance.now());
    const forP1 = chosen.map(({ part, digest }) => ({ id: part.id, digest }));
    const forP2 = chosen.map(({ part }) => ({ id: part.id }));
    void this.#P1.send({ kind: 'next', n, inputs: forP1 });
    void this.#P2.send({ kind: 'next', n, inputs: forP2 });
    return batch;
  }

  #hear(from: Peer, told: ServingMessage): void {
    if (told.kind === 'gone') return this.#left(from, told.id);
    if (told.kind !== 'have') throw new ChannelError(`${from} says ${told.kind}, which P0 alone may say`);
    // It has been told that the session is over, or will be.
    if (this.isOver) return;
    for (const have of told.inputs) {
      if (this.begun.has(have.id)) continue;
      const waiting = this.#waitingFor(have.id);
      waiting[from] = have;
      waiting.gone.delete(from);
      this.#look(waiting);
    }
  }

  #waitingFor(id: string): Waiting {
    const waiting = this.#waiting.get(id) ?? { id, since: performance.now(), gone: new Set() };
    this.#waiting.set(id, waiting);
    return waiting;
  }

  /** Something of an input has come. */
  #look(waiting: Waiting): void {
    const { part, P1, P2, gone } = waiting;
    if (this.#waiting.size > MOST_WAITING) return this.#drop(waiting, CROWDED);
    if (part === undefined || P1 === undefined || P2 === undefined || gone.size > 0) return this.#await(waiting);
    const digest = digestOf(part.opened!);
    const fit =
      P1.images === part.images &&
      P2.images === part.images &&
      P1.digest === digest &&
      P2.digest === digestOf(part.masks[0]);
    if (!fit) return this.#drop(waiting, UNLIKE);
    if (waiting.complete !== undefined) return;
    clearTimeout(waiting.timer);
    waiting.timer = undefined;
    waiting.complete = { client: part.client, images: part.images, part, digest, waiting };
    if (this.#turns.isEmpty) this.#completeSince = performance.now();
    this.#turns.add(waiting.complete);
    this.turn();
  }

  #await(waiting: Waiting): void {
    const late = (): void => this.#drop(waiting, waiting.gone.size > 0 ? LEFT : INCOMPLETE);
    waiting.timer ??= setTimeout(late, this.#options.partsMs ?? PARTS_MS).unref();
  }

  /** Nobody waits at this party any more for an input that has not had its turn. */
  #left(from: PartyName, id: string): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    waiting.gone.add(from);
    // From everywhere. Parts that are not here yet may come, and whoever went from one party come back.
    if (waiting.gone.size === PARTY_NAMES.length) return this.#drop(waiting, LEFT);
    this.#unqueue(waiting);
    this.#await(waiting);
  }

  #drop(waiting: Waiting, reason: string): void {
    const { id, part } = waiting;
    if (part !== undefined) this.reject(id, reason);
    this.#unqueue(waiting);
    this.#forget(waiting);
    void this.#P1.send({ kind: 'drop', id, reason });
    void this.#P2.send({ kind: 'drop', id, reason });
  }

  #unqueue(waiting: Waiting): void {
    if (waiting.complete !== undefined) this.#turns.remove(waiting.complete);
    waiting.complete = undefined;
  }

  #forget({ id, timer }: Waiting): void {
    clearTimeout(timer);
    this.#waiting.delete(id);
  }
}
