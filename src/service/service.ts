/**
 * An organisation's party: HTTPS for clients and the other parties, the links port, the private port, and what they share. It holds no job's values;
 * those are in processes of their own.
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { lockFolder } from '../data/folder-lock.ts';
import { VERSION } from '../data/packages.ts';
import { FEDERATION_PROTOCOL } from '../federation/card.ts';
import { RequestChecker } from '../federation/request.ts';
import { idOf } from '../federation/public-identity.ts';
import { JOB_VERSION } from '../server/job.ts';
import type { Logger } from '../server/log.ts';
import type { LogLevel } from '../server/log-levels.ts';
import { createApp } from './api/app.ts';
import type { ApiContext } from './api/context.ts';
import type { PartySettings } from './config.ts';
import { AuditLog } from './audit-log.ts';
import { roomOn } from './disk.ts';
import { Budget } from './http/body.ts';
import { Buckets, Door, DOOR_LIMITS, type DoorLimits } from './http/door.ts';
import { PrivatePort } from './http/private-port.ts';
import { ApiServer } from './http/server.ts';
import { ThrottledLog } from './http/throttled-log.ts';
import type { Audit, DataSets, Decisions, Grants, Jobs } from './jobs-api.ts';
import { JobMetrics } from './job-metrics.ts';
import type { JobFigures } from './jobs/ports.ts';
import { LinksPort } from './links-port.ts';
import { ServiceMetrics, type ServiceFigures } from './metrics.ts';
import { SERVICE_LOCK } from './party-folder.ts';
import { OwnRanks, type OwnRanksOptions } from './ranks/own-ranks.ts';
import { PartyStanding } from './standing.ts';
import { DataStore } from './store/data-store.ts';
import { DecisionStore } from './store/decisions.ts';
import { GrantStore } from './store/grants.ts';
import { renewSealedFiles } from './store/sealed-files.ts';
import { CERTIFICATE_FIX, Upkeep } from './upkeep.ts';

/** What the scheduler is given. */
export interface SchedulerParts {
  readonly standing: PartyStanding;
  readonly data: DataSets;
  readonly grants: Grants;
  readonly decisions: Decisions;
  readonly audit: Audit;
  /** `DIR/state`. */
  readonly folder: string;
  readonly log: Logger;
  /** Where job processes' log lines go. */
  readonly writeLine: (line: string) => void;
  readonly figures: JobFigures;
  /** Of this party but the first, if it has several. */
  readonly ranks: OwnRanks | undefined;
}

/** The scheduler, with all that a crash left; it does nothing before `begin`. */
export interface OpenedJobs extends Jobs {
  begin(): void;
  close(): void;
}

export interface ServiceOptions {
  /** That of `party init`. */
  readonly folder: string;
  readonly log: Logger;
  readonly writeLine: (line: string) => void;
  readonly openJobs: (parts: SchedulerParts) => Promise<OpenedJobs>;
  /** The folder is another process's: nothing may be written any more. */
  readonly onLost: () => void;
  readonly now?: (() => number) | undefined;
  readonly door?: Partial<DoorLimits> | undefined;
  /** In place of what party.json says. */
  readonly settings?: PartySettings | undefined;
  /** Where the party's ranks 1, 2, … are, where they are not processes of this one. */
  readonly ranksAt?: OwnRanksOptions['elsewhere'];
}

const GIB = 2 ** 30;
/** Bodies of all requests together; chunks are not held. */
const BODIES_BYTES: number = 256 * 2 ** 20;
/** The same of visitors. */
const VISITOR_BODIES_BYTES: number = 64 * 2 ** 20;
const HEARTBEAT_MS = 10_000;
/** How long answers that are on their way may take at the end. */
const GRACE_MS = 5_000;

export class PartyService {
  readonly standing: PartyStanding;
  readonly jobs: OpenedJobs;
  /** Of this party but the first, if it has several. */
  readonly ranks: OwnRanks | undefined;
  readonly #log: Logger;
  readonly #audit: AuditLog;
  readonly #jobMetrics: JobMetrics;
  readonly #ending = new AbortController();
  readonly #closers: (() => void | Promise<void>)[] = [];
  #ports:
    | {
        readonly api: ApiServer;
        readonly links: LinksPort;
        readonly private: PrivatePort;
        readonly local: ApiServer | undefined;
      }
    | undefined;
  #draining = false;

  private constructor(
    standing: PartyStanding,
    jobs: OpenedJobs,
    log: Logger,
    audit: AuditLog,
    figures: JobMetrics,
    ranks: OwnRanks | undefined,
  ) {
    [this.standing, this.jobs, this.#log, this.#audit, this.#jobMetrics] = [standing, jobs, log, audit, figures];
    this.ranks = ranks;
  }

  /** Listens, with everything that a crash left finished or undone. Rejects with a Problem, and then nothing listens. */
  static async open(options: ServiceOptions): Promise<PartyService> {
    const { folder, log, now = Date.now } = options;
    // By the clock of the disk.
    const readAt = Date.now();
    const standing = await PartyStanding.open(folder, now, options.settings);
    const { paths } = standing.party;
    const lock = { words: SERVICE_LOCK, heartbeatMs: HEARTBEAT_MS, onLost: options.onLost };
    const release = await lockFolder(paths.state, lock);
    let ranks: OwnRanks | undefined;
    let service: PartyService | undefined;
    try {
      const audit = await AuditLog.open(paths.audit);
      if (audit.cut > 0)
        log.warn({ bytes: audit.cut }, 'a line of the audit log that a crash left half written was cut off');
      await renew(standing, audit, log);
      const stores = await openStores(standing, audit, now);
      const figures = new JobMetrics();
      const { writeLine } = options;
      ranks = await OwnRanks.open({ standing, elsewhere: options.ranksAt, log });
      const parts = { standing, audit, folder: paths.state, log, writeLine, figures, ranks, ...stores };
      const jobs = await options.openJobs(parts);
      service = new PartyService(standing, jobs, log, audit, figures, ranks);
      service.#closers.push(release, () => service!.ranks?.close());
      await service.#listen(stores, now, readAt, options.door);
      await audit.append('service started', { version: VERSION, federation: standing.fingerprint });
      jobs.begin();
      const { api, links, private: own, local } = service.ports;
      log.info({ federation: standing.fingerprint, listen: api, links, private: own, local }, 'serving');
      return service;
    } catch (error) {
      if (service !== undefined) await service.#release();
      else {
        await ranks?.close();
        release();
      }
      throw error;
    }
  }

  /** Ports that are bound. */
  get ports(): { readonly api: number; readonly links: number; readonly private: number; readonly local?: number } {
    const { api, links, private: own, local } = this.#ports!;
    return { api: api.port, links: links.port, private: own.port, ...(local && { local: local.port }) };
  }

  /** What the operator has to see to. */
  async warnings(): Promise<readonly { readonly message: string; readonly fix: string }[]> {
    const found: { message: string; fix: string }[] = [];
    const { daysLeft, path } = this.standing.certificate();
    if (daysLeft <= this.standing.party.config.certificateWarningDays) {
      const when = daysLeft < 0 ? `expired ${-daysLeft} days ago` : `expires in ${daysLeft} days`;
      found.push({ message: `${path} ${when}`, fix: CERTIFICATE_FIX });
    }
    const unready = await this.unready();
    if (unready !== undefined) {
      found.push({ message: `no upload begins: ${unready}`, fix: 'make room on the disk' });
    }
    return found;
  }

  /** Running jobs stop at a step and keep a checkpoint, then everything ends. */
  async drain(): Promise<void> {
    this.#draining = true;
    this.#log.info({ jobs: this.jobs.counts().running }, 'draining');
    await this.jobs.drain();
    await this.close();
  }

  async close(): Promise<void> {
    this.#stop();
    await this.#audit.append('service stopped', { version: VERSION }).catch(() => undefined);
    await this.#release();
    this.#log.info('stopped');
  }

  /** Ends without a word in the folder, which is another process's. */
  async abandon(): Promise<void> {
    this.#stop();
    await this.#release();
  }

  /** Why no job could start here at this moment; undefined: one could. */
  async unready(): Promise<string | undefined> {
    if (this.#draining) return 'draining';
    const { paths, config } = this.standing.party;
    const disk = await roomOn(paths.folder);
    const least = config.limits.freeDiskGiB;
    if (disk !== undefined && disk.free < least * GIB) {
      return `${(disk.free / GIB).toFixed(2)} GiB are free on the disk, less than limits.freeDiskGiB (${least})`;
    }
    return undefined;
  }

  #stop(): void {
    this.#draining = true;
    this.#ending.abort();
    this.jobs.kill();
    this.ranks?.kill();
    this.jobs.close();
  }

  async #release(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }

  async #listen(
    stores: Stores,
    now: () => number,
    readAt: number,
    limitsOfDoor: Partial<DoorLimits> = {},
  ): Promise<void> {
    const { standing, jobs } = this;
    const { listen, links, private: own, limits, pages, local } = standing.party.config;
    const { visitorImagesPerMinute: ofVisitors } = limits;
    const instance = randomBytes(16).toString('hex');
    const strangers = new ThrottledLog(this.#log, now);
    const metrics = new ServiceMetrics(standing.role, () => this.#figures(stores, door), this.#jobMetrics.all);
    const doorLimits = { proved: limits.connections, ...DOOR_LIMITS, ...limitsOfDoor };
    const door = new Door(doorLimits, (reason, address) => {
      metrics.turnedAway('address', reason);
      strangers.warn('turned a connection away', { reason, address });
    });
    this.#closers.push(() => door.close());
    const context: ApiContext = {
      ...{ party: standing.role, federation: standing.federation.id, directory: standing.directory, jobs, now },
      ...{ data: stores.data, grants: stores.grants, decisions: stores.decisions, bodies: new Budget(BODIES_BYTES) },
      visitorBodies: new Budget(VISITOR_BODIES_BYTES),
      visitorImages: new Buckets({ perSecond: ofVisitors / 60, burst: ofVisitors }),
      identity: () => standing.identity(),
      openSealed: (info, sealed) => standing.openSealed(info, sealed),
      results: join(standing.party.paths.state, 'results'),
      ending: this.#ending.signal,
      status: () => this.#status(),
      onUploaded: (bytes) => metrics.uploaded(bytes),
    };
    const known = (id: string) => {
      const found = standing.directory.find(id);
      return found === 'revoked' ? found : found?.identity;
    };
    const checker = new RequestChecker({ audiences: () => standing.audiences(), instance, known, now });
    const app = createApp({ ...context, instance, checker, door, pages, metrics, log: this.#log, strangers });
    const onGarbage = (reason: string, address: string | undefined): void => {
      metrics.turnedAway('address', 'garbage');
      strangers.warn('a connection brought no request', { reason, address });
    };
    const api = await ApiServer.open({ ...listen, tls: standing.addressTls(), app, door, onGarbage });
    this.#closers.push(() => api.close(GRACE_MS));
    const localApi = local && (await ApiServer.openLocal({ ...local, app, door, onGarbage }));
    if (localApi !== undefined) this.#closers.push(() => localApi.close(GRACE_MS));
    const linksPort = await LinksPort.open({
      ...{ ...links, tls: standing.linkTls() },
      take: (socket, session, head) =>
        this.ranks?.take(socket, session, head) === true || jobs.takeLink(socket, session, head),
      onTurnedAway: (reason) => metrics.turnedAway('links', reason),
      onTaken: (to) => metrics.link(to),
    });
    this.#closers.push(() => linksPort.close());
    const privatePort = await PrivatePort.open({
      ...own,
      unready: () => this.unready(),
      metrics: async () => ({ contentType: metrics.contentType, text: await metrics.text() }),
      level: () => this.#log.level as LogLevel,
      setLevel: (level) => void (this.#log.level = level),
    });
    this.#closers.push(() => privatePort.close());
    this.#ports = { api, links: linksPort, private: privatePort, local: localApi };
    const upkeep = await Upkeep.open({
      ...{ standing, data: stores.data, audit: this.#audit, log: this.#log, readAt },
      onMembers: () => jobs.reconsider(),
      onKeys: () => {
        api.setTls(standing.addressTls());
        linksPort.setTls(standing.linkTls());
      },
    });
    this.#closers.push(() => upkeep.close());
  }

  async #status(): Promise<object> {
    const { standing, jobs } = this;
    const disk = await roomOn(standing.party.paths.folder);
    const members = standing.directory.members().map(({ name, identity, roles, successions }) => {
      return { id: idOf(identity), name, identity, roles, successions };
    });
    return {
      ...{ role: standing.role, id: standing.identity().id, version: VERSION, protocol: FEDERATION_PROTOCOL },
      ...{ jobVersion: JOB_VERSION, federation: standing.fingerprint, draining: this.#draining },
      certificate: { days: standing.certificate().daysLeft },
      disk: disk && { freeBytes: disk.free, totalBytes: disk.total },
      ...(this.ranks && { ranks: this.ranks.size }),
      jobs: jobs.counts(),
      members,
    };
  }

  async #figures({ data }: Stores, door: Door): Promise<ServiceFigures> {
    const { bytes, ...states } = data.counts();
    return {
      version: VERSION,
      certificateDays: this.standing.certificate().daysLeft,
      jobs: this.jobs.counts(),
      data: states,
      dataBytes: bytes,
      connections: { strangers: door.strangers, proved: door.proved },
      disk: await roomOn(this.standing.party.paths.folder),
    };
  }
}

/** What a change of the storage key left to be done. */
async function renew({ party }: PartyStanding, audit: Audit, log: Logger): Promise<void> {
  const { count, left } = await renewSealedFiles(party.paths.state, party.vault);
  if (count > 0) await audit.append('files sealed under a new storage key', { files: count });
  // One that is damaged keeps no party from starting: it is told of again when it is used.
  for (const { path, reason } of left) log.warn({ path, reason }, 'a file stays under an older storage key');
}

interface Stores {
  readonly data: DataStore;
  readonly grants: GrantStore;
  readonly decisions: DecisionStore;
}

async function openStores(standing: PartyStanding, audit: Audit, now: () => number): Promise<Stores> {
  const { paths, config, vault } = standing.party;
  const room = async (): Promise<number> => {
    const disk = await roomOn(paths.folder);
    return disk === undefined ? Infinity : Math.max(0, disk.free - config.limits.freeDiskGiB * GIB);
  };
  const { uploadsPerOwner } = config.limits;
  const holder = (id: string): string => standing.directory.holder(id);
  const options = { party: standing.role, vault, uploadsPerOwner, room, audit, now, holder };
  return {
    data: await DataStore.open({ ...options, folder: join(paths.state, 'data') }),
    grants: await GrantStore.open(join(paths.state, 'grants'), audit),
    decisions: await DecisionStore.open(join(paths.state, 'decisions'), audit),
  };
}
