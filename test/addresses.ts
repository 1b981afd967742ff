/** A tap on all random streams: which addresses are asked for, by each end of each pair. */
import { vi } from 'vitest';
import { PairStreams } from '../src/random/streams.ts';

export interface Addresses {
  /** What each end asked for, in order: `path:purpose`. */
  readonly ends: readonly (readonly string[])[];
  /** What is read at any place, as often as one likes: of each key the addresses of its tables, sorted, once each. */
  readonly tables: readonly (readonly string[])[];
  /** Everything asked for, with the key: `KEY path:purpose`. */
  readonly draws: ReadonlySet<string>;
  /** What an end asked for twice: two streams that begin alike. */
  repeated(): string[];
}

/** What follows from the public seed (`nn/initial.ts`): everybody draws it, as often as need be. */
const PUBLIC = 'seed';

/** Watches what `task` draws, however it comes by its streams. A stream is read on from where it stands, so none gives a value twice. */
export async function watchAddresses(task: () => Promise<unknown>): Promise<Addresses> {
  const ends = new Map<PairStreams, string[]>();
  const tables = new Map<string, Set<string>>();
  const draws = new Set<string>();
  // eslint-disable-next-line @typescript-eslint/unbound-method -- bound below
  const { stream, table } = PairStreams.prototype;
  const keyOf = (streams: PairStreams): string => table.call(streams, 'which key', '').z64(0, 2).join();
  const reads = vi.spyOn(PairStreams.prototype, 'table').mockImplementation(function (
    this: PairStreams,
    path: string,
    purpose: string,
  ) {
    const key = keyOf(this);
    tables.set(key, (tables.get(key) ?? new Set()).add(`${path}:${purpose}`));
    return table.call(this, path, purpose);
  });
  const tap = vi.spyOn(PairStreams.prototype, 'stream').mockImplementation(function (
    this: PairStreams,
    path: string,
    purpose: string,
  ) {
    if (path === PUBLIC) return stream.call(this, path, purpose);
    const asked = ends.get(this) ?? [];
    asked.push(`${path}:${purpose}`);
    draws.add(`${keyOf(this)} ${path}:${purpose}`);
    ends.set(this, asked);
    return stream.call(this, path, purpose);
  });
  try {
    await task();
  } finally {
    tap.mockRestore();
    reads.mockRestore();
  }
  return {
    ends: [...ends.values()],
    draws,
    tables: [...tables.values()].map((asked) => [...asked].sort()),
    repeated: () =>
      [...ends.values()].flatMap((asked) => {
        const seen = new Set<string>();
        return asked.filter((address) => seen.size === seen.add(address).size);
      }),
  };
}
