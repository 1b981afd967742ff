/** Three parties as `party init` and `federation join` make them, served from this process; jobs are told what they shall answer. */
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll } from 'vitest';
import { byRole, makeParties } from '../../src/service/loopback.ts';
import type { Digest } from '../../src/federation/canonical.ts';
import type { MemberRole, Role } from '../../src/federation/card.ts';
import type { Federation } from '../../src/federation/federation-file.ts';
import type { Identity } from '../../src/federation/identity.ts';
import { admit, writeMembers, type Member } from '../../src/federation/members.ts';
import type { RequestToSign } from '../../src/federation/request-lines.ts';
import { signRequest } from '../../src/federation/request.ts';
import { createLog } from '../../src/server/log.ts';
import type { PartyName } from '../../src/server/ipc.ts';
import { JOB_STATES, type JobEvent, type JobState, type KnownJob, type ModelView } from '../../src/service/jobs-api.ts';
import type { DoorLimits } from '../../src/service/http/door.ts';
import { PartyService, type OpenedJobs, type SchedulerParts } from '../../src/service/service.ts';
import { temporaryFolder } from '../folder.ts';
import { sha256 } from './documents.ts';

/** A scheduler that does as it is told, and remembers what it was asked. */
export class FakeJobs implements OpenedJobs {
  readonly known: Map<Digest, KnownJob> = new Map();
  readonly asked: string[] = [];
  readonly taken: { readonly session: string; readonly head: Uint8Array }[] = [];
  shownModels: readonly ModelView[] = [];
  happened: readonly JobEvent[] = [];
  answer: Uint8Array = new Uint8Array([1, 2, 3]);
  waitsForPeers: (socket: Socket) => boolean = () => false;
  parts: SchedulerParts | undefined;
  onWithdrawn: () => Promise<void> = () => Promise.resolve();

  propose(job: KnownJob['job']): Promise<KnownJob['view']> {
    this.asked.push(`propose ${job.digest}`);
    return Promise.resolve(this.known.get(job.digest)?.view ?? viewOf(job, 'proposed'));
  }
  find(job: Digest): KnownJob | undefined {
    return this.known.get(job);
  }
  all(): Iterable<KnownJob> {
    return this.known.values();
  }
  reconsider(): void {
    this.asked.push('reconsider');
  }
  cancel(cancel: { readonly document: { readonly job: Digest } }): Promise<KnownJob['view']> {
    this.asked.push(`cancel ${cancel.document.job}`);
    return Promise.resolve(this.known.get(cancel.document.job)!.view);
  }
  async events(_job: Digest, from: number, signal: AbortSignal): Promise<readonly JobEvent[]> {
    if (from >= this.happened.length && !signal.aborted) await once(signal, 'abort');
    return this.happened.slice(from);
  }
  models(): readonly ModelView[] {
    return this.shownModels;
  }
  infer(job: Digest, id: string, _client: unknown, input: Uint8Array): Promise<Uint8Array> {
    this.asked.push(`infer ${job} ${id} ${input.length}`);
    return Promise.resolve(this.answer);
  }
  control(order: string, from: PartyName, body: unknown): Promise<object> {
    this.asked.push(`control ${order} ${from} ${JSON.stringify(body)}`);
    return Promise.resolve({ order });
  }
  async withdrawn(what: string, digest: Digest): Promise<readonly Digest[]> {
    this.asked.push(`withdrawn ${what} ${digest}`);
    await this.onWithdrawn();
    return this.shownModels.map(({ job }) => job);
  }
  takeLink(socket: Socket, session: string, head: Uint8Array): boolean {
    if (!this.waitsForPeers(socket)) return false;
    this.taken.push({ session, head });
    return true;
  }
  counts(): Readonly<Record<JobState, number>> {
    return Object.fromEntries(JOB_STATES.map((state) => [state, 0])) as Record<JobState, number>;
  }
  drain(): Promise<void> {
    this.asked.push('drain');
    return Promise.resolve();
  }
  kill(): void {
    this.asked.push('kill');
  }
  begin(): void {
    this.asked.push('begin');
  }
  close(): void {
    this.asked.push('close');
  }
}

export function viewOf(job: KnownJob['job'], state: JobState): KnownJob['view'] {
  return { job: job.digest, signed: job.signed, state, since: '2026-01-31T12:00:00.000Z', waitingFor: [], attempt: 0 };
}

const OFTEN = { perSecond: 100_000, burst: 100_000 };

const running = new Set<PartyService>();
afterAll(async () => {
  for (const service of running) await service.close();
});

export class TestParty {
  readonly role: Role;
  readonly folder: string;
  readonly lines: string[] = [];
  jobs: FakeJobs = new FakeJobs();
  /** A test asks more often than strangers may. */
  door: Partial<DoorLimits> = { rate: OFTEN, rateOfOneAddress: OFTEN };
  /** What happens while it starts, after it has read its files. */
  onOpening: () => Promise<void> = () => Promise.resolve();
  service: PartyService | undefined;

  constructor(role: Role, folder: string) {
    [this.role, this.folder] = [role, folder];
  }

  /** In a new life, with what is on the disk. */
  async start(now?: () => number): Promise<PartyService> {
    const log = createLog(this.role, 'debug', { write: (line) => void this.lines.push(line) });
    this.service = await PartyService.open({
      ...{ folder: this.folder, log, now, door: this.door },
      writeLine: (line) => void this.lines.push(line),
      openJobs: async (parts) => {
        this.jobs.parts = parts;
        await this.onOpening();
        return this.jobs;
      },
      onLost: () => undefined,
    });
    running.add(this.service);
    return this.service;
  }

  async stop(): Promise<void> {
    running.delete(this.service!);
    await this.service?.close();
  }

  get log(): string {
    return this.lines.join('');
  }
}

export interface TestFederation {
  readonly federation: Federation;
  readonly parties: Readonly<Record<Role, TestParty>>;
}

/** Folders of three parties that know each other; nothing runs yet. */
export async function makeFederation(): Promise<TestFederation> {
  const root = temporaryFolder('federation');
  const { federation } = await makeParties(root);
  return { federation, parties: byRole((role) => new TestParty(role, join(root, role))) };
}

export interface Person {
  readonly name: string;
  readonly identity: Identity;
  readonly roles?: readonly MemberRole[];
}

export async function admitAll({ folder }: TestParty, people: readonly Person[]): Promise<readonly Member[]> {
  const members = people.reduce<readonly Member[]>((before, { name, identity, roles }) => {
    const card = { securenn: 'member-card', version: 1, name, identity: identity.public } as const;
    return admit(before, card, roles ?? ['owner', 'analyst', 'client'], new Date());
  }, []);
  await writeMembers(join(folder, 'members.json'), members);
  return members;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
  /** Of a JSON answer. */
  readonly json: Readonly<Record<string, unknown>>;
}

export interface Call {
  readonly method?: string;
  readonly path: string;
  readonly body?: Uint8Array | object | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request over a connection of its own. */
export async function call(party: TestParty, { method = 'GET', path, body, headers = {} }: Call): Promise<Answer> {
  const bytes = bodyOf(body);
  const request = httpsRequest({
    ...{ host: '127.0.0.1', port: party.service!.ports.api, method, path, rejectUnauthorized: false, agent: false },
    headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(bytes.length) }) },
  });
  request.end(bytes);
  // An answer may come before the body is out, and the connection end with it.
  request.once('response', () => request.on('error', () => undefined));
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const parts: Buffer[] = [];
  for await (const part of response) parts.push(part as Buffer);
  const whole = Buffer.concat(parts);
  const isJson = response.headers['content-type']?.startsWith('application/json') === true;
  const json = (isJson ? JSON.parse(whole.toString('utf8')) : {}) as Record<string, unknown>;
  return { status: response.statusCode!, headers: response.headers, bytes: whole, json };
}

function bodyOf(body: Uint8Array | object | undefined): Uint8Array {
  if (body === undefined) return new Uint8Array();
  return body instanceof Uint8Array ? body : new TextEncoder().encode(JSON.stringify(body));
}

export async function instanceOf(party: TestParty): Promise<string> {
  return String((await call(party, { path: '/v1/hello' })).json.instance);
}

/** A request as its author signs it. @param change what a stranger does otherwise */
export async function ask(
  party: TestParty,
  identity: Identity,
  { method = 'GET', path, body }: Call,
  change: Partial<RequestToSign> = {},
): Promise<Answer> {
  const { service } = party;
  const authorization = signRequest(identity, {
    ...{ method, path, bodyDigest: sha256(bodyOf(body)), audience: service!.standing.identity().public },
    ...{ instance: change.instance ?? (await instanceOf(party)), ...change },
  });
  return call(party, { method, path, body, headers: { authorization } });
}

/** Writes what an operator, or a helper of a test, keeps in a party's folder. */
export function writeIn(party: TestParty, path: readonly string[], bytes: Uint8Array | string): void {
  mkdirSync(join(party.folder, ...path.slice(0, -1)), { recursive: true, mode: 0o700 });
  writeFileSync(join(party.folder, ...path), bytes);
}

export async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(50);
}
