/**
 * Three schedulers in this process, each with job processes of its own (from dist), links over TLS on loopback, and control messages passed by hand:
 * what a federation does about jobs, without its HTTPS. A party can be killed and started again on its folder.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { Line } from '../../../bench/service/line.ts';
import { sessionIn } from '../../../src/channel/client-hello.ts';
import type { Dataset } from '../../../src/data/dataset.ts';
import {
  cancelDocument,
  dataDocument,
  decisionDocument,
  jobDocument,
  type CancelDocument,
  type DataDocument,
  type DataReference,
  type DecisionDocument,
  type JobDocument,
} from '../../../src/federation/documents.ts';
import { Identity } from '../../../src/federation/identity.ts';
import { openWith } from '../../../src/federation/sealed.ts';
import { signDocument } from '../../../src/federation/signed.ts';
import { add } from '../../../src/ring/z64.ts';
import { PARTY_NAMES, type PartyName } from '../../../src/server/ipc.ts';
import { createLog, type Logger } from '../../../src/server/log.ts';
import type { Audit, ControlOrder, DataSets, JobState, Received, StoredData } from '../../../src/service/jobs-api.ts';
import type { Disk, JobProcess, Launch, RankPool, SchedulerOptions } from '../../../src/service/jobs/ports.ts';
import type * as processes from '../../../src/service/jobs/processes.ts';
import { Scheduler } from '../../../src/service/jobs/scheduler.ts';
import { receive } from '../../../src/service/received.ts';
import { DecisionStore } from '../../../src/service/store/decisions.ts';
import { GrantStore } from '../../../src/service/store/grants.ts';
import { DISK, type StoreFiles } from '../../../src/service/store/store-files.ts';
import { importBuilt } from '../../built.ts';
import { tlsOf } from '../../channel/certificates.ts';
import { ofEach, storeData, type OfEach } from '../../federated.ts';
import { FEDERATION, hex } from '../../federation/world.ts';
import { IDENTITIES, rollOf } from './simulation.ts';

const HOST = '127.0.0.1';

export class AuditLines implements Audit {
  readonly lines: string[] = [];

  append(event: string, facts: object): Promise<void> {
    this.lines.push(`${event} ${JSON.stringify(facts)}`);
    return Promise.resolve();
  }
}

interface Running {
  readonly scheduler: Scheduler;
  readonly decisions: DecisionStore;
  readonly grants: GrantStore;
}

export class Three {
  readonly folder: string;
  readonly analyst: Identity = Identity.generate();
  readonly owners: readonly Identity[] = [Identity.generate(), Identity.generate()];
  readonly audits: OfEach<AuditLines> = ofEach(() => new AuditLines());
  memoryBytes: number = 8 * 2 ** 30;
  readonly disks: Partial<Record<PartyName, Disk>> = {};
  readonly ranks: Partial<Record<PartyName, RankPool>> = {};
  /** What each party's metrics were told. */
  readonly figures: OfEach<string[]> = ofEach(() => []);
  readonly revoked: Set<string> = new Set();
  readonly patience = { linkSeconds: 20, partySeconds: 60, stepSeconds: 60 };
  /** What crosses between parties, to be lost or changed: undefined, lost. */
  onMessage: (from: PartyName, to: PartyName, order: ControlOrder, body: object) => object | undefined = (
    ...[, , , body]
  ) => body;
  /** In place of real job processes. */
  launch: Launch | undefined;
  /** Of each party's stores and records. */
  files: OfEach<StoreFiles> = ofEach(() => DISK);
  openAudit: (party: PartyName) => Promise<Audit> = (party) => Promise.resolve(this.audits[party]);
  onLine: (party: PartyName, line: string) => void = () => undefined;
  readonly #sets: Map<
    string,
    { readonly data: Received<DataDocument>; readonly stored: ReturnType<typeof storeData> }
  > = new Map();
  readonly #parties: Partial<Record<PartyName, Running>> = {};
  /** Of each party that is up: what belongs to an earlier one neither writes nor speaks. */
  readonly #lives: Partial<Record<PartyName, symbol>> = {};
  readonly #servers: OfEach<Server>;
  readonly #lines: OfEach<Line> = ofEach(() => new Line());
  readonly #processes: Partial<Record<PartyName, JobProcess>> = {};
  readonly #storageKeys: OfEach<Uint8Array> = ofEach((_, id) => new Uint8Array(32).fill(id + 1));

  private constructor(folder: string) {
    this.folder = folder;
    this.#servers = ofEach((party) => createServer({ pauseOnConnect: true }, (socket) => this.#route(party, socket)));
  }

  static async open(folder: string): Promise<Three> {
    const three = new Three(folder);
    for (const party of PARTY_NAMES) {
      await new Promise<void>((resolve) => three.#servers[party].listen(0, HOST, resolve));
      await three.#lines[party].open((three.#servers[party].address() as AddressInfo).port);
    }
    return three;
  }

  /** What an owner has put at all three. */
  put(owner: Identity, name: string, data: Dataset, fractionBits = 16): DataReference {
    const { rows, columns, channels, classes } = data;
    const document: DataDocument = {
      ...{ securenn: 'data', federation: FEDERATION, name, images: data.trainLabels.length, rows, columns, channels },
      ...{ classes, fractionBits, opened: { images: hex(32), labels: hex(32) }, masks: { P0: hex(32), P1: hex(32) } },
      created: new Date().toISOString(),
    };
    const received = receive(dataDocument, 'data', signDocument(document, owner), FEDERATION);
    const stored = storeData(join(this.folder, 'data'), data, fractionBits, received.digest);
    this.#sets.set(received.digest, { data: received, stored });
    return { owner: owner.id, name, digest: received.digest };
  }

  async start(party: PartyName): Promise<Running> {
    const log = createLog(party, 'info', { write: (line) => this.onLine(party, line) });
    const start = this.launch ?? (await this.#launcher(party, log));
    const launch: Launch = (order, onNews) => (this.#processes[party] = start(order, onNews));
    const folder = join(this.folder, party);
    const life = (this.#lives[party] = Symbol());
    const lives = (): boolean => this.#lives[party] === life;
    const audit = await this.openAudit(party);
    const files = whileAlive(this.files[party], lives);
    const decisions = await DecisionStore.open(join(folder, 'decisions'), audit, files);
    const grants = await GrantStore.open(join(folder, 'grants'), audit, files);
    const links = Object.fromEntries(
      PARTY_NAMES.map((each) => [each, `${HOST}:${this.#lines[each].port}`]),
    ) as OfEach<string>;
    const names = new Map([
      [this.analyst.id, 'analyst'],
      ...this.owners.map((each, i) => [each.id, `owner-${i}`] as const),
    ]);
    const options: SchedulerOptions = {
      ...{ roll: () => rollOf(party), identity: IDENTITIES[party], links: () => links, tls: () => tlsOf(party) },
      ranks: this.ranks[party],
      ...{ storageKeys: [this.#storageKeys[party]], folder, data: this.#dataOf(party), grants, decisions, log, launch },
      member: (id) => (names.has(id) ? { name: names.get(id)!, revoked: this.revoked.has(id) } : undefined),
      audit,
      peers: {
        ask: (to, order, body) =>
          lives() ? this.#pass(party, to, order, body) : Promise.reject(new Error(`${party} was killed`)),
      },
      compute: { backend: 'wasm', fallbackAdapter: false, workers: 1 },
      patience: this.patience,
      memoryBytes: this.memoryBytes,
      disk: () => Promise.resolve(this.disks[party]),
      figures: {
        step: () => void this.figures[party].push('step'),
        batch: () => undefined,
        underWay: () => undefined,
        answered: (images) => void this.figures[party].push(`answered ${images}`),
      },
      files,
      logLevel: () => 'info',
      writeLine: (line) => this.onLine(party, line),
    };
    const scheduler = await Scheduler.open(options);
    const running = { scheduler, decisions, grants };
    this.#parties[party] = running;
    scheduler.begin();
    return running;
  }

  /** As by SIGKILL: nothing is written any more, no process is left. */
  kill(party: PartyName): void {
    delete this.#lives[party];
    this.#parties[party]?.scheduler.kill();
    delete this.#parties[party];
  }

  killProcess(party: PartyName): void {
    this.#processes[party]?.kill();
  }

  /** Links that end at a party break, and cannot be made, for so long. */
  cut(party: PartyName, seconds: number): void {
    this.#lines[party].cut(seconds);
  }

  at(party: PartyName): Running {
    const running = this.#parties[party];
    if (running === undefined) throw new Error(`${party} is down`);
    return running;
  }

  /** @returns the job's digest */
  async propose(document: JobDocument, parties: readonly PartyName[] = PARTY_NAMES): Promise<string> {
    const job = receive(jobDocument, 'job', signDocument(document, this.analyst), FEDERATION);
    for (const party of parties) await this.at(party).scheduler.propose(job);
    return job.digest;
  }

  async decide(
    owner: Identity,
    job: string,
    approve = true,
    parties: readonly PartyName[] = PARTY_NAMES,
  ): Promise<void> {
    const at = new Date().toISOString();
    const document: DecisionDocument = { securenn: 'decision', federation: FEDERATION, job, approve, at };
    const decision = receive(decisionDocument, 'decision', signDocument(document, owner), FEDERATION);
    for (const party of parties) {
      const { decisions, scheduler } = this.at(party);
      await decisions.add(decision);
      scheduler.reconsider();
    }
  }

  async cancel(by: Identity, job: string, party: PartyName): Promise<void> {
    const at = new Date().toISOString();
    const document: CancelDocument = { securenn: 'cancel', federation: FEDERATION, job, reason: 'enough', at };
    const cancel = receive(cancelDocument, 'cancel', signDocument(document, by), FEDERATION);
    await this.at(party).scheduler.cancel(cancel);
  }

  state(party: PartyName, job: string): JobState | undefined {
    return this.#parties[party]?.scheduler.find(job)?.view.state;
  }

  said(party: PartyName, job: string): string {
    const { state, reason = '' } = this.at(party).scheduler.find(job)!.view;
    return `${state} ${reason}`.trim();
  }

  /** Until all parties that are up are in one of these states. */
  async until(job: string, states: readonly JobState[], seconds = 120): Promise<void> {
    const end = Date.now() + 1000 * seconds;
    for (;;) {
      const up = PARTY_NAMES.filter((party) => this.#parties[party] !== undefined);
      if (up.every((party) => states.includes(this.state(party, job)!))) return;
      if (Date.now() > end) throw new Error(up.map((party) => `${party}: ${this.said(party, job)}`).join('; '));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Until somebody's training has come so far. */
  async untilStep(party: PartyName, job: string, step: number, seconds = 120): Promise<void> {
    const end = Date.now() + 1000 * seconds;
    while ((this.#parties[party]?.scheduler.find(job)?.view.step ?? 0) < step) {
      if (Date.now() > end) throw new Error(`step ${step} does not come: ${this.said(party, job)}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Opened by the analyst. */
  async results(job: string): Promise<ReadonlyMap<string, string>> {
    const [first, second] = await Promise.all(
      (['P0', 'P1'] as const).map(async (party) => {
        const folder = join(this.folder, party, 'results', job);
        const shares = readdirSync(folder).map(async (file): Promise<[string, BigUint64Array]> => {
          const name = decodeURIComponent(/^(.*)\.sealed$/.exec(file)![1]);
          const share = await openWith(this.analyst, `result ${job} ${name}`, readFileSync(join(folder, file)));
          return [name, new BigUint64Array(share!.slice().buffer)];
        });
        return new Map(await Promise.all(shares));
      }),
    );
    return new Map([...first].map(([name, share]) => [name, add(share, second.get(name)!).join()]));
  }

  close(): void {
    for (const party of PARTY_NAMES) {
      this.kill(party);
      this.#servers[party].close();
      this.#lines[party].close();
    }
  }

  async #launcher(party: PartyName, log: Logger): Promise<Launch> {
    const { launcher } = await importBuilt<typeof processes>('src/service/jobs/processes.js');
    return launcher(log, (line) => this.onLine(party, line));
  }

  async #pass(from: PartyName, to: PartyName, order: ControlOrder, body: object): Promise<unknown> {
    const passed = this.onMessage(from, to, order, JSON.parse(JSON.stringify(body)) as object);
    const scheduler = this.#parties[to]?.scheduler;
    if (passed === undefined || scheduler === undefined) throw new Error('connection refused');
    const answer = await scheduler.control(order, from, passed);
    return JSON.parse(JSON.stringify(answer));
  }

  #route(party: PartyName, socket: Socket): void {
    socket.on('error', () => socket.destroy());
    socket.once('readable', () => {
      const head = (socket.read() as Buffer | null) ?? Buffer.alloc(0);
      const found = sessionIn(head);
      const scheduler = this.#parties[party]?.scheduler;
      if (typeof found !== 'object' || scheduler?.takeLink(socket, found.session, head) !== true) socket.destroy();
    });
  }

  #dataOf(party: PartyName): DataSets {
    const find = (digest: string): StoredData | undefined => {
      const set = this.#sets.get(digest);
      return set && { data: set.data, state: 'ready', folder: set.stored[party].folder };
    };
    return {
      find,
      *all() {
        yield* [];
      },
      keys: (digest) => Promise.resolve(this.#sets.get(digest)!.stored[party].keys),
    };
  }
}

/** A disk that takes nothing any more from a party that was killed. */
function whileAlive(files: StoreFiles, lives: () => boolean): StoreFiles {
  return new Proxy(files, {
    get: (of, name: keyof StoreFiles) => {
      const operation = of[name] as (...given: unknown[]) => Promise<unknown>;
      return (...given: unknown[]) => (lives() ? operation(...given) : Promise.reject(new Error('it was killed')));
    },
  });
}
