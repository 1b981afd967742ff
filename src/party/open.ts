/**
 * Share, open, reconstruct: 2-out-of-2 additive shares over Z_{2^64} (PROTOCOLS §1).
 *
 * Share       x → ⟨x⟩₀ uniform, ⟨x⟩₁ = x − ⟨x⟩₀ (the owner: `src/data/share.ts`)
 * Open        both workers learn x: each sends its share to the other. 1 round, 16 bytes an element.
 * Reconstruct whoever holds both shares adds them (the owner: `src/client`).
 */
import { BLOCK_ELEMENTS } from '../channel/blocks.ts';
import * as odd from '../ring/odd.ts';
import { fresh } from '../ring/pool.ts';
import { release } from '../ring/release.ts';
import * as z64 from '../ring/z64.ts';
import type { Cost } from './cost.ts';
import type { Party } from './party.ts';

/** P0, P1: the value behind two shares over Z_{2^64}. `mine` is sent and must not change afterwards. */
export async function open(party: Party, purpose: string, mine: BigUint64Array): Promise<BigUint64Array> {
  const theirs = await exchange(party, purpose, mine); // what was received is this party's own array
  const opened = z64.accumulate(theirs, mine);
  party.note(purpose, opened);
  return opened;
}

/** The same of any length, in messages of a block each: `share` makes this worker's share of elements from … to, which is sent. */
export async function openBlocks(
  party: Party,
  purpose: string,
  count: number,
  share: (from: number, to: number) => BigUint64Array,
): Promise<BigUint64Array> {
  if (count <= BLOCK_ELEMENTS) return open(party, purpose, share(0, count));
  const out = fresh(count);
  await openEach(party, purpose, count, share, (opened, from) => {
    out.set(opened, from);
    release(opened);
  });
  return out;
}

/** The same messages; what a block opens is handed over as it comes, an array of its own. */
export async function openEach(
  party: Party,
  purpose: string,
  count: number,
  share: (from: number, to: number) => BigUint64Array,
  take: (opened: BigUint64Array, from: number) => void,
): Promise<void> {
  const { depth } = party; // no block depends on another
  await party.blocks(purpose, count, async ({ label, from, to }) => {
    const mine = share(from, to);
    const theirs = await exchange(party, label, mine, depth);
    const opened = z64.accumulate(theirs, mine);
    party.note(label, opened);
    take(opened, from);
  });
}

/** P0, P1: the same over Z_{2^64 − 1}. */
export async function openOdd(party: Party, purpose: string, mine: BigUint64Array): Promise<BigUint64Array> {
  const theirs = await exchange(party, purpose, mine);
  const opened = odd.accumulate(theirs, mine);
  party.note(purpose, opened);
  return opened;
}

/** P0, P1: the same over Z_256. */
export async function openBytes(party: Party, purpose: string, mine: Uint8Array): Promise<Uint8Array> {
  const theirs = await exchange(party, purpose, mine);
  const opened = theirs.map((byte, i) => byte + mine[i]);
  party.note(purpose, opened);
  return opened;
}

/** What the other worker sends under the purpose that `mine`, of the same type and length, is sent under. */
export async function exchange<T extends BigUint64Array | Uint8Array>(
  party: Party,
  purpose: string,
  mine: T,
  depth: number = party.depth,
): Promise<T> {
  const sent = party.send(party.peer, purpose, mine, depth);
  const type = mine instanceof BigUint64Array ? 'u64' : 'u8';
  const theirs = await party.receive(party.peer, purpose, type, mine.length);
  await sent;
  return theirs as T;
}

export function openCost(count: number): Cost {
  return { rounds: 1, bytes: 16 * count };
}
