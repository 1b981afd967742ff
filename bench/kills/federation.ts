/**
 * A federation on loopback as it is in service, for tests and benchmarks: three `securenn party serve`, each a process with a folder of its own, HTTPS
 * and links over TLS; two owners and an analyst, who are clients in this process. Links pass through lines that can break.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FederationClient } from '../../src/client/federated/client.ts';
import { jobAnswer } from '../../src/client/federated/answers.ts';
import type { JobView } from '../../src/federation/views.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import type { Digest } from '../../src/federation/canonical.ts';
import { ROLES, type Role } from '../../src/federation/card.ts';
import type { DataReference } from '../../src/federation/documents.ts';
import type { Federation } from '../../src/federation/federation-file.ts';
import { Identity } from '../../src/federation/identity.ts';
import { readConfig } from '../../src/service/config.ts';
import type { JobState } from '../../src/service/jobs-api.ts';
import { admitEverywhere, makeParties } from '../../src/service/loopback.ts';
import { LoopbackMember } from '../../src/service/loopback-member.ts';
import { commandOf, jobsOf, peakOf } from '../service/job-processes.ts';
import { Line } from '../service/line.ts';

const START_SECONDS = 120;
/** Parties come back meanwhile. */
const CLIENT_PATIENCE_MS = 60_000;

export type Person = 'owner-0' | 'owner-1' | 'analyst';
export const PERSONS: readonly Person[] = ['owner-0', 'owner-1', 'analyst'];

export interface FederationSettings {
  readonly folder: string;
  /** The program: `src/cli/main.js` of a build. */
  readonly main: string;
  readonly linkSeconds?: number;
  readonly partySeconds?: number;
  readonly stepSeconds?: number;
  readonly workers?: number;
  /** Of each party. */
  readonly ranks?: number;
  /** What else parties say in party.json. */
  readonly limits?: Readonly<Record<string, number>>;
  /** What services find in their environment besides. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
}

export class LiveFederation {
  readonly folder: string;
  readonly federation: Federation;
  readonly clients: Readonly<Record<Person, FederationClient>>;
  /** A service has ended that was not told to. @param how its exit code or signal */
  onEnd: (role: Role, how: string) => void = () => undefined;
  readonly #lines: Readonly<Record<Role, Line>>;
  readonly #processes: Partial<Record<Role, ChildProcess>> = {};
  readonly #members: ReadonlyMap<Person, LoopbackMember>;
  readonly #said: Record<Role, string> = { P0: '', P1: '', P2: '' };
  readonly #main: string;
  readonly #environment: Readonly<Record<string, string>>;

  private constructor(
    { folder, main, environment = {} }: FederationSettings,
    federation: Federation,
    people: ReadonlyMap<Person, Identity>,
    lines: readonly Line[],
  ) {
    [this.folder, this.federation, this.#main, this.#environment] = [folder, federation, main, environment];
    const [P0, P1, P2] = lines;
    this.#lines = { P0, P1, P2 };
    this.#members = new Map(
      [...people].map(([name, identity]) => [name, new LoopbackMember(federation, identity, CLIENT_PATIENCE_MS)]),
    );
    const clients = [...this.#members].map(([name, { client }]) => [name, client]);
    this.clients = Object.fromEntries(clients) as Record<Person, FederationClient>;
  }

  /** Keys, cards, federation file, members; nothing runs yet. */
  static async make(settings: FederationSettings): Promise<LiveFederation> {
    const { folder, linkSeconds = 20, partySeconds = 120, stepSeconds = 60 } = settings;
    const { workers = 1, ranks = 1, limits = {} } = settings;
    const lines = ROLES.map(() => new Line());
    const { federation } = await makeParties(folder, {
      linksPort: async (role, port) => {
        const line = lines[ROLES.indexOf(role)];
        await line.open(port);
        return line.port;
      },
      config: (role) => ({
        patience: { linkSeconds, partySeconds, stepSeconds },
        ...{
          compute: { backend: 'wasm', workers },
          ranks,
          limits,
          log: { level: 'info', file: join(folder, role, 'log') },
        },
      }),
    });
    const people = new Map(PERSONS.map((name) => [name, Identity.generate()]));
    await admitEverywhere(folder, people);
    return new LiveFederation(settings, federation, people, lines);
  }

  /** Resolves when it answers. */
  async start(...roles: readonly Role[]): Promise<void> {
    await Promise.all(roles.map((role) => this.#start(role)));
  }

  /** By SIGKILL: the service alone, whose job processes see that it is gone, or all of its group at once. */
  async kill(role: Role, what: 'service' | 'all' = 'service'): Promise<void> {
    const child = this.#processes[role];
    delete this.#processes[role];
    if (child === undefined || hasEnded(child)) return;
    const exit = once(child, 'exit');
    if (what === 'all') process.kill(-child.pid!, 'SIGKILL');
    else child.kill('SIGKILL');
    await exit;
  }

  /** All that parties keep, as it is while none runs. */
  copyTo(folder: string): void {
    for (const role of ROLES) cpSync(join(this.folder, role), join(folder, role), { recursive: true });
  }

  /** As `copyTo` left it, whatever has happened since. Nothing runs afterwards. */
  async putBack(folder: string): Promise<void> {
    for (const role of ROLES) {
      await this.kill(role);
      rmSync(join(this.folder, role), { recursive: true });
      cpSync(join(folder, role), join(this.folder, role), { recursive: true });
    }
  }

  /** @returns how many there were */
  killJobs(role: Role): number {
    const jobs = jobsOf(this.#processes[role]!.pid!);
    for (const pid of jobs) process.kill(pid, 'SIGKILL');
    return jobs.length;
  }

  /** A rank of the attempt under way; 0 is the job's process. @returns whether there was one */
  killRank(role: Role, rank: number): boolean {
    const children = jobsOf(this.#processes[role]!.pid!);
    const name = rank === 0 ? role : `${role}.${rank}`;
    const pid = children.find((each) => commandOf(each).at(-1) === name);
    if (pid !== undefined) process.kill(pid, 'SIGKILL');
    return pid !== undefined;
  }

  /** Of each process of the attempt under way: its party, or `PARTY.RANK`, and the largest resident set that it has had, in MiB. */
  peaks(role: Role): (readonly [name: string, mebibytes: number])[] {
    return jobsOf(this.#processes[role]!.pid!).map((pid) => [commandOf(pid).at(-1) ?? '', peakOf(pid)]);
  }

  /** By SIGTERM, and by a second one once it has said that it is draining. @returns the exit code */
  async stop(role: Role, { twice = false }: { readonly twice?: boolean } = {}): Promise<number | null> {
    const child = this.#processes[role]!;
    const exit = once(child, 'exit') as Promise<[number | null]>;
    child.kill('SIGTERM');
    if (twice) {
      while (!this.#said[role].includes('draining')) await sleep(20);
      child.kill('SIGTERM');
    }
    const [code] = await exit;
    delete this.#processes[role];
    return code;
  }

  /** All processes of a party stand still until `resume`, as those of a machine that hangs. */
  pause(role: Role): void {
    process.kill(-this.#processes[role]!.pid!, 'SIGSTOP');
  }

  resume(role: Role): void {
    process.kill(-this.#processes[role]!.pid!, 'SIGCONT');
  }

  /** What Prometheus would read. */
  async metrics(role: Role): Promise<string> {
    const { private: own } = await readConfig(join(this.folder, role));
    return (await fetch(`http://${own.host}:${own.port}/metrics`)).text();
  }

  /** Links that end at this party break, and cannot be made, for so long. */
  cut(role: Role, seconds: number): void {
    this.#lines[role].cut(seconds);
  }

  put(owner: Person, name: string, data: Dataset, fractionBits: number): Promise<DataReference> {
    const { trainImages: images, trainLabels: labels, rows, columns, channels, classes, scaling } = data;
    const set = { images, labels, count: labels.length, rows, columns, channels, classes, scaling };
    return this.#members.get(owner)!.put(name, set, fractionBits, join(this.folder, 'clients'));
  }

  async view(role: Role, job: Digest): Promise<JobView> {
    return this.clients.analyst.ask(role, 'GET', `/v1/jobs/${job}`, jobAnswer);
  }

  /** Until these parties show one of these states. */
  async until(
    job: Digest,
    states: readonly JobState[],
    { roles = ROLES, seconds = 300 }: { readonly roles?: readonly Role[]; readonly seconds?: number } = {},
  ): Promise<void> {
    const end = Date.now() + 1000 * seconds;
    for (;;) {
      const views = await Promise.all(roles.map((role) => this.view(role, job)));
      if (views.every(({ state }) => states.includes(state))) return;
      if (Date.now() > end) {
        const said = views.map(({ state, reason }, i) => `${roles[i]}: ${state} ${reason ?? ''}`);
        throw new Error(said.join('; '));
      }
      await sleep(100);
    }
  }

  async untilStep(role: Role, job: Digest, step: number, seconds = 300): Promise<void> {
    const end = Date.now() + 1000 * seconds;
    for (;;) {
      const view = await this.view(role, job);
      if ((view.step ?? 0) >= step) return;
      if (Date.now() > end) throw new Error(`step ${step} does not come: ${view.state} ${view.reason ?? ''}`);
      await sleep(50);
    }
  }

  async close(): Promise<void> {
    for (const role of ROLES) {
      await this.kill(role);
      this.#lines[role].close();
    }
    for (const member of this.#members.values()) member.close();
  }

  async #start(role: Role): Promise<void> {
    const dir = join(this.folder, role);
    const child = spawn(process.execPath, [this.#main, 'party', 'serve', '--dir', dir], {
      env: { ...process.env, ...this.#environment },
      stdio: ['ignore', 'pipe', 'pipe'],
      // A group of its own: a machine that loses power takes job processes with it.
      detached: true,
    });
    // Nothing of it outlives this process.
    const end = (): void => void child.kill('SIGKILL');
    process.on('exit', end);
    child.on('exit', (code, signal) => {
      process.off('exit', end);
      if (this.#processes[role] === child) this.onEnd(role, String(code ?? signal));
    });
    this.#processes[role] = child;
    for (const stream of [child.stdout, child.stderr])
      stream
        .setEncoding('utf8')
        .on('data', (text: string) => (this.#said[role] = (this.#said[role] + text).slice(-4000)));
    this.#said[role] = '';
    const late = Date.now() + 1000 * START_SECONDS;
    while (!this.#said[role].includes('  log ')) {
      if (hasEnded(child) || Date.now() > late) throw new Error(`${role} does not start: ${this.#said[role]}`);
      await sleep(20);
    }
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}
