/** Rows that the ranks of one party have computed, on their way up the tree to rank 0: a worker's shares, of the helper that they are there. */
import type { Link } from '../../channel/channel.ts';
import type { Value } from '../../engine/engine.ts';
import type { SecureEngine } from '../../engine/secure.ts';
import type { JoinedRows } from '../../nn/ranks.ts';
import * as z64 from '../../ring/z64.ts';
import { give, take } from './tensors.ts';
import { ranksUnder } from './tree.ts';

export interface TreeEnds {
  readonly rank: number;
  readonly parent: Link | undefined;
  readonly children: ReadonlyMap<number, Link>;
}

/** @param label unlike any other of the session  @returns at rank 0: all, those of the first rank behind all others */
export async function joinRows(
  { rank: self, parent, children }: TreeEnds,
  engine: SecureEngine,
  label: string,
  { rows, columns }: JoinedRows,
  mine: Value | undefined,
): Promise<Value | undefined> {
  const size = rows.length;
  const shares = new Map([[self, (mine && (await engine.held(mine)).data) ?? new BigUint64Array(0)]]);
  const named = (rank: number): string => `rows/${label}/${rank}`;
  await Promise.all(
    [...children].flatMap(([child, link]) =>
      ranksUnder(child, size).map(async (rank) => {
        const { data, depth } = await take(link, named(rank), engine.id === 2 ? 0 : rows[rank] * columns);
        follows(engine, depth);
        shares.set(rank, data);
      }),
    ),
  );
  if (parent !== undefined) {
    for (const rank of ranksUnder(self, size)) await give(parent, named(rank), shares.get(rank)!, engine.rounds);
    return undefined;
  }
  if (mine === undefined) return undefined; // nobody has any: all are here
  const shape = [rows.reduce((sum, each) => sum + each, 0), columns];
  const inOrder = rows.map((_, i) => shares.get(size - 1 - i)!);
  const share = engine.id === 2 ? null : z64.concat(...inOrder);
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
