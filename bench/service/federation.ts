/** Three `securenn party serve` on loopback, each a process with a folder of its own, HTTPS and links over TLS; members are clients of this process. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { NODE } from '../../src/random/node-primitives.ts';
import { FederationClient } from '../../src/client/federated/client.ts';
import { jobAnswer } from '../../src/client/federated/answers.ts';
import { httpsTransport, type HttpsTransport } from '../../src/client/federated/https.ts';
import { putData } from '../../src/client/federated/put.ts';
import { UploadState } from '../../src/client/federated/upload-state.ts';
import type { LabelledSet } from '../../src/client/federated/sharing.ts';
import type { Digest } from '../../src/federation/canonical.ts';
import { ROLES, type Role } from '../../src/federation/card.ts';
import type { DataReference, ServeDocument, TrainDocument } from '../../src/federation/documents.ts';
import { formatFederation, type Federation } from '../../src/federation/federation-file.ts';
import { Identity } from '../../src/federation/identity.ts';
import { writeIdentity } from '../../src/federation/secret-file.ts';
import type { Network } from '../../src/nn/network.ts';
import { JOB_VERSION } from '../../src/server/job.ts';
import type { JobState } from '../../src/service/jobs-api.ts';
import { admitEverywhere, jobsOf, makeParties, type Ports } from './parties.ts';

const HOST = '127.0.0.1';
const START_MS = 30_000;
/** A second, on every Linux of today. */
const CLOCK_TICKS = 100;
const HOUR_MS = 3_600_000;
/** The command as it is installed. */
export const COMMAND: string = fileURLToPath(new URL('../../../bin/securenn.js', import.meta.url));

export class ServedFederation {
  readonly folder: string;
  readonly federation: Federation;
  readonly ports: Readonly<Record<Role, Ports>>;
  /** Owner, analyst and client in one. */
  readonly member: FederationClient;
  /** Members besides, over connections of their own. */
  readonly clients: readonly FederationClient[];
  readonly #transports: readonly HttpsTransport[];
  readonly #processes: Map<Role, ChildProcess> = new Map();

  private constructor(
    folder: string,
    federation: Federation,
    ports: Readonly<Record<Role, Ports>>,
    identities: readonly Identity[],
  ) {
    [this.folder, this.federation, this.ports] = [folder, federation, ports];
    this.#transports = identities.map(() => httpsTransport(federation, () => undefined));
    const members = identities.map((identity, i) => {
      return new FederationClient({ primitives: NODE, federation, identity, transport: this.#transports[i].send });
    });
    [this.member, ...this.clients] = members as [FederationClient, ...FederationClient[]];
    process.on('exit', this.#kill);
  }

  /** Keys, cards, federation file, a member whose key is in `DIR/member.key`, and clients besides; nothing runs yet. */
  static async make(folder: string, clients = 0): Promise<ServedFederation> {
    const { federation, ports } = await makeParties(folder, {
      config: (role) => ({
        compute: { backend: 'wasm', workers: 1 },
        log: { level: 'info', file: join(folder, role, 'log') },
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
    const exit = once(child, 'exit');
    child.kill('SIGTERM');
    await exit;
    this.#processes.delete(role);
  }

  async close(): Promise<void> {
    for (const transport of this.#transports) transport.close();
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

  async put(name: string, set: LabelledSet, fractionBits: number): Promise<DataReference> {
    const { federation, id } = this.member;
    const state = new UploadState(federation.id, id, name, join(this.folder, 'uploads'));
    const { digest } = await putData(this.member, set, state, { name, fractionBits });
    return { owner: id, name, digest };
  }

  /** Of the member's own data, for itself. */
  training(network: Network, train: DataReference, changes: Partial<TrainDocument>): TrainDocument {
    return {
      ...{ ...this.#common(network), kind: 'train', train: [train], test: [], batch: 128 },
      ...{ loss: 'softmax', optimizer: 'sgd', learningRate: 2 ** -4, lrDecay: 1, lrDecayEpochs: 1, momentum: 0.9 },
      ...{ seed: 1, checkpointEvery: 10_000, keepModel: false, receiver: this.member.identity.public },
      reveal: { model: false, loss: false, counts: 'none' },
      ...changes,
    };
  }

  serving(network: Network, model: Digest, changes: Partial<ServeDocument>): ServeDocument {
    return {
      ...{ ...this.#common(network), kind: 'serve', model, clients: [this.member.id], reveal: 'class' },
      maxImages: 1_000_000,
      ...changes,
    };
  }

  #common(network: Network) {
    return {
      ...({ securenn: 'job', suite: 'direct', truncation: 'dealt' } as const),
      ...{
        version: JOB_VERSION,
        federation: this.federation.id,
        title: '',
        network,
        fractionBits: 16,
        compareBits: 33,
      },
      ...{ nonce: randomBytes(16).toString('hex'), expires: new Date(Date.now() + HOUR_MS).toISOString() },
    };
  }

  /** Until all three show one of these states. */
  async until(job: Digest, states: readonly JobState[]): Promise<void> {
    for (;;) {
      const views = await Promise.all(ROLES.map((role) => this.member.ask(role, 'GET', `/v1/jobs/${job}`, jobAnswer)));
      if (views.every(({ state }) => states.includes(state))) return;
      const ended = views.find(({ state }) => ['failed', 'cancelled', 'expired'].includes(state));
      if (ended !== undefined) throw new Error(`the job is ${ended.state}: ${ended.reason ?? ''}`);
      await sleep(100);
    }
  }

  /** The last resort, should this process end in a hurry. */
  readonly #kill = (): void => {
    for (const child of this.#processes.values()) child.kill('SIGKILL');
  };
}

/** KiB that a process has resident now, and had at the most since the last `forgetPeak`. */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? NaN);
  return { now: field('VmRSS'), peak: field('VmHWM') };
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

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
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
