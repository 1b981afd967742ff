/** Draws over the odd ring, in the one case that no run ever sees; and draws of tensors that take many chunks, slices and blocks. */
import { expect, it } from 'vitest';
import { uniformOdd } from '../../src/party/deal.ts';
import type { Party } from '../../src/party/party.ts';
import * as dealtTruncation from '../../src/protocols/direct/dealtTruncation.ts';
import * as directRelu from '../../src/protocols/direct/directRelu.ts';
import * as beaver from '../../src/protocols/paper/beaver.ts';
import * as unitVectors from '../../src/protocols/paper/unitVectors.ts';
import type { Stream } from '../../src/random/stream.ts';
import { simulate } from '../simulate.ts';

it('takes no 2^64 − 1 for an element of Z_(2^64 − 1), however many come in a row', () => {
  const none = 2n ** 64n - 1n;
  const given = [none, 5n, none - 1n, 0n, none, none, none, 7n, 8n];
  const stream = { z64: (n: number) => BigUint64Array.from(given.splice(0, n)) } as Stream;
  // The first five: of them the first and the last are drawn again, the first one three times.
  expect([...uniformOdd(stream, 5)]).toEqual([7n, 5n, none - 1n, 0n, 8n]);
});

/** More than four chunks of 16,384, and than one block of 65,536. */
const LONG = 5 * 16_384 + 3;

interface Long {
  readonly name: string;
  readonly workers: (party: Party, zeros: BigUint64Array) => Promise<unknown>;
  readonly helper: (party: Party) => Promise<unknown>;
}

const LONG_ONES: readonly Long[] = [
  {
    name: 'a mask, and P2’s part of a product',
    workers: async (party, zeros) => {
      await beaver.workersMask(party, zeros);
      await beaver.dealtPart(party, zeros);
    },
    helper: async (party) => {
      await beaver.helperMask(party, LONG);
      await beaver.dealPart(party, new BigUint64Array(LONG));
    },
  },
  {
    name: 'a mask of which P2 takes the sum',
    workers: (party, zeros) => beaver.workersMask(party, zeros),
    helper: (party) => beaver.maskOf(party, LONG),
  },
  {
    name: 'a truncation',
    workers: (party, zeros) => dealtTruncation.workersDealt(party, zeros, 16),
    helper: (party) => dealtTruncation.helperDealt(party, LONG, 16),
  },
  {
    name: 'a ReLU',
    workers: (party, zeros) => directRelu.workers(party, zeros, 33),
    helper: async (party) => directRelu.helper(party, await directRelu.helperBits(party, LONG), 33),
  },
  {
    name: 'unit vectors',
    workers: (party, zeros) => unitVectors.workers(party, zeros, 2),
    helper: (party) => unitVectors.helper(party, LONG, 2),
  },
];

it.each(LONG_ONES)('a long tensor of zeros is masked by words of which none comes twice: $name', async (protocol) => {
  const seen = [0, 1, 2].map(() => ({ words: new Set<bigint>(), count: 0 }));
  const bits: string[] = [];
  await simulate<unknown>(
    (party) => (party.id === 2 ? protocol.helper(party) : protocol.workers(party, new BigUint64Array(LONG))),
    {
      memory: () => ({
        record: ({ to, label, data }) => {
          const { words } = seen[Number(to[1])];
          if (label.endsWith(':v')) bits.push(`${to} ${Buffer.from(data as Uint8Array).toString('hex')}`);
          if (!(data instanceof BigUint64Array)) return;
          for (const word of data) words.add(word);
          seen[Number(to[1])].count += data.length;
        },
      }),
    },
  );
  for (const { words, count } of seen) expect(words.size).toBe(count);
  expect(seen[0].count + seen[1].count + seen[2].count).toBeGreaterThanOrEqual(2 * LONG);
  // What is told of whole chunks, apart from the last short one, is told once.
  expect(new Set(bits).size).toBe(bits.length);
});
