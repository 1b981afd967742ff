/**
 * What a link is told by whoever is at the other end, made up: frames, handshakes, claims, heartbeats, outages. Nothing of it may crash
 * this process, hang it, or have it take what it should not. `bench/fuzz-links.ts` runs many cases, `test/channel/fuzz.test.ts` a few.
 */
import fc from 'fast-check';

export interface Fuzz {
  readonly name: string;
  /** Of all cases. */
  readonly share: number;
  /** Resolves with how many cases were tried; rejects with a counterexample. */
  readonly run: (cases: number, seed: number) => Promise<number>;
}

class Wrong extends Error {}

export function expect(right: boolean, what: string): void {
  if (!right) throw new Wrong(what);
}

/** How long a case may take: none waits for anything but this process. */
const CASE_MS = 10_000;

export function fuzz<T>(name: string, share: number, arbitrary: fc.Arbitrary<T>, check: (value: T) => unknown): Fuzz {
  const run = async (cases: number, seed: number): Promise<number> => {
    let tried = 0;
    const property = fc.asyncProperty(arbitrary, async (value) => {
      tried++;
      await check(value);
    });
    await fc.assert(property, { numRuns: cases, seed, timeout: CASE_MS, endOnFailure: true });
    return tried;
  };
  return { name, share, run };
}

/** Changes to bytes: one is set, some are cut off, put in or doubled. */
export type Change = { readonly how: 'set' | 'cut' | 'insert' | 'double'; readonly at: number; readonly value: number };
export const change: fc.Arbitrary<Change> = fc.record({
  how: fc.constantFrom<Change['how']>('set', 'cut', 'insert', 'double'),
  at: fc.nat(2 ** 16),
  value: fc.nat(255),
});

export function changed(original: Uint8Array, changes: readonly Change[]): Uint8Array {
  let now = Buffer.from(original);
  for (const { how, at, value } of changes) {
    const place = now.length === 0 ? 0 : at % now.length;
    if (how === 'set' && now.length > 0) now[place] = value;
    else if (how === 'cut') now = now.subarray(0, place);
    else if (how === 'insert') now = Buffer.concat([now.subarray(0, place), Buffer.of(value), now.subarray(place)]);
    else if (how === 'double') now = Buffer.concat([now, now.subarray(place)]);
  }
  return new Uint8Array(now);
}
