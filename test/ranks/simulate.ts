/** Three parties of several ranks each in one process: every rank has links to those of its number, and to its own party's tree. */
import type { Link, PeerName } from '../../src/channel/channel.ts';
import { memoryPair } from '../../src/channel/memory.ts';
import { createParty, type Party, type PartyId } from '../../src/party/party.ts';
import type { SharedPlaces } from '../../src/server/ranks/shared-weights.ts';
import { RankTeam } from '../../src/server/ranks/team.ts';
import { connected, type PairKeys, type SimulationOptions, testCompute } from '../simulate.ts';

export interface RankOptions extends Pick<SimulationOptions, 'streams' | 'security' | 'chunk' | 'compute'> {
  readonly keys: PairKeys;
  /** Of the links between parties, by rank. */
  readonly memoryOf?: (rank: number) => SimulationOptions['memory'];
  readonly ledgerOf?: (rank: number) => SimulationOptions['ledger'];
  /** Told of the label of each message between ranks of one party. */
  readonly within?: (party: PartyId, label: string, between: readonly [rank: number, other: number]) => void;
  /** Weights are handed on in shared memory, as among threads. */
  readonly places?: () => SharedPlaces;
}

const NAMES: readonly PeerName[] = ['P0', 'P1', 'P2'];

/** Runs `script` as each rank of each party; when one fails, all its links are aborted. */
export async function simulateRanks(
  size: number,
  script: (party: Party, team: RankTeam) => Promise<void>,
  { keys, within, places, security, chunk, streams: drawnFrom, memoryOf, ledgerOf, compute: computing }: RankOptions,
): Promise<void> {
  const compute = await testCompute();
  const runs: Promise<void>[] = [];
  const shared = NAMES.map(() => places?.());
  const trees = NAMES.map((_, id) => rankLinks(size, id as PartyId, within));
  for (let rank = 0; rank < size; rank++) {
    const { links, streams } = connected(keys, { streams: drawnFrom, memory: memoryOf?.(rank) });
    NAMES.forEach((_, index) => {
      const id = index as PartyId;
      const party = createParty({
        ...{ id, rank, links: links[id], streams: streams[id], security },
        compute: computing?.(compute, id) ?? compute,
        ...(chunk === undefined ? {} : { chunk }),
        ledger: ledgerOf?.(rank)?.(id, streams[id]),
      });
      const team = new RankTeam({ rank, size, links: trees[id][rank] });
      if (shared[id] !== undefined) team.share(shared[id]);
      const run = async (): Promise<void> => {
        try {
          await script(party, team);
          await Promise.all([...[...links[id].values()].map((link) => link.close()), team.close()]);
        } catch (error) {
          const { message } = error as Error;
          for (const link of links[id].values()) link.abort(message);
          team.abort(message);
          throw new Error(`rank ${rank} of P${id}: ${message}`, { cause: error });
        }
      };
      runs.push(run());
    });
  }
  const failures = (await Promise.allSettled(runs)).flatMap((run) =>
    run.status === 'rejected' ? [(run.reason as Error).message] : [],
  );
  if (failures.length > 0) throw new Error(failures.join('\n'));
}

/** Of each rank its links to all others. */
export function rankLinks(size: number, id: PartyId, within?: RankOptions['within']): Map<number, Link>[] {
  const places = Array.from({ length: size }, () => new Map<number, Link>());
  for (let rank = 0; rank < size; rank++)
    for (let other = rank + 1; other < size; other++) {
      const record = ({ label }: { label: string }): void => within?.(id, label, [rank, other]);
      const [one, two] = memoryPair(NAMES[id], NAMES[id], { record });
      places[rank].set(other, one);
      places[other].set(rank, two);
    }
  return places;
}
