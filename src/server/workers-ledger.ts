/** What the workers of a private session compare before anything is revealed (`party/ledger.ts`). */
import type { PeerName } from '../channel/channel.ts';
import { Ledger } from '../party/ledger.ts';
import type { PartyId } from '../party/party.ts';
import { OpeningDigest, OpeningKeys } from '../random/openings.ts';
import type { PairStreams } from '../random/streams.ts';
import type { Job } from './job.ts';

/** @param rank of the party: all draw from the same keys */
export function workersLedger(
  { security }: Pick<Job, 'security'>,
  id: PartyId,
  streams: ReadonlyMap<PeerName, PairStreams>,
  rank = 0,
): Ledger | undefined {
  if (security !== 'private' || id === 2) return undefined;
  const stream = streams.get(id === 0 ? 'P1' : 'P0')!.stream('openings', `keys of rank ${rank}`);
  const keys = new OpeningKeys(stream);
  return new Ledger(() => new OpeningDigest(keys));
}
