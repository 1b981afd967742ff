/**
 * Three parties in this process, as a client meets them: requests checked, documents kept, chunks opened and compared with what their owner signed.
 * They compute nothing: what a job reveals is put in by the test.
 */
import { createHash, randomBytes } from 'node:crypto';
import { NODE } from '../../../src/random/node-primitives.ts';
import type { JobView, JobState } from '../../../src/federation/views.ts';
import { waitFor } from '../../../src/client/federated/aborting.ts';
import { FederationClient } from '../../../src/client/federated/client.ts';
import { type Reply, type Request, type Transport, Unreachable } from '../../../src/client/federated/transport.ts';
import { PARTIES, type PartyName } from '../../../src/client/parties.ts';
import { maskOf } from '../../../src/data/share.ts';
import { FEDERATION_PROTOCOL } from '../../../src/federation/card.ts';
import { chunksOf, maskCommitment, PARTS, type Part, unpackKeys } from '../../../src/federation/chunks.ts';
import { digestOfChunks, openChunk } from '../../../src/federation/chunk-cipher.ts';
import type { DataDocument, GrantDocument, ServeDocument } from '../../../src/federation/documents.ts';
import type { Id, PublicIdentity } from '../../../src/federation/public-identity.ts';
import { Identity } from '../../../src/federation/identity.ts';
import { RequestChecker } from '../../../src/federation/request.ts';
import { openQuestionWith, openWith, sealTo } from '../../../src/federation/sealed.ts';
import { isProperlySigned } from '../../../src/federation/received.ts';
import { nameOf, signDocument, type Signed } from '../../../src/federation/signed.ts';
import { add, decrease, sub } from '../../../src/ring/z64.ts';
import { threeParties } from '../../federation/parties.ts';

/** As the service says it. */
const STRANGER = {
  error: 'not known here, or not signed as this party takes it',
  fix: 'ask the operator of this party to admit you; ask GET /v1/hello again if it has restarted',
};

interface Kept {
  readonly signed: Signed<DataDocument>;
  readonly keys: NonNullable<ReturnType<typeof unpackKeys>>;
  /** Opened, by `part/number`. */
  readonly chunks: Map<string, Uint8Array>;
  state: 'uploading' | 'complete' | 'ready' | 'withdrawn';
}

interface FakeJob {
  readonly signed: Signed;
  state: JobState;
  reason?: string;
  waitingFor: Id[];
  readonly events: object[];
  readonly results: Map<string, Uint8Array>;
}

export class FakeParty {
  readonly name: PartyName;
  readonly identity: Identity;
  readonly data: Map<string, Kept> = new Map();
  readonly grants: Map<string, { signed: Signed; withdrawn: boolean }> = new Map();
  readonly jobs: Map<string, FakeJob> = new Map();
  readonly decisions: Signed[] = [];
  /** Requests that were let in: method and path. */
  readonly asked: string[] = [];
  readonly #parties: FakeParties;
  #checker!: RequestChecker;
  #instance = '';

  constructor(name: PartyName, identity: Identity, parties: FakeParties) {
    this.name = name;
    this.identity = identity;
    this.#parties = parties;
    this.restart();
  }

  /** A new life: what was signed for the one before does not count. */
  restart(): void {
    this.#instance = randomBytes(16).toString('hex');
    this.#checker = new RequestChecker({
      audiences: () => [this.identity.public],
      instance: this.#instance,
      known: (id) => this.#parties.members.get(id)?.identity,
      now: () => this.#parties.now(),
    });
  }

  async answer(request: Request): Promise<Reply> {
    const { method, path, headers, body = new Uint8Array() } = request;
    if (path === '/v1/hello')
      return json({ protocol: FEDERATION_PROTOCOL, instance: this.#instance, time: this.#parties.now() });
    const checked = this.#checker.check({ method, path, authorization: headers.authorization });
    if ('refused' in checked) return json(STRANGER, 401);
    if (createHash('sha256').update(body).digest('hex') !== checked.bodyDigest)
      return json({ error: 'body', fix: '' }, 400);
    this.asked.push(`${method} ${path}`);
    const reply = await this.#route(method, path, body);
    return reply ?? json({ error: 'no such thing', fix: 'see that the name is right' }, 404);
  }

  async #route(method: string, path: string, body: Uint8Array): Promise<Reply | undefined> {
    const [where] = path.split('?');
    const [, , what, name, part, last] = where.split('/');
    const parsed = (): unknown => JSON.parse(Buffer.from(body).toString());
    if (what === 'status') return json({ role: this.name, version: '0', members: [...this.#parties.members.values()] });
    if (what === 'data') return this.#data(method, name, part, last, body);
    if (what === 'withdrawals') return this.#withdraw(parsed() as Signed);
    if (what === 'grants' && method === 'GET')
      return json({
        grants: [...this.grants].map(([digest, { signed, withdrawn }]) => ({ digest, signed, withdrawn, uses: [] })),
      });
    if (what === 'grants') {
      const signed = parsed() as Signed<GrantDocument>;
      if (!isProperlySigned(signed)) return json({ error: 'signature', fix: '' }, 400);
      this.grants.set(nameOf(signed), { signed, withdrawn: false });
      return json({ digest: nameOf(signed) });
    }
    if (what === 'jobs') return this.#jobs(method, path, name, part, last, parsed);
    if (what === 'models') return json({ models: this.#parties.models });
    if (what === 'sessions' && name === undefined) return json({ sessions: this.#sessions() });
    if (what === 'sessions') return this.#infer(name, body);
    return undefined;
  }

  async #data(
    method: string,
    digest: string | undefined,
    part: string | undefined,
    number: string | undefined,
    body: Uint8Array,
  ): Promise<Reply | undefined> {
    if (method === 'GET')
      return json({ data: [...this.data].map(([digest, { signed, state }]) => ({ digest, signed, state })) });
    if (digest === undefined) {
      const { signed, key } = JSON.parse(Buffer.from(body).toString()) as { signed: Signed<DataDocument>; key: string };
      const name = nameOf(signed);
      const opened = await openWith(this.identity, `data ${name}`, new Uint8Array(Buffer.from(key, 'base64')));
      const keys = opened && unpackKeys(this.name, opened);
      if (keys === undefined || !isProperlySigned(signed)) return json({ error: 'keys', fix: '' }, 400);
      const { masks } = signed.document;
      const committed = { P0: [masks.P0], P1: [masks.P1], P2: [masks.P0, masks.P1] }[this.name];
      if (keys.masks.map(maskCommitment).join() !== committed.join()) return json({ error: 'masks', fix: '' }, 422);
      const kept = this.data.get(name) ?? { signed, keys, chunks: new Map<string, Uint8Array>(), state: 'uploading' };
      if (kept.state === 'withdrawn') return json({ error: 'it was withdrawn', fix: 'make a new one' }, 410);
      this.data.set(name, kept);
      return json({
        digest: name,
        state: kept.state,
        have: { images: this.#have(kept, 'images'), labels: this.#have(kept, 'labels') },
      });
    }
    const kept = this.data.get(digest);
    if (kept === undefined) return undefined;
    if (method === 'PUT') {
      const place = { data: digest, part: part as Part, number: Number(number) };
      const opened = kept.keys.content && openChunk(kept.keys.content, place, body);
      if (opened === undefined) return json({ error: 'chunk', fix: '' }, 400);
      kept.chunks.set(`${part}/${number}`, opened);
      return { status: 204, body: new Uint8Array() };
    }
    if (part === 'complete') {
      if (this.name !== 'P2') {
        for (const each of PARTS) {
          const count = chunksOf(kept.signed.document, each);
          const chunks = Array.from({ length: count }, (_, i) => kept.chunks.get(`${each}/${i}`));
          if (chunks.includes(undefined)) return json({ error: 'chunks lack', fix: 'send them' }, 409);
          const digests = chunks.map((chunk) => createHash('sha256').update(chunk!).digest());
          if (digestOfChunks(kept.keys.content!, digests) !== kept.signed.document.opened[each])
            return json({ error: 'digest', fix: '' }, 422);
        }
      }
      if (kept.state === 'uploading') kept.state = 'complete';
      const { federation } = this.#parties;
      const document = {
        ...{ securenn: 'receipt', federation: federation.id, data: digest, party: this.name },
        ...this.#parties.receiptsSay,
      };
      return json({ receipt: signDocument(document, this.#parties.receiptsBy ?? this.identity) });
    }
    const { receipts } = JSON.parse(Buffer.from(body).toString()) as { receipts: Signed[] };
    if (receipts.length !== 3 || !receipts.every(isProperlySigned)) return json({ error: 'receipts', fix: '' }, 400);
    kept.state = 'ready';
    return json({ digest, state: 'ready' });
  }

  #have({ chunks }: Kept, part: Part): number[] {
    return [...chunks.keys()].filter((key) => key.startsWith(part)).map((key) => Number(key.split('/')[1]));
  }

  #withdraw(signed: Signed): Reply | undefined {
    const { what, digest } = signed.document as Signed['document'] & { what: string; digest: string };
    const kept = what === 'data' ? this.data.get(digest) : this.grants.get(digest);
    if (kept === undefined || !isProperlySigned(signed)) return undefined;
    if ('state' in kept) kept.state = 'withdrawn';
    else kept.withdrawn = true;
    return json({ digest, models: what === 'data' ? this.#parties.trainedOn : [] });
  }

  async #jobs(
    method: string,
    path: string,
    name: string | undefined,
    part: string | undefined,
    last: string | undefined,
    parsed: () => unknown,
  ): Promise<Reply | undefined> {
    if (name === undefined && method === 'GET')
      return json({ jobs: [...this.jobs.keys()].map((digest) => this.view(digest)) });
    if (name === undefined) {
      const signed = parsed() as Signed;
      if (!isProperlySigned(signed)) return json({ error: 'signature', fix: '' }, 400);
      const fresh: FakeJob = { signed, state: 'awaiting', waitingFor: [], events: [], results: new Map() };
      if (!this.jobs.has(nameOf(signed))) this.jobs.set(nameOf(signed), fresh);
      return json(this.view(nameOf(signed)));
    }
    const job = this.jobs.get(name);
    if (job === undefined) return undefined;
    if (part === undefined) return json(this.view(name));
    if (part === 'events') {
      const from = Number(/from=(\d+)/.exec(path)![1]);
      // While there is nothing to tell, and the job stays as it is.
      const { state } = job;
      const until = Date.now() + 1000 * Number(/wait=(\d+)/.exec(path)![1]);
      while (job.events.length <= from && job.state === state && Date.now() < until)
        await new Promise((go) => setTimeout(go, 5));
      const events = job.events.map((event, n) => ({ n, time: '2026-01-01T00:00:00Z', ...event })).slice(from);
      return json({ events, next: job.events.length });
    }
    if (part === 'values') {
      const names = path
        .slice(path.indexOf('=') + 1)
        .split(',')
        .map(decodeURIComponent);
      const there = names.flatMap((each) => {
        const bytes = job.results.get(each);
        return bytes === undefined ? [] : [[each, Buffer.from(bytes).toString('base64')]];
      });
      return json({ values: Object.fromEntries(there) as object });
    }
    if (part === 'results') {
      const result = job.results.get(decodeURIComponent(last!));
      return result && { status: 200, body: result };
    }
    const signed = parsed() as Signed;
    if (!isProperlySigned(signed)) return json({ error: 'signature', fix: '' }, 400);
    this.decisions.push(signed);
    if (part === 'cancel') job.state = 'cancelled';
    return json(this.view(name));
  }

  view(digest: string): JobView {
    const job = this.jobs.get(digest)!;
    const { signed, state, reason, waitingFor } = this.#parties.shown?.(this.name, job) ?? job;
    return { job: digest, signed, state, since: '2026-01-01T00:00:00Z', reason, waitingFor, attempt: 1 };
  }

  /** All that run. */
  #sessions(): object[] {
    const jobs = [...this.jobs.values()];
    return jobs.flatMap(({ signed, state }) =>
      (signed.document as ServeDocument).kind === 'serve' && state === 'running' ? [{ signed }] : [],
    );
  }

  /** A class for each image: its first pixel, in 256ths, modulo the classes. */
  async #infer(session: string, body: Uint8Array): Promise<Reply | undefined> {
    const id = Buffer.from(body.subarray(0, 16)).toString('hex');
    const question = await openQuestionWith(this.identity, `input ${session} ${id}`, body.subarray(16));
    if (question === undefined) return json({ error: 'input', fix: '' }, 400);
    const opened = question.bytes;
    this.#parties.inputs.set(`${id} ${this.name}`, opened);
    if (this.name === 'P2') return { status: 204, body: new Uint8Array() };
    const document = this.jobs.get(session)!.signed.document as ServeDocument;
    const images = new DataView(opened.buffer, opened.byteOffset).getUint32(0, true);
    const share = await this.#parties.answerOf(id, images, document, this.name);
    const bytes = new Uint8Array(share.slice().buffer);
    return { status: 200, body: await question.sealAnswer(bytes) };
  }
}

export class FakeParties {
  readonly federation: ReturnType<typeof threeParties>['federation'];
  readonly members: Map<Id, { id: Id; name: string; identity: PublicIdentity }> = new Map();
  readonly party: Readonly<Record<PartyName, FakeParty>>;
  /** Parties that nobody reaches. */
  readonly down: Set<PartyName> = new Set();
  /** What they do to requests before they look at them: they may throw. */
  before: ((party: PartyName, request: Request) => void | Promise<void>) | undefined;
  shown: ((party: PartyName, job: FakeJob) => FakeJob) | undefined;
  /** Whose signature stands under all receipts. */
  receiptsBy: Identity | undefined;
  /** In place of what a receipt would say. */
  receiptsSay: object = {};
  models: object[] = [];
  trainedOn: string[] = [];
  readonly inputs: Map<string, Uint8Array> = new Map();
  /** The parties' clocks. */
  ahead = 0;

  constructor() {
    const { identities, federation } = threeParties();
    this.federation = federation;
    const make = (name: PartyName): FakeParty => new FakeParty(name, identities[name], this);
    this.party = { P0: make('P0'), P1: make('P1'), P2: make('P2') };
  }

  now(): number {
    return Date.now() + this.ahead;
  }

  readonly transport: Transport = async (party, request) => {
    request.signal?.throwIfAborted();
    await this.before?.(party, request);
    if (this.down.has(party)) throw new Unreachable(party, `${party}.example:1`, 'nothing listens there', 'start it');
    return waitFor(this.party[party].answer(request), request.signal);
  };

  /** A member with an identity of its own. */
  admit(name: string): Identity {
    const identity = Identity.generate();
    this.members.set(identity.id, { id: identity.id, name, identity: identity.public });
    return identity;
  }

  client(identity: Identity, notes: string[] = [], patienceMs = 0): FederationClient {
    const onNote = (text: string): void => void notes.push(text);
    const { federation, transport } = this;
    return new FederationClient({ primitives: NODE, federation, identity, transport, onNote, patienceMs });
  }

  /** Puts in what a job revealed, as shares that the workers seal. */
  async reveal(job: string, name: string, value: BigUint64Array, to: PublicIdentity): Promise<void> {
    const random = new BigUint64Array(new Uint8Array(randomBytes(8 * value.length)).buffer);
    const shares = { P0: random, P1: sub(value, random) };
    for (const worker of ['P0', 'P1'] as const) {
      const bytes = new Uint8Array(shares[worker].slice().buffer);
      this.party[worker].jobs.get(job)!.results.set(name, await sealTo(to, `result ${job} ${name}`, bytes));
    }
  }

  /** At all three. */
  tell(job: string, ...events: object[]): void {
    for (const party of PARTIES) this.party[party].jobs.get(job)!.events.push(...events);
  }

  enter(job: string, state: JobState, waitingFor: Id[] = []): void {
    for (const party of PARTIES) Object.assign(this.party[party].jobs.get(job)!, { state, waitingFor });
  }

  /** Both inputs of workers together: E of the images and their masks. */
  async answerOf(id: string, images: number, document: ServeDocument, worker: PartyName): Promise<BigUint64Array> {
    const other = worker === 'P0' ? 'P1' : 'P0';
    for (let i = 0; i < 200 && !this.inputs.has(`${id} ${other}`); i++) await new Promise((go) => setTimeout(go, 5));
    const [input0, input1] = [this.inputs.get(`${id} P0`)!, this.inputs.get(`${id} P1`)!];
    const E = new BigUint64Array(input0.slice(20).buffer);
    const masks = [input0, input1].map((input) => maskOf('images', input.subarray(4, 20)).z64(0, E.length));
    const X = masks.reduce((sum, mask) => add(sum, mask), E);
    const inputs = E.length / images;
    const classes = document.network.layers.at(-1)!;
    const count = BigInt(classes.type === 'dense' ? classes.units : 1);
    const found = Array.from({ length: images }, (_, i) => {
      const pixel = (X[i * inputs] * 255n + (1n << BigInt(document.fractionBits - 1))) >> BigInt(document.fractionBits);
      return pixel % count;
    });
    const values =
      document.reveal === 'class'
        ? found
        : found.flatMap((best) =>
            Array.from({ length: Number(count) }, (_, k) => (BigInt(k) === best ? 1n << 16n : 0n)),
          );
    const random = new BigUint64Array(Array.from(values, (_, i) => BigInt(`0x${id}`) * BigInt(i + 1)));
    if (worker === 'P0') return random;
    const share = new BigUint64Array(values);
    decrease(share, random);
    return share;
  }
}

function json(value: unknown, status = 200): Reply {
  return { status, body: new Uint8Array(Buffer.from(JSON.stringify(value))) };
}
