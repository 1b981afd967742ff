/** The other ranks of three parties, all in this process, beside parties that run as `runJob` runs them. */
import type { Link, PeerName } from '../../src/channel/channel.ts';
import { memoryPair, type MemoryOptions, type RecordedMessage } from '../../src/channel/memory.ts';
import { createParty } from '../../src/party/party.ts';
import { PairStreams } from '../../src/random/streams.ts';
import { Deferred } from '../../src/server/deferred.ts';
import { PARTY_NAMES } from '../../src/server/ipc.ts';
import type { RankedJob } from '../../src/server/job.ts';
import { computeAlong } from '../../src/server/ranks/along.ts';
import { inputFacts } from '../../src/server/ranks/inputs.ts';
import type { RankInput } from '../../src/server/ranks/messages.ts';
import type { Ranks } from '../../src/server/ranks/ranks.ts';
import { RankTeam } from '../../src/server/ranks/team.ts';
import { workersLedger } from '../../src/server/workers-ledger.ts';
import { ofEach, type OfEach } from '../federated.ts';
import { testCompute } from '../simulate.ts';
import { rankLinks, type RankOptions } from './simulate.ts';

export interface InProcessOptions {
  /** Told of what ranks but the first say to the same rank of another party. */
  readonly record?: (rank: number, message: RecordedMessage) => void;
  /** What becomes of their frames. */
  readonly tamper?: (rank: number, a: PeerName, b: PeerName) => MemoryOptions['tamper'];
  readonly within?: RankOptions['within'];
}

/** @param size ranks of each party, the first among them */
export function ranksInProcess(
  job: RankedJob,
  size: number,
  { record, tamper, within }: InProcessOptions = {},
): OfEach<Ranks> {
  const links = Array.from({ length: size }, () => ofEach(() => new Map<PeerName, Link>()));
  for (let rank = 1; rank < size; rank++)
    for (const [a, b] of [
      ['P0', 'P1'],
      ['P0', 'P2'],
      ['P1', 'P2'],
    ] as const) {
      const changed = tamper?.(rank, a, b);
      const [atA, atB] = memoryPair(a, b, {
        ...(record && { record: (message: RecordedMessage) => record(rank, message) }),
        ...(changed && { tamper: changed }),
      });
      links[rank][a].set(b, atA);
      links[rank][b].set(a, atB);
    }
  return ofEach((name, id): Ranks => {
    const places = rankLinks(size, id, within);
    const failed = new Deferred<unknown>();
    const inputs: RankInput[] = [];
    const teams = places.map((links, rank) => new RankTeam({ rank, size, links }));
    let working: Promise<unknown> = Promise.resolve();
    const along = async (rank: number, pairKeys: ReadonlyMap<PeerName, Uint8Array>): Promise<void> => {
      const own = links[rank][name];
      try {
        const compute = await testCompute();
        const streams = new Map([...pairKeys].map(([peer, key]) => [peer, new PairStreams(key, compute)]));
        const ledger = workersLedger(job, id, streams, rank);
        const party = createParty({ id, rank, links: own, streams, compute, security: job.security, ledger });
        await computeAlong(party, job, inputs, teams[rank]);
        await Promise.all([...[...own.values()].map((link) => link.close()), teams[rank].close()]);
      } catch (error) {
        for (const link of own.values()) link.abort((error as Error).message);
        teams[rank].abort((error as Error).message);
        failed.resolve(error);
      }
    };
    return {
      size,
      team: teams[0],
      failed: failed.promise,
      counters: [],
      ports: () => Promise.resolve(undefined),
      ownWorkers: (workers) => workers,
      start: () => Promise.resolve(),
      input: (of, shape, fractionBits, input) => {
        inputs.push({ ...inputFacts(of, shape, fractionBits, input), opened: input.opened });
        return input;
      },
      forAll: (data) => data,
      work: (pairKeys) => {
        working = Promise.all(teams.slice(1).map((_, i) => along(i + 1, pairKeys)));
      },
      end: async () => {
        await teams[0].end();
        await Promise.all([teams[0].close(), working]);
      },
    };
  });
}

/** Of each party, which the first of them has failed of. */
export function firstFailure(ranks: OfEach<Ranks>): Promise<unknown> {
  return Promise.race(PARTY_NAMES.map((party) => ranks[party].failed));
}
