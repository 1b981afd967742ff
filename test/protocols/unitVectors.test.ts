/** Unit vectors of secret indices: P2 opens a rotated index and must learn nothing from it, whatever it knows of the shares. */
import { describe, expect, it } from 'vitest';
import * as unitVectors from '../../src/protocols/paper/unitVectors.ts';
import * as z64 from '../../src/ring/z64.ts';
import { looksUniform, ring, shares } from '../reference.ts';
import { pairKeys, simulate, withoutMask } from '../simulate.ts';

const COUNT = 16384;
/** Fixed, so that a check at the 99.99 % point passes or fails for good. */
const KEYS = pairKeys(4, 5, 6);
/** Shares that P2 knows to the last bit: it may have dealt all that they are made of. */
const KNOWN = [new BigUint64Array(COUNT), ring(Array.from({ length: COUNT }, () => 2n))];

/** What P2 receives from P0 and P1; `zeroed` names a draw of the workers that is taken away. */
async function helperView(zeroed?: string): Promise<[BigUint64Array, BigUint64Array]> {
  const view: Record<string, BigUint64Array> = {};
  await simulate(
    (party) =>
      party.id === 2
        ? unitVectors.helper(party, COUNT, 4)
        : unitVectors.workers(party, KNOWN[party.id], 4).then(() => undefined),
    {
      keys: KEYS,
      chunk: COUNT,
      memory: () => ({
        record: ({ from, to, data }) => {
          if (to === 'P2') view[from] = data as BigUint64Array;
        },
      }),
      streams: (streams) => ({
        stream: (path, purpose) => {
          const stream = streams.stream(path, purpose);
          return purpose === zeroed ? withoutMask(stream) : stream;
        },
      }),
    },
  );
  return [view['P0'], view['P1']];
}

function bytesUniform(words: BigUint64Array): boolean {
  const bytes = new Uint8Array(words.buffer, words.byteOffset, words.byteLength);
  return Array.from({ length: 8 }, (_, b) => {
    const counts = new Array<number>(256).fill(0);
    for (let i = b; i < bytes.length; i += 8) counts[bytes[i]]++;
    return looksUniform(counts);
  }).every(Boolean);
}

describe('unit vectors', () => {
  it('are those of the indices, for every index and length', async () => {
    for (const n of [1, 2, 3, 5, 8]) {
      const index = ring(Array.from({ length: 7 * n }, (_, i) => i % n));
      const parts = shares(index);
      const { results } = await simulate(
        async (party) => {
          if (party.id === 2) await unitVectors.helper(party, index.length, n);
          return party.id === 2 ? undefined : unitVectors.workers(party, parts[party.id], n);
        },
        { chunk: 5 },
      );
      const units = z64.add(results[0]!, results[1]!);
      const expected = Array.from(index).flatMap((k) => Array.from({ length: n }, (_, i) => (BigInt(i) === k ? 1 : 0)));
      expect(units).toEqual(ring(expected));
    }
  });

  it('refuse a length of none', async () => {
    await expect(simulate((party) => unitVectors.helper(party, 1, 0))).rejects.toThrow('unit vectors of length 0');
  });

  it('leave P2 with uniform messages and a uniform rotated index', async () => {
    const [k0, k1] = await helperView();
    expect(bytesUniform(k0)).toBe(true);
    expect(bytesUniform(k1)).toBe(true);
    expect(bytesUniform(z64.add(k0, k1))).toBe(true);
  });

  it('would show P2 the share it knows without the refresh, and the index without the rotation', async () => {
    expect(bytesUniform((await helperView('u'))[1])).toBe(false);
    const [k0, k1] = await helperView('r');
    expect(bytesUniform(z64.add(k0, k1))).toBe(false);
  });
});
