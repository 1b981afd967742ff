/**
 * One serving session at one party: each client's part for this party is counted and handed to the session's process, whose share of the answer goes back.
 *
 * What came is handed over together, once in a turn of the event loop. An answer is kept for a while, so that a client whose connection broke can
 * ask again; nothing is computed or counted twice for it. An input for which nobody waits any more is taken back, if its turn has not come.
 */
import type { ServeDocument } from '../../federation/documents.ts';
import { idOf, type Id, type PublicIdentity } from '../../federation/public-identity.ts';
import { inputSize } from '../../nn/network.ts';
import { Deferred } from '../../server/deferred.ts';
import type { InputPart, PartyName } from '../../server/ipc.ts';
import { Refusal } from '../refusal.ts';
import type { JobActor } from './actor.ts';
import { ClientPlaces } from './client-places.ts';
import { ImageCount } from './image-count.ts';
import { parseInput } from './input-form.ts';
import type { JobFigures, JobNews } from './ports.ts';
import type { Waiting } from '../waiting.ts';

const ANSWER_MS = 120_000;
/** Answers are kept so long at the least while others come, unless they are more bytes than these. */
const KEPT_MS = 600_000;
const MOST_KEPT_BYTES: number = 16 * 2 ** 20;
/** What one that is kept takes besides its share. */
const KEPT_BESIDES = 512;
/** After the last image that is allowed, before the session ends: the other parties may still be at it. */
const AFTERGLOW_MS = 5000;
/** How often those who follow the job are told of what it has answered. */
const TELLING_MS = 10_000;
const ID = /^[0-9a-f]{32}$/;

export type SessionNews = Extract<JobNews, { type: 'answers' | 'rejected' }>;

/** An input of a client. */
interface Asked {
  readonly name: string;
  readonly client: Id;
  readonly images: number;
  readonly bytes: number;
  readonly began: number;
  readonly share: Deferred<BigUint64Array | null>;
  /** Answered, or refused. `performance.now()` */
  settled: number | undefined;
  /** The process has it. */
  handed: boolean;
  /** Requests that wait for it. */
  waiting: number;
  late?: NodeJS.Timeout;
  /** Bytes that its answer takes while it is kept. */
  kept: number;
}

export class Session {
  readonly #actor: JobActor;
  readonly #document: ServeDocument;
  readonly #party: PartyName;
  readonly #figures: JobFigures;
  readonly #count: ImageCount;
  readonly #places: ClientPlaces = new ClientPlaces();
  /** Under way. */
  readonly #asked: Map<string, Asked> = new Map();
  /** Answered, in that order. */
  readonly #answers: Map<string, Asked> = new Map();
  #keptBytes = 0;
  readonly #fresh: (readonly [Asked, InputPart])[] = [];
  readonly #told = { images: 0, inputs: 0, batches: 0 };

  constructor(actor: JobActor, document: ServeDocument, party: PartyName, figures: JobFigures) {
    this.#actor = actor;
    this.#document = document;
    this.#party = party;
    this.#figures = figures;
    this.#count = new ImageCount({
      document,
      allowed: () => actor.record,
      allow: (allowed) => actor.tell({ kind: 'allow', ...allowed }),
    });
  }

  get isBusy(): boolean {
    return this.#asked.size > 0;
  }

  /** Images that may have been answered. */
  get used(): number {
    return this.#count.used;
  }

  /** @param asker whom the client's key belongs to  @param gone aborts when nobody waits for the answer any more */
  async infer(id: string, client: PublicIdentity, asker: Id, input: Uint8Array, gone: Waiting): Promise<Uint8Array> {
    if (!ID.test(id)) throw new Refusal(400, 'the id of an input is 32 hexadecimal digits', 'draw a random one');
    const name = `${idOf(client)}/${id}`;
    const known = this.#answers.get(name) ?? this.#asked.get(name);
    const asked = known ?? this.#begin(this.#parse(name, asker, input));
    asked.waiting++;
    // It had gone and is back.
    if (asked.waiting === 1 && asked.handed && asked.settled === undefined)
      this.#hand(asked, this.#parse(name, asker, input));
    const leave = (): void => {
      asked.waiting--;
      if (asked.waiting === 0 && asked.handed && asked.settled === undefined) this.#actor.process?.withdraw(name);
    };
    if (gone.aborted) leave();
    else gone.addEventListener('abort', leave, { once: true });
    const share = await asked.share.promise;
    if (share === null || gone.aborted) return new Uint8Array(0);
    return new Uint8Array(share.buffer, share.byteOffset, share.byteLength);
  }

  hear(news: SessionNews): void {
    if (news.type === 'answers') {
      this.#figures.batch(news.images);
      for (const { id, share, waited } of news.answers) this.#answered(this.#asked.get(id), share, waited);
      this.#tell(news);
    } else {
      const asked = this.#asked.get(news.id);
      if (asked === undefined) return;
      if (!news.computed) this.#count.giveBack(asked.client, asked.images);
      this.#fail(asked, new Refusal(422, news.reason, 'send the three parts of one input, under an id of its own'));
    }
    this.#endWhenUsedUp();
  }

  /** The process is gone: what it had under way will not be answered. */
  interrupted(): void {
    this.#fresh.length = 0;
    for (const asked of [...this.#asked.values()]) this.#fail(asked, notRunning());
  }

  #begin(part: InputPart): Asked {
    const { id: name, client, images } = part;
    const bytes = 8 * images * inputSize(this.#document.network);
    this.#places.take(client, bytes);
    const share = new Deferred<BigUint64Array | null>();
    share.promise.catch(() => undefined);
    const asked: Asked = {
      ...{ name, client, images, bytes, share, began: performance.now() },
      ...{ settled: undefined, handed: false, waiting: 0, kept: 0 },
    };
    this.#asked.set(name, asked);
    this.#figures.underWay(1);
    this.#admit(asked, part).catch((error: unknown) => this.#fail(asked, error));
    return asked;
  }

  async #admit(asked: Asked, part: InputPart): Promise<void> {
    if (!(await this.#actor.begun())) throw notRunning();
    await this.#count.take(asked.client, asked.images);
    asked.late = setTimeout(() => {
      this.#actor.process?.withdraw(asked.name);
      this.#fail(
        asked,
        new Refusal(504, `no answer after ${ANSWER_MS / 1000} s`, 'send it again, to all three parties'),
      );
    }, ANSWER_MS);
    this.#hand(asked, part);
  }

  /** With all that come in this turn. */
  #hand(asked: Asked, part: InputPart): void {
    this.#fresh.push([asked, part]);
    if (this.#fresh.length === 1) setImmediate(() => this.#handAll());
  }

  #handAll(): void {
    const { process } = this.#actor;
    if (process === undefined) return this.interrupted();
    const parts: InputPart[] = [];
    for (const [asked, part] of this.#fresh.splice(0)) {
      if (asked.settled !== undefined) continue;
      // A second time, of one that came back and is gone again: the process knows.
      if (asked.waiting > 0 || asked.handed) parts.push(part);
      else {
        this.#count.giveBack(asked.client, asked.images);
        this.#fail(asked, notRunning());
      }
      asked.handed = true;
    }
    if (parts.length > 0) process.give(parts);
  }

  #answered(asked: Asked | undefined, share: BigUint64Array | null, waited: number): void {
    if (asked === undefined) return;
    this.#settle(asked);
    asked.share.resolve(share);
    this.#figures.answered(asked.images, (performance.now() - asked.began) / 1000, waited);
    asked.kept = KEPT_BESIDES + (share?.byteLength ?? 0);
    this.#answers.set(asked.name, asked);
    this.#keptBytes += asked.kept;
    for (const [name, { settled, kept }] of this.#answers) {
      if (this.#keptBytes <= MOST_KEPT_BYTES && performance.now() - settled! < KEPT_MS) break;
      this.#answers.delete(name);
      this.#keptBytes -= kept;
    }
  }

  /** What failed may be asked again at once. */
  #fail(asked: Asked, error: unknown): void {
    if (asked.settled !== undefined) return;
    this.#settle(asked);
    asked.share.reject(error);
  }

  #settle(asked: Asked): void {
    asked.settled = performance.now();
    clearTimeout(asked.late);
    this.#asked.delete(asked.name);
    this.#figures.underWay(-1);
    this.#places.giveBack(asked.client, asked.bytes);
  }

  /** Those who follow the job: how much, not whose. */
  #tell({ images, answers }: Extract<SessionNews, { type: 'answers' }>): void {
    const told = this.#told;
    if (told.batches === 0) {
      setTimeout(() => {
        this.#actor.note('answers', { ...told, seconds: TELLING_MS / 1000 });
        Object.assign(told, { images: 0, inputs: 0, batches: 0 });
      }, TELLING_MS).unref();
    }
    told.images += images;
    told.inputs += answers.length;
    told.batches++;
  }

  #endWhenUsedUp(): void {
    if (!this.#count.isUsedUp || this.isBusy) return;
    setTimeout(() => {
      if (this.#count.isUsedUp && !this.isBusy) void this.#actor.tell({ kind: 'exhausted' });
    }, AFTERGLOW_MS);
  }

  #parse(id: string, client: Id, input: Uint8Array): InputPart {
    return parseInput(this.#party, this.#document, { id, client }, input);
  }
}

function notRunning(): Refusal {
  return new Refusal(503, 'the session is not running at the moment', 'send the input again in a few seconds');
}
