/** Openings of what is longer than a message: masks and P2's parts of products. */
import { expect, it } from 'vitest';
import { BLOCK_ELEMENTS } from '../../src/channel/blocks.ts';
import * as beaver from '../../src/protocols/paper/beaver.ts';
import { openBlocks } from '../../src/party/open.ts';
import type { Party } from '../../src/party/party.ts';
import * as z64 from '../../src/ring/z64.ts';
import { randomRing, shares } from '../reference.ts';
import { simulate } from '../simulate.ts';

const COUNT = 5 * BLOCK_ELEMENTS + 3;
const x = randomRing(COUNT);
const parts = shares(x);

/** Comparing elements one by one takes seconds. */
const same = (a: BigUint64Array, b: BigUint64Array): boolean =>
  Buffer.compare(
    new Uint8Array(a.buffer, a.byteOffset, a.byteLength),
    new Uint8Array(b.buffer, b.byteOffset, b.byteLength),
  ) === 0;

const opening = (share: (party: Party, from: number, to: number) => BigUint64Array) => (party: Party) =>
  party.id === 2
    ? Promise.resolve(new BigUint64Array(0))
    : openBlocks(party, 'x', COUNT, (from, to) => share(party, from, to));

it('opens block by block in one round, in which nothing but shares is sent', async () => {
  const { results, traffic, rounds, bytes } = await simulate(
    opening(({ worker }, from, to) => parts[worker].slice(from, to)),
  );
  expect(same(results[0], x)).toBe(true);
  expect(same(results[1], x)).toBe(true);
  expect(traffic.map(({ messages }) => messages)).toEqual([6, 6, 0]);
  expect({ rounds, bytes }).toEqual({ rounds: 1, bytes: 16 * COUNT });
});

it('refuses a block of another length', async () => {
  const cut = opening(({ worker }, from, to) => parts[worker].slice(from, worker === 1 && from > 0 ? to - 1 : to));
  await expect(simulate(cut)).rejects.toThrow(
    `expected ":x/1" (u64[${BLOCK_ELEMENTS}]), found u64[${BLOCK_ELEMENTS - 1}]`,
  );
});

it('masks and opens a long value, and deals its part, for the cost declared', async () => {
  const part = randomRing(COUNT);
  const { results, bytes, rounds } = await simulate(async (party) => {
    if (party.id === 2) {
      const mask = await party.under('mask', (child) => beaver.helperMask(child, COUNT));
      await party.under('whole', (child) => beaver.dealPart(child, part));
      return { E: part, share: z64.add(...mask.shares) };
    }
    const masked = await party.under('mask', (child) => beaver.workersMask(child, parts[party.worker]));
    const share = await party.under('whole', (child) => beaver.dealtPart(child, parts[party.worker]));
    return { E: masked.opened, share };
  });
  const [zero, one, two] = results;
  expect(same(zero.E, one.E)).toBe(true);
  expect(same(z64.add(zero.E, two.share), x)).toBe(true);
  expect(same(z64.add(zero.share, one.share), z64.add(x, part))).toBe(true);
  expect(bytes).toBe(beaver.maskCost(COUNT).bytes + beaver.partCost(COUNT).bytes);
  expect(rounds).toBe(beaver.maskCost(COUNT).rounds);
});
