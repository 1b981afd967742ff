/** An organisation's party in this process: what `securenn party serve` runs. */
import { Problem } from '../data/problem.ts';
import { joinAddress } from '../federation/address.ts';
import type { Role } from '../federation/card.ts';
import { createLog } from '../server/log.ts';
import type { LogLevel } from '../server/log-levels.ts';
import { openScheduler } from '../service/open-jobs.ts';
import { PartyService } from '../service/service.ts';
import { type PartySettings, readConfig } from '../service/config.ts';

/** Where a party's log goes: lines of JSON, which name facts and hold no values. */
export interface PartyLog {
  /** `silent`, `error`, `warn`, `info` or `debug`. */
  readonly level: LogLevel;
  /** Given each line, with its end. */
  readonly write: (line: string) => void;
}

/** What {@link startParty} takes. */
export interface StartPartyOptions {
  /** The party's folder, as `securenn party init` makes it: keys, configuration (`party.json`), federation file, members. */
  readonly dir: string;
  /**
   * What counts in place of the fields of these names in `party.json` (`docs/operate.md`), such as `{ limits: { memoryGiB: 2 } }`. Port 0 is any free
   * one: of `private` and `local`, for the others are where the federation file says.
   */
  readonly settings?: PartySettings;
  /** Nothing is logged when it is absent, whatever `party.json` says. */
  readonly log?: PartyLog;
  /** Told when another process has taken the folder, as happens to one that was stopped for long; the party has ended then. */
  readonly onLost?: (problem: Problem) => void;
}

/** A party that serves. */
export interface Party {
  /** Which of the three it is. */
  readonly role: Role;
  /**
   * host:port of each port that it has bound: HTTPS for clients, links for the other two, health and metrics for you; plain HTTP for pages of this
   * machine where `local` says so.
   */
  readonly addresses: {
    readonly https: string;
    readonly links: string;
    readonly private: string;
    readonly local?: string;
  };
  /** Whether a job could begin at this moment; where not, `reason` says why. */
  ready(): Promise<{ readonly ready: boolean; readonly reason?: string }>;
  /** Lets running jobs stop at their next step and keep a checkpoint, then ends the party. */
  drain(): Promise<void>;
  /** Ends the party and its job processes at once; jobs go on when it is started again. */
  close(): Promise<void>;
}

/**
 * A party of this process, and what only this program may do with it.
 *
 * @internal its types are those of the service, which programs do not see
 */
export interface OwnParty {
  readonly party: Party;
  readonly service: PartyService;
}

/**
 * Starts a party in this process. It listens when the promise resolves, with everything that a crash left finished or undone. Jobs run in
 * processes of their own, which end with this one.
 *
 * @throws {Problem} when the folder is no party's, its files do not fit each other, another process serves from it, or a port is in use
 * @example
 * ```ts
 * import { startFederation, startParty } from 'securenn/server';
 *
 * const local = await startFederation(); // three parties in folders P0, P1, P2
 * await local.parties.P2.close();
 * const P2 = await startParty({
 *   dir: `${local.dir}/P2`,
 *   settings: { private: { port: 0 }, limits: { memoryGiB: 2 } },
 *   log: { level: 'error', write: (line) => process.stderr.write(line) },
 * });
 * console.log(P2.role, await P2.ready()); // P2 { ready: true }
 * await P2.drain();
 * await local.close();
 * ```
 */
export async function startParty(options: StartPartyOptions): Promise<Party> {
  return (await startOwnParty(options)).party;
}

/** Of a party, with those of its jobs: a program that holds several is not to be warned of a leak. */
const EXIT_LISTENERS = 10;

function allowListeners(more: number): void {
  const most = process.getMaxListeners();
  if (most > 0) process.setMaxListeners(most + more);
}

/**
 * The same, with the service.
 *
 * @internal
 */
export async function startOwnParty({ dir, settings, log, onLost }: StartPartyOptions): Promise<OwnParty> {
  const config = await readConfig(dir, settings);
  const write = log?.write ?? (() => undefined);
  let ended = false;
  const service: PartyService = await PartyService.open({
    folder: dir,
    settings,
    log: createLog(config.role, log?.level ?? 'silent', { write }),
    writeLine: (line) => write(`${line}\n`),
    openJobs: openScheduler,
    onLost: () => {
      ended = true;
      const problem = new Problem(`${dir}: another process serves from this folder now`, 'end one of the two');
      void service.abandon().then(() => onLost?.(problem));
    },
  });
  const at = (host: string, port: number): string => joinAddress({ host, port });
  const { ports } = service;
  // However this process ends, no job's process goes on without it.
  const kill = (): void => service.jobs.kill();
  allowListeners(EXIT_LISTENERS);
  process.on('exit', kill);
  const once = async (end: () => Promise<void>): Promise<void> => {
    if (ended) return;
    ended = true;
    process.off('exit', kill);
    await end().finally(() => allowListeners(-EXIT_LISTENERS));
  };
  const { role } = config;
  const addresses = {
    https: at(config.listen.host, ports.api),
    links: at(config.links.host, ports.links),
    private: at(config.private.host, ports.private),
    ...(ports.local !== undefined && { local: at('127.0.0.1', ports.local) }),
  };
  const ready = async (): Promise<{ readonly ready: boolean; readonly reason?: string }> => {
    const reason = ended ? 'it has ended' : await service.unready();
    return reason === undefined ? { ready: true } : { ready: false, reason };
  };
  const [drain, close] = [() => once(() => service.drain()), () => once(() => service.close())];
  return { service, party: { role, addresses, ready, drain, close } };
}
