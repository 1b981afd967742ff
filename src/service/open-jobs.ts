/** The scheduler of a running party, with its view of the party's keys, members and federation at each moment. */
import { ROLES } from '../federation/card.ts';
import type { Id } from '../federation/public-identity.ts';
import { fingerprint } from '../federation/federation-file.ts';
import type { Standing } from '../federation/job-check.ts';
import type { PartyName } from '../server/ipc.ts';
import type { LogLevel } from '../server/log-levels.ts';
import { roomOn } from './disk.ts';
import { httpsPeers, type HttpsPeers } from './jobs/peers.ts';
import type { Peers } from './jobs/ports.ts';
import { Scheduler } from './jobs/scheduler.ts';
import type { OpenedJobs, SchedulerParts } from './service.ts';
import type { PartyStanding } from './standing.ts';

const GIB = 2 ** 30;

export async function openScheduler(parts: SchedulerParts): Promise<OpenedJobs> {
  const { standing, data, grants, decisions, audit, folder, log, writeLine, figures, ranks } = parts;
  const { config } = standing.party;
  return Scheduler.open({
    ...{ data, grants, decisions, audit, folder, log, writeLine, figures },
    roll: () => ({ self: standing.role, federation: standing.federation.id, identities: standing.identities() }),
    // Read when they are needed: they change while the party runs.
    get identity() {
      return standing.identity();
    },
    get storageKeys() {
      return standing.party.storageKeys();
    },
    links: () => byRole((role) => standing.federation.parties[role].links),
    tls: () => standing.linkTls(),
    member: (id) => standingOf(standing, id),
    peers: followingPeers(standing, (note) => log.warn({ note }, 'about the other parties')),
    compute: config.compute,
    ranks,
    patience: config.patience,
    memoryBytes: config.limits.memoryGiB * GIB,
    disk: async () => {
      const room = await roomOn(folder);
      return room && { free: room.free, least: config.limits.freeDiskGiB * GIB };
    },
    logLevel: () => log.level as LogLevel,
  });
}

/** Everybody who was ever admitted: one that is revoked stands differently from a stranger. */
function standingOf({ directory }: PartyStanding, id: Id): Standing | undefined {
  const found = directory.memberOf(id);
  if (found === undefined) return undefined;
  const { member, holder, replaced } = found;
  return { id: holder, name: member.name, roles: member.roles, revoked: member.revoked !== undefined, replaced };
}

/** Other connections where the federation file has changed: keys or addresses may be others. */
function followingPeers(standing: PartyStanding, onNote: (text: string) => void): Peers {
  let present: { readonly of: string; readonly peers: HttpsPeers } | undefined;
  const peers = (): HttpsPeers => {
    const of = `${fingerprint(standing.federation)} ${standing.identity().id}`;
    if (present?.of !== of) {
      present?.peers.close();
      present = { of, peers: httpsPeers(standing.federation, standing.identity(), onNote) };
    }
    return present.peers;
  };
  return { ask: (to, order, body, timeoutMs) => peers().ask(to, order, body, timeoutMs) };
}

function byRole(of: (role: PartyName) => string): Readonly<Record<PartyName, string>> {
  return Object.fromEntries(ROLES.map((role) => [role, of(role)])) as Record<PartyName, string>;
}
