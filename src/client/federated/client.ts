/**
 * A person's end of a federation: signed requests to the three parties, answers checked before use. Each party is asked by itself; nothing of what
 * one says is taken for what the others would say (`everywhere`).
 *
 * A request is signed for one party in one of its lives (the `instance` of its hello) and one moment by that party's clock; so a clock that is
 * wrong here keeps nobody out, and a request that was heard on the way cannot be made again.
 */
import * as z from 'zod';
import { Problem } from '../../data/problem.ts';
import { FEDERATION_PROTOCOL } from '../../federation/card.ts';
import type { Federation } from '../../federation/federation-file.ts';
import type { Id, Signer } from '../../federation/public-identity.ts';
import { headerOf, linesOf, NO_BODY, NONCE_BYTES, REQUEST } from '../../federation/request-lines.ts';
import { openBy, sealBy, sealQuestionBy, type SealedQuestion } from '../../federation/sealing.ts';
import type { Primitives } from '../../random/primitives.ts';
import { toHex, utf8 } from '../../random/text.ts';
import { PARTIES, type PartyName } from '../parties.ts';
import { pause, waitFor } from './aborting.ts';
import { Refused, type Reply, type Request, type Transport, Unreachable } from './transport.ts';

const hello = z.object({ protocol: z.number(), instance: z.string().max(128), time: z.number() });
const refusal = z.object({ error: z.string().max(2000), fix: z.string().max(2000) });

interface Life {
  readonly instance: string;
  /** Its clock less ours, in milliseconds. */
  readonly ahead: number;
}

/** Keys that this person had before: what was sealed to them still opens. */
export interface EarlierKeys {
  readonly ids: readonly Id[];
  readonly open: () => Promise<readonly Signer[]>;
}

export interface ClientOptions {
  readonly federation: Federation;
  readonly identity: Signer;
  readonly primitives: Primitives;
  readonly earlier?: EarlierKeys | undefined;
  readonly transport: Transport;
  /** What the person should know but need not act on; each is told once. */
  readonly onNote?: ((text: string) => void) | undefined;
  /** How long a party that cannot be reached is tried again. */
  readonly patienceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface Asked {
  readonly body?: Uint8Array | object | undefined;
  /** SHA-256 of a body of bytes, where it is known already. */
  readonly digest?: string | undefined;
  readonly maxBytes?: number | undefined;
  readonly idleMs?: number | undefined;
  readonly patienceMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What is known of the parties, and was said of them. */
interface Known {
  readonly lives: Map<PartyName, Promise<Life>>;
  readonly ahead: Map<PartyName, number>;
  readonly noted: Set<string>;
  /** Waited for in vain: for the next thing they are not waited for again, unless that says how long. */
  readonly away: Set<PartyName>;
  /** Of the connection: what is found out is for every caller, so no single one's ends it. */
  readonly signal: AbortSignal | undefined;
  /** Why nothing is asked any more. */
  ended?: Error | undefined;
}

function nothingKnown(signal: AbortSignal | undefined): Known {
  return { lives: new Map(), ahead: new Map(), noted: new Set(), away: new Set(), signal };
}

const IDLE_MS = 60_000;
const MAXIMUM_ANSWER = 64 * 2 ** 20;
const PATIENCE_MS = 3000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 5000;
/** Beyond this a person is told that the clocks differ. */
const CLOCK_MS = 60_000;
/** Refusals that pass: too many requests, restarting. */
const PASSING = [429, 502, 503, 504];

/** What each party answered, or why it did not. */
export class Everywhere<T> {
  readonly answers: ReadonlyMap<PartyName, T>;
  readonly failures: ReadonlyMap<PartyName, Error>;

  constructor(answers: ReadonlyMap<PartyName, T>, failures: ReadonlyMap<PartyName, Error>) {
    this.answers = answers;
    this.failures = failures;
  }

  /** All three answers, or the first failure; what it says ends with where the thing was done all the same. */
  all(done: string): Readonly<Record<PartyName, T>> {
    const failure = [...this.failures.values()][0];
    if (failure === undefined) return Object.fromEntries(this.answers) as Record<PartyName, T>;
    throw partly(failure, this.failures, [...this.answers.keys()], done);
  }

  /** At least one answer; every failure is told as a note. */
  some(onNote: (text: string) => void, lacking: string): ReadonlyMap<PartyName, T> {
    if (this.answers.size === 0) throw [...this.failures.values()][0];
    for (const error of this.failures.values()) onNote(`${error.message}: ${lacking}`);
    return this.answers;
  }
}

function partly(
  failure: Error,
  failures: ReadonlyMap<PartyName, Error>,
  there: readonly PartyName[],
  done: string,
): Error {
  if (there.length === 0 || !(failure instanceof Problem)) return failure;
  const others = [...failures.values()].slice(1).map((error) => `; ${error.message}`);
  const what = `${failure.message}${others.join('')}; ${done} at ${there.join(' and ')}`;
  const harmless = 'it does no harm where it is done';
  return new Problem(what, `${failure.fix}; then run the same command again: ${harmless}`, {
    fixInCode: `${failure.fix}; then call it again: ${harmless}`,
  });
}

export class FederationClient {
  readonly federation: Federation;
  readonly identity: Signer;
  /** The cryptography that is here. */
  readonly primitives: Primitives;
  readonly onNote: (text: string) => void;
  readonly #earlier: EarlierKeys | undefined;
  readonly #transport: Transport;
  readonly #patienceMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #options: ClientOptions;
  readonly #known: Known;

  /** @param known of the parties already */
  constructor(options: ClientOptions, known: Known = nothingKnown(options.signal)) {
    const { federation, identity, primitives, earlier, transport, onNote, patienceMs, signal } = options;
    [this.#options, this.#known] = [options, known];
    this.federation = federation;
    this.identity = identity;
    this.primitives = primitives;
    this.#earlier = earlier;
    this.#transport = transport;
    this.#patienceMs = patienceMs ?? PATIENCE_MS;
    this.#signal = signal;
    this.onNote = (text) => {
      if (this.#known.noted.has(text)) return;
      this.#known.noted.add(text);
      onNote?.(text);
    };
  }

  /** The same, for as long as the signal lets it. */
  until(signal: AbortSignal): FederationClient {
    const both = this.#signal === undefined ? signal : AbortSignal.any([this.#signal, signal]);
    return new FederationClient({ ...this.#options, signal: both }, this.#known);
  }

  /** Throws the reason for which nothing more is sent, if there is one. */
  checkOpen(): void {
    if (this.#known.ended !== undefined) throw this.#known.ended;
    this.#signal?.throwIfAborted();
  }

  /** Nothing is asked any more; what is under way fails as its transport closes. */
  end(reason: Error): void {
    this.#known.ended ??= reason;
  }

  get id(): Id {
    return this.identity.id;
  }

  /** Whether this is a key that we have: the present one, or one before it. */
  holds(id: Id): boolean {
    return id === this.id || this.#earlier?.ids.includes(id) === true;
  }

  /** What was sealed to us, to whichever of our keys; undefined: to somebody else, or for something else. */
  async openSealed(info: string, sealed: Uint8Array): Promise<Uint8Array | undefined> {
    const opened = await openBy(this.primitives, this.identity, info, sealed);
    if (opened !== undefined) return opened;
    for (const identity of (await this.#earlier?.open()) ?? []) {
      const found = await openBy(this.primitives, identity, info, sealed);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** What this party alone shall read. */
  sealTo(party: PartyName, info: string, bytes: Uint8Array): Promise<Uint8Array> {
    return sealBy(this.primitives, this.federation.parties[party].identity, info, bytes);
  }

  /** The same of something to which the party answers us alone. */
  sealQuestion(party: PartyName, info: string, bytes: Uint8Array): Promise<SealedQuestion> {
    return sealQuestionBy(this.primitives, this.federation.parties[party].identity, info, bytes);
  }

  /** The moment by the parties' clocks: what documents carry. */
  now(): Date {
    const ahead = [...this.#known.ahead.values()].sort((a, b) => a - b);
    return new Date(Date.now() + (ahead.length === 0 ? 0 : ahead[ahead.length >> 1]));
  }

  /** Whether it answers, and speaks as this program does. */
  async greet(party: PartyName): Promise<void> {
    await this.#life(party, this.#signal);
  }

  /** JSON in, JSON out, checked. */
  async ask<T>(
    party: PartyName,
    method: Request['method'],
    path: string,
    schema: z.ZodType<T>,
    asked: Asked = {},
  ): Promise<T> {
    const { body } = await this.bytes(party, method, path, asked);
    const parsed = schema.safeParse(parse(body));
    if (parsed.success) return parsed.data;
    const { path: place, message } = parsed.error.issues[0];
    throw new Problem(
      `${party}: its answer to ${method} ${path} is not what it should be: ${place.join('.')}: ${message}`,
      'ask its operator which version it runs; this program and the parties should have the same',
    );
  }

  /** The answer as it comes. Waits for a party that cannot be reached while patience lasts. */
  async bytes(party: PartyName, method: Request['method'], path: string, asked: Asked = {}): Promise<Reply> {
    const until = Date.now() + (asked.patienceMs ?? (this.#known.away.has(party) ? 0 : this.#patienceMs));
    const signals = [this.#signal, asked.signal].filter((signal) => signal !== undefined);
    const signal = signals.length > 1 ? AbortSignal.any(signals) : signals[0];
    let pausing = FIRST_PAUSE_MS;
    for (let renewed = false, reopened = false; ;) {
      this.checkOpen();
      signal?.throwIfAborted();
      let passing: Error;
      let wait: number | undefined;
      try {
        const reply = await this.#once(party, method, path, asked, signal);
        this.#known.away.delete(party);
        if (reply.status < 300) return reply;
        const refused = refusedBy(party, reply);
        if (reply.status === 401 && !renewed) {
          // It may have begun a new life since its hello.
          renewed = true;
          this.#known.lives.delete(party);
          continue;
        }
        if (!PASSING.includes(reply.status)) throw refused;
        passing = refused;
        wait = reply.retryAfterMs;
      } catch (error) {
        if (!(error instanceof Unreachable)) throw error;
        this.checkOpen();
        if (error.stale && !reopened) {
          reopened = true;
          continue;
        }
        this.#known.lives.delete(party);
        passing = error;
      }
      const rest = wait ?? pausing;
      if (Date.now() + rest > until) {
        if (passing instanceof Unreachable) this.#known.away.add(party);
        throw passing;
      }
      await pause(rest, signal);
      pausing = Math.min(2 * pausing, LONGEST_PAUSE_MS);
    }
  }

  /** Asks all three at once. */
  async everywhere<T>(
    ask: (party: PartyName) => Promise<T>,
    parties: readonly PartyName[] = PARTIES,
  ): Promise<Everywhere<T>> {
    const settled = await Promise.allSettled(parties.map(ask));
    this.#signal?.throwIfAborted();
    const answers = new Map<PartyName, T>();
    const failures = new Map<PartyName, Error>();
    settled.forEach((each, i) => {
      if (each.status === 'fulfilled') answers.set(parties[i], each.value);
      else failures.set(parties[i], each.reason as Error);
    });
    return new Everywhere(answers, failures);
  }

  async #once(
    party: PartyName,
    method: Request['method'],
    path: string,
    { body, digest, maxBytes = MAXIMUM_ANSWER, idleMs = IDLE_MS }: Asked,
    signal: AbortSignal | undefined,
  ): Promise<Reply> {
    const { instance, ahead } = await this.#life(party, signal);
    const raw = body instanceof Uint8Array;
    const bytes = raw ? body : body === undefined ? new Uint8Array() : utf8(JSON.stringify(body));
    const request = {
      method,
      path,
      bodyDigest: (raw ? digest : undefined) ?? (await this.#digestOf(bytes)),
      audience: this.federation.parties[party].identity,
      instance,
      time: Date.now() + ahead,
      nonce: toHex(this.primitives.randomBytes(NONCE_BYTES)),
    };
    const { identity } = this;
    const authorization = headerOf(identity.id, request, await identity.sign(REQUEST, linesOf(request)));
    const type = raw ? 'application/octet-stream' : 'application/json';
    // Who serves anyone may not know us.
    const key = identity.public.sign + identity.public.seal;
    const headers = {
      authorization,
      ...(path.startsWith('/v1/sessions') && { 'securenn-identity': key }),
      ...(body === undefined ? {} : { 'content-type': type }),
    };
    const sent = method === 'GET' ? undefined : bytes;
    return this.#transport(party, { method, path, headers, body: sent, idleMs, maxBytes, signal });
  }

  async #digestOf(body: Uint8Array): Promise<string> {
    return body.length === 0 ? NO_BODY : toHex(await this.primitives.sha256(body));
  }

  /** Asked for once in a life of the party. */
  #life(party: PartyName, signal: AbortSignal | undefined): Promise<Life> {
    const known = this.#known.lives.get(party);
    // The connection's own ends the hello itself.
    const mine = signal === this.#known.signal ? undefined : signal;
    if (known !== undefined) return waitFor(known, mine);
    const life = this.#hello(party, this.#known.signal);
    this.#known.lives.set(party, life);
    life.catch(() => this.#known.lives.delete(party));
    return waitFor(life, mine);
  }

  async #hello(party: PartyName, signal: AbortSignal | undefined): Promise<Life> {
    const before = Date.now();
    const request = { method: 'GET', path: `/v1/hello`, headers: {}, idleMs: IDLE_MS, maxBytes: 4096, signal } as const;
    const reply = await this.#transport(party, request);
    if (reply.status >= 300) throw PASSING.includes(reply.status) ? this.#busy(party) : refusedBy(party, reply);
    const parsed = hello.safeParse(parse(reply.body));
    if (!parsed.success) {
      const where = this.federation.parties[party].address;
      throw new Problem(
        `${party} (${where}): what answers there is no party of securenn`,
        'see that its address is right',
      );
    }
    const { protocol, instance, time } = parsed.data;
    if (protocol !== FEDERATION_PROTOCOL) {
      const fix = `bring ${protocol > FEDERATION_PROTOCOL ? 'this program' : 'the party'} up to date`;
      throw new Problem(
        `${party} speaks version ${protocol} of the interface, this program version ${FEDERATION_PROTOCOL}`,
        fix,
      );
    }
    const ahead = Math.round(time - (before + Date.now()) / 2);
    this.#known.ahead.set(party, ahead);
    if (Math.abs(ahead) > CLOCK_MS) {
      const minutes = Math.round(Math.abs(ahead) / 60_000);
      this.onNote(
        `the clock of this machine is ${minutes} min ${ahead > 0 ? 'behind' : 'ahead of'} that of ${party}, which is gone by: set it (timedatectl set-ntp true)`,
      );
    }
    return { instance, ahead };
  }

  #busy(party: PartyName): Unreachable {
    const { address } = this.federation.parties[party];
    return new Unreachable(party, address, 'it is busy or restarting', 'run it again later');
  }
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

function refusedBy(party: PartyName, { status, body }: Reply): Refused {
  const said = refusal.safeParse(parse(body));
  if (said.success) return new Refused(party, status, printable(said.data.error), printable(said.data.fix));
  return new Refused(party, status, `refused with status ${status}`, 'ask its operator; its log says why');
}

/** A party's words on a terminal: no control characters. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ');
}
