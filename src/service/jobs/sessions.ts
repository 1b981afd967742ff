/**
 * Inputs of serving sessions: each client's part for this party is counted, handed to the session's process, and its answer sealed to the client.
 *
 * An answer is kept for a while, so that a client whose connection broke can ask again; nothing is computed or counted twice for it. Counts are
 * kept on the disk ahead of use, so that a crash makes a session answer fewer images than it allows, never more.
 */
import { MAX_INPUT_IMAGES, type ServeDocument } from '../../federation/documents.ts';
import { idOf, type Id, type PublicIdentity } from '../../federation/public-identity.ts';
import { sealTo } from '../../federation/sealed.ts';
import { inputSize } from '../../nn/network.ts';
import { STREAM_KEY_BYTES } from '../../random/primitives.ts';
import type { InputOrder, PartyName } from '../../server/ipc.ts';
import { Refusal } from '../refusal.ts';
import type { JobActor } from './actor.ts';
import type { JobFigures, JobNews } from './ports.ts';

/** Images that are counted ahead, at the most. */
const AHEAD = 64;
/** Of one client at one time. */
const MOST_PENDING = 64;
const ANSWER_MS = 120_000;
/** Answers are kept so long, and so many. */
const KEPT_MS = 600_000;
const MOST_KEPT = 10_000;
/** After the last image that is allowed, before the session ends: the other parties may still be at it. */
const AFTERGLOW_MS = 5000;
const COUNT_BYTES = 4;
const ELEMENT_BYTES = 8;
const ID = /^[0-9a-f]{32}$/;

interface Pending {
  readonly client: Id;
  readonly images: number;
  readonly settle: (share: BigUint64Array | null) => void;
  readonly fail: (error: Refusal) => void;
}

export class Sessions {
  readonly #party: PartyName;
  readonly #figures: JobFigures;
  readonly #holder: (key: Id) => Id;
  readonly #of: Map<JobActor, Session> = new Map();

  /** @param holder whose key it is: a job names clients by keys, of which they may have another by now */
  constructor(party: PartyName, figures: JobFigures, holder: (key: Id) => Id = (key) => key) {
    [this.#party, this.#figures, this.#holder] = [party, figures, holder];
  }

  infer(actor: JobActor, id: string, client: PublicIdentity, input: Uint8Array): Promise<Uint8Array> {
    const { document } = actor.job;
    if (document.kind !== 'serve') throw new Refusal(409, 'this job takes no inputs', 'name a job that serves a model');
    const asker = this.#holder(idOf(client));
    if (!document.clients.some((key) => this.#holder(key) === asker))
      throw new Refusal(403, 'the job names you as no client', 'ask the proposer');
    const session = this.#of.get(actor) ?? new Session(actor, document, this.#party, this.#figures);
    this.#of.set(actor, session);
    return session.infer(id, client, input);
  }

  hear(actor: JobActor, news: Extract<JobNews, { type: 'output' | 'rejected' }>): void {
    this.#of.get(actor)?.hear(news);
  }

  /** The process is gone: what it had under way will not be answered. */
  interrupted(actor: JobActor): void {
    this.#of.get(actor)?.interrupted();
  }

  /** Whether inputs are under way. */
  isBusy(actor: JobActor): boolean {
    return this.#of.get(actor)?.isBusy ?? false;
  }
}

class Session {
  readonly #actor: JobActor;
  readonly #document: ServeDocument;
  readonly #party: PartyName;
  readonly #figures: JobFigures;
  readonly #pending: Map<string, Pending> = new Map();
  readonly #answers: Map<string, Promise<Uint8Array>> = new Map();
  /** Images that may have been answered: what the record says, less what it says ahead. */
  #used: number;

  constructor(actor: JobActor, document: ServeDocument, party: PartyName, figures: JobFigures) {
    this.#actor = actor;
    this.#document = document;
    this.#party = party;
    this.#figures = figures;
    this.#used = actor.record.images;
  }

  get isBusy(): boolean {
    return this.#pending.size > 0;
  }

  infer(id: string, client: PublicIdentity, input: Uint8Array): Promise<Uint8Array> {
    const asker = idOf(client);
    if (!ID.test(id)) throw new Refusal(400, 'the id of an input is 32 hexadecimal digits', 'draw a random one');
    const name = `${asker}/${id}`;
    const known = this.#answers.get(name);
    if (known !== undefined) return known;
    const answer = this.#compute(name, id, client, this.#parse(name, input));
    this.#keep(name, answer);
    return answer;
  }

  hear(news: Extract<JobNews, { type: 'output' | 'rejected' }>): void {
    const pending = this.#pending.get(news.id);
    if (pending === undefined) return;
    this.#pending.delete(news.id);
    if (news.type === 'output') pending.settle(news.share);
    else pending.fail(new Refusal(422, news.reason, 'send the three parts of one input, under an id of its own'));
    this.#endWhenUsedUp();
  }

  interrupted(): void {
    for (const { fail } of this.#pending.values()) fail(notRunning());
    this.#pending.clear();
  }

  async #compute(name: string, id: string, client: PublicIdentity, order: InputOrder): Promise<Uint8Array> {
    const asker = idOf(client);
    const mine = [...this.#pending.values()].filter((each) => each.client === asker).length;
    if (mine >= MOST_PENDING) throw new Refusal(429, `${mine} of your inputs are under way`, 'wait for their answers');
    if (!(await this.#actor.begun())) throw notRunning();
    await this.#count(order.images);
    const { process } = this.#actor;
    if (process === undefined) throw notRunning();
    const began = performance.now();
    const share = await new Promise<BigUint64Array | null>((settle, fail) => {
      const late = setTimeout(() => {
        this.#pending.delete(name);
        fail(new Refusal(504, `no answer after ${ANSWER_MS / 1000} s`, 'send the input again, to all three parties'));
      }, ANSWER_MS);
      this.#pending.set(name, {
        client: asker,
        images: order.images,
        settle: (value) => {
          clearTimeout(late);
          settle(value);
        },
        fail: (error) => {
          clearTimeout(late);
          fail(error);
        },
      });
      process.input(order);
    });
    this.#figures.answered(order.images, (performance.now() - began) / 1000);
    if (share === null) return new Uint8Array(0);
    const bytes = new Uint8Array(share.buffer, share.byteOffset, share.byteLength);
    return sealTo(client, `answer ${this.#actor.digest} ${id}`, bytes);
  }

  /** Before anything is answered; on the disk when this resolves. */
  async #count(images: number): Promise<void> {
    const { maxImages } = this.#document;
    if (this.#used + images > maxImages) {
      const left = Math.max(0, maxImages - this.#used);
      throw new Refusal(409, `the session answers ${left} images more`, 'ask for a new session: propose another job');
    }
    this.#used += images;
    if (this.#used <= this.#actor.record.images) return;
    const ahead = Math.min(AHEAD, Math.floor(maxImages / 100));
    await this.#actor.tell({ kind: 'allow', images: Math.min(maxImages, this.#used + ahead) });
    // It could not be kept, so it cannot be answered.
    if (this.#used > this.#actor.record.images)
      throw new Refusal(507, 'the input cannot be counted', 'try again later');
  }

  #endWhenUsedUp(): void {
    if (this.#used < this.#document.maxImages || this.isBusy) return;
    setTimeout(() => {
      if (!this.isBusy) void this.#actor.tell({ kind: 'exhausted' });
    }, AFTERGLOW_MS);
  }

  #keep(name: string, answer: Promise<Uint8Array>): void {
    this.#answers.set(name, answer);
    const forget = (): void => {
      if (this.#answers.get(name) === answer) this.#answers.delete(name);
    };
    // What failed may be asked again at once.
    answer.then(() => setTimeout(forget, KEPT_MS).unref(), forget);
    for (const oldest of this.#answers.keys()) {
      if (this.#answers.size <= MOST_KEPT) break;
      this.#answers.delete(oldest);
    }
  }

  /** count (u32) ‖ own mask key ‖ E at P0 and P1; count ‖ both mask keys at P2. */
  #parse(id: string, input: Uint8Array): InputOrder {
    const worker = this.#party !== 'P2';
    const keyBytes = (worker ? 1 : 2) * STREAM_KEY_BYTES;
    const images = input.length < COUNT_BYTES ? 0 : new DataView(input.buffer, input.byteOffset).getUint32(0, true);
    if (images < 1) throw new Refusal(400, 'an input has one image at least', 'send its parts as they were made');
    if (images > MAX_INPUT_IMAGES) {
      throw new Refusal(413, `${images} images are more than ${MAX_INPUT_IMAGES} in one input`, 'send fewer at a time');
    }
    const opened = worker ? ELEMENT_BYTES * images * inputSize(this.#document.network) : 0;
    const expected = COUNT_BYTES + keyBytes + opened;
    if (input.length !== expected) {
      const what = `an input of ${images} images for ${this.#party} has ${expected} bytes, found ${input.length}`;
      throw new Refusal(400, what, 'see that the images fit the network of the job');
    }
    const keys = input.slice(COUNT_BYTES, COUNT_BYTES + keyBytes);
    const masks = worker ? [keys] : [keys.slice(0, STREAM_KEY_BYTES), keys.slice(STREAM_KEY_BYTES)];
    // A copy begins at a multiple of eight.
    const values = worker ? new BigUint64Array(input.slice(COUNT_BYTES + keyBytes).buffer) : null;
    return { type: 'input', id, images, opened: values, masks };
  }
}

function notRunning(): Refusal {
  return new Refusal(503, 'the session is not running at the moment', 'send the input again in a few seconds');
}
