/** Rows that the ranks of one party have computed, on their way to rank 0: a worker's shares, of the helper that they are there. */
import type { Link } from '../../channel/channel.ts';
import type { Value } from '../../engine/engine.ts';
import type { SecureEngine } from '../../engine/secure.ts';
import type { JoinedRows } from '../../nn/ranks.ts';
import * as z64 from '../../ring/z64.ts';
import { give, take } from './tensors.ts';

/** @param links to the other ranks, by rank  @param label unlike any other of the session  @returns at rank 0: all, those of the first rank behind all others */
export async function joinRows(
  self: number,
  links: ReadonlyMap<number, Link>,
  engine: SecureEngine,
  label: string,
  { rows, columns }: JoinedRows,
  mine: Value | undefined,
): Promise<Value | undefined> {
  const named = (rank: number): string => `rows/${label}/${rank}`;
  const own = (mine && (await engine.held(mine)).data) ?? new BigUint64Array(0);
  if (self > 0) {
    await give(links.get(0)!, named(self), own, engine.rounds);
    return undefined;
  }
  const shares = await Promise.all(
    rows.map(async (count, rank) => {
      if (rank === 0) return own;
      const { data, depth } = await take(links.get(rank)!, named(rank), engine.id === 2 ? 0 : count * columns);
      follows(engine, depth);
      return data;
    }),
  );
  if (mine === undefined) return undefined; // nobody has any: all are here
  const shape = [rows.reduce((sum, each) => sum + each, 0), columns];
  const share = engine.id === 2 ? null : z64.concat(...shares.toReversed());
  return engine.input(`joined/${label}`, shape, mine.fractionBits, share);
}

/** Where ranks only say that they have done something. */
export function nothingOf(size: number): JoinedRows {
  return { rows: new Array<number>(size).fill(0), columns: 1 };
}

/** The helper's messages depend on nobody's: it is ahead, and what it is handed changes nothing about that. */
export function follows(engine: SecureEngine, depth: number): void {
  if (engine.id !== 2) engine.after(depth);
}
