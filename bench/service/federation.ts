/** Three `securenn party serve` on loopback, each a process with a folder of its own, HTTPS and links over TLS; members are clients of this process. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { get } from 'node:http';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { FederationClient } from '../../src/client/federated/client.ts';
import type { LabelledSet } from '../../src/client/federated/sharing.ts';
import type { Digest } from '../../src/federation/canonical.ts';
import type { Role } from '../../src/federation/card.ts';
import type { DataReference, JobDocument, ServeDocument, TrainDocument } from '../../src/federation/documents.ts';
import { formatFederation, type Federation } from '../../src/federation/federation-file.ts';
import { Identity } from '../../src/federation/identity.ts';
import { writeIdentity } from '../../src/federation/secret-file.ts';
import type { Network } from '../../src/nn/network.ts';
import type { JobState } from '../../src/service/jobs-api.ts';
import { admitEverywhere, makeParties, type PartiesOptions, type Ports } from '../../src/service/loopback.ts';
import { LoopbackMember } from '../../src/service/loopback-member.ts';
import { jobsOf } from './job-processes.ts';

const HOST = '127.0.0.1';
const START_MS = 30_000;
/** A second, on every Linux of today. */
const CLOCK_TICKS = 100;
/** The command as it is installed: this runs from dist/, or from the sources in a test. */
export const COMMAND: string = ['../../../', '../../']
  .map((root) => fileURLToPath(new URL(`${root}bin/securenn.js`, import.meta.url)))
  .find((path) => existsSync(path))!;

export class ServedFederation {
  readonly folder: string;
  readonly federation: Federation;
  readonly ports: Readonly<Record<Role, Ports>>;
  /** Owner, analyst and client in one. */
  readonly member: FederationClient;
  /** Members besides, over connections of their own. */
  readonly clients: readonly FederationClient[];
  readonly #members: readonly [LoopbackMember, ...LoopbackMember[]];
  readonly #processes: Map<Role, ChildProcess> = new Map();

  private constructor(
    folder: string,
    federation: Federation,
    ports: Readonly<Record<Role, Ports>>,
    identities: readonly Identity[],
  ) {
    [this.folder, this.federation, this.ports] = [folder, federation, ports];
    this.#members = identities.map((identity) => new LoopbackMember(federation, identity)) as [
      LoopbackMember,
      ...LoopbackMember[],
    ];
    [this.member, ...this.clients] = this.#members.map(({ client }) => client) as [
      FederationClient,
      ...FederationClient[],
    ];
    process.on('exit', this.#kill);
  }

  /**
   * Keys, cards, federation file, a member whose key is in `DIR/member.key`, and clients besides; nothing runs yet.
   * @param settings of party.json besides
   * @param places where others find the parties, if not at their ports
   */
  static async make(
    folder: string,
    clients = 0,
    settings: Readonly<Record<string, unknown>> = {},
    places: Pick<PartiesOptions, 'addressPort' | 'linksPort'> = {},
  ): Promise<ServedFederation> {
    const { federation, ports } = await makeParties(folder, {
      ...places,
      config: (role) => ({
        compute: { backend: 'wasm', workers: 1 },
        log: { level: 'info', file: join(folder, role, 'log') },
        ...settings,
      }),
    });
    const identity = Identity.generate();
    const others = Array.from({ length: clients }, () => Identity.generate());
    await admitEverywhere(folder, [['member', identity], ...others.map((each, i) => [`client-${i}`, each] as const)]);
    await writeFile(join(folder, 'federation.json'), formatFederation(federation));
    await writeIdentity(join(folder, 'member.key'), identity, undefined);
    return new ServedFederation(folder, federation, ports, [identity, ...others]);
  }

  /** @returns milliseconds until the private port says that it is ready */
  async start(role: Role): Promise<number> {
    const began = performance.now();
    const child = spawn(process.execPath, [COMMAND, 'party', 'serve', '--dir', join(this.folder, role)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#processes.set(role, child);
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-2000)));
    while (!(await isReady(this.ports[role].private))) {
      if (child.exitCode !== null || performance.now() - began > START_MS) throw new Error(`${role}: ${said}`);
      await sleep(5);
    }
    return performance.now() - began;
  }

  async stop(role: Role): Promise<void> {
    const child = this.#processes.get(role)!;
    // One that never came up is gone already.
    if (child.exitCode === null && child.signalCode === null) {
      const exit = once(child, 'exit');
      child.kill('SIGTERM');
      await exit;
    }
    this.#processes.delete(role);
  }

  async close(): Promise<void> {
    for (const member of this.#members) member.close();
    for (const role of [...this.#processes.keys()]) await this.stop(role);
    process.off('exit', this.#kill);
  }

  /** Of the service, then of its job processes. */
  pids(role: Role): readonly number[] {
    const { pid } = this.#processes.get(role)!;
    return [pid!, ...jobsOf(pid!)];
  }

  async metrics(role: Role): Promise<string> {
    return (await fetch(`http://${HOST}:${this.ports[role].private}/metrics`)).text();
  }

  log(role: Role): Promise<string> {
    return readFile(join(this.folder, role, 'log'), 'utf8');
  }

  put(name: string, set: LabelledSet, fractionBits: number): Promise<DataReference> {
    return this.#members[0].put(name, set, fractionBits, join(this.folder, 'uploads'));
  }

  /** Of the member's own data, for itself. */
  training(network: Network, train: DataReference, changes: Partial<TrainDocument>): TrainDocument {
    return this.#members[0].training(network, train, changes);
  }

  serving(network: Network, model: Digest, changes: Partial<ServeDocument>): ServeDocument {
    return this.#members[0].serving(network, model, changes);
  }

  /** Proposed and approved by the member alone, whose data and model it is. */
  run(document: JobDocument): Promise<Digest> {
    return this.#members[0].run(document);
  }

  /** Until all three show one of these states. */
  until(job: Digest, states: readonly JobState[]): Promise<void> {
    return this.#members[0].until(job, states);
  }

  /** The last resort, should this process end in a hurry. */
  readonly #kill = (): void => {
    for (const child of this.#processes.values()) child.kill('SIGKILL');
  };
}

/** Seconds of a core that a process has used. */
export function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS;
}

/** From here on the peak is counted anew. */
export async function forgetPeak(pid: number): Promise<void> {
  await writeFile(`/proc/${pid}/clear_refs`, '5');
}

function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host: HOST, port, path: '/ready', agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    request.on('error', () => resolve(false));
  });
}
