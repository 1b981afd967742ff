/**
 * The ranks of a running party but the first, as its service sees them (docs/ranks.md): on this host, where it keeps their hosts itself and hands
 * connections over from its links port, or elsewhere, started as it was.
 */
import type { Socket } from 'node:net';
import type { LinkTls } from '../../channel/pins.ts';
import { Problem } from '../../data/problem.ts';
import { joinAddress, type HostPort } from '../../federation/address.ts';
import type { PartyName } from '../../server/ipc.ts';
import type { Logger } from '../../server/log.ts';
import { rankOfSession } from '../../server/neighbours.ts';
import { askRank } from '../../server/ranks/processes.ts';
import { workersOfRank } from '../../server/ranks/ranks.ts';
import { readPassphrase } from '../config.ts';
import type { PartyStanding } from '../standing.ts';
import { RankHost } from './host.ts';
import { readRanksTls } from './key.ts';

const HERE = '127.0.0.1';
/** How long a rank may take to say that it is there. */
const ASK_MS = 3_000;

export interface OwnRanksOptions {
  readonly standing: PartyStanding;
  /** Where this party finds ranks 1, 2, …, and where the others do; absent: here, as many as party.json says. */
  readonly elsewhere?:
    { readonly at?: readonly HostPort[] | undefined; readonly announced?: readonly HostPort[] | undefined } | undefined;
  readonly log: Logger;
}

export class OwnRanks {
  readonly size: number;
  /** Where this party finds ranks 1, 2, … */
  readonly at: readonly HostPort[];
  readonly tls: LinkTls;
  /** Ranks whose memory is this host's. */
  readonly here: number;
  readonly #standing: PartyStanding;
  readonly #announced: readonly HostPort[];
  readonly #hosts: readonly RankHost[];
  readonly #log: Logger;
  #said: string | undefined;

  private constructor(
    { standing, elsewhere, log }: OwnRanksOptions,
    at: readonly HostPort[],
    tls: LinkTls,
    hosts: readonly RankHost[],
  ) {
    [this.#standing, this.#log, this.at, this.tls, this.#hosts] = [standing, log, at, tls, hosts];
    this.size = 1 + at.length;
    this.#announced = elsewhere?.announced ?? at;
    this.here = 1 + hosts.length;
  }

  /** Undefined: the party has one rank. */
  static async open(options: OwnRanksOptions): Promise<OwnRanks | undefined> {
    const { standing, elsewhere, log } = options;
    const at = elsewhere?.at;
    const { config, paths } = standing.party;
    const size = at === undefined ? config.ranks : 1 + at.length;
    if (size === 1) return undefined;
    const party: PartyName = standing.role;
    const tls = await readRanksTls(party, paths.ranksKey, await readPassphrase(config));
    if (at !== undefined) return new OwnRanks(options, at, tls, []);
    const places: HostPort[] = [];
    const hosts: RankHost[] = [];
    try {
      for (let rank = 1; rank < size; rank++) {
        const own = log.child({ rank });
        const listen = { host: HERE, port: 0 };
        const workers = workersOfRank(config.compute.workers, size, rank);
        const host = await RankHost.open({ party, rank, size, listen, at: () => places, tls, workers, log: own });
        hosts.push(host);
        places.push({ host: HERE, port: host.port });
      }
    } catch (error) {
      await Promise.all(hosts.map((host) => host.close()));
      throw error;
    }
    return new OwnRanks(options, places, tls, hosts);
  }

  /** Where the peers of ranks 1, 2, … of a job find them: in the party's own words. */
  announced(ranks: number): readonly string[] {
    const { links } = this.#standing.federation.parties[this.#standing.role];
    return this.#announced.slice(0, ranks - 1).map((place) => (this.#hosts.length > 0 ? links : joinAddress(place)));
  }

  /** A connection to the links port. @returns whether it is for a rank on this host */
  take(socket: Socket, session: string, head: Uint8Array): boolean {
    const rank = rankOfSession(session);
    return rank > 0 && (this.#hosts.at(rank - 1)?.take(socket, session, head) ?? false);
  }

  /** Which of the first ranks is not there, in words for others; undefined: all are. */
  async missing(ranks: number): Promise<string | undefined> {
    const { at, tls } = this;
    const party = this.#standing.role;
    const asked = await Promise.allSettled(
      at.slice(0, ranks - 1).map((_, i) => askRank({ party, tls, at }, i + 1, ASK_MS)),
    );
    const found = asked.find((answer) => answer.status === 'rejected')?.reason as Error | undefined;
    if (found?.message !== this.#said) {
      if (found !== undefined) this.#log.warn({ reason: found.message }, 'a rank is missing');
      else this.#log.info({ ranks: this.size }, 'all ranks are there');
    }
    this.#said = found?.message;
    if (found === undefined) return undefined;
    return (found instanceof Problem ? found.told : undefined) ?? 'one of its ranks is missing';
  }

  async close(): Promise<void> {
    await Promise.all(this.#hosts.map((host) => host.close()));
  }

  kill(): void {
    for (const host of this.#hosts) host.kill();
  }
}
