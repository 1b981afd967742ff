/**
 * Challenges of proofs are drawn once: who knew one before it deals could deal digits that are none and meet it. Every seed that P2 is told in a
 * training of small chunks is another one, and no party draws from an address twice.
 */
import { expect, it } from 'vitest';
import { DIRECT, OPTIONS, PAPER, trainSecure } from '../nn/tiny.ts';
import { watchAddresses } from '../addresses.ts';

it.each([
  ['direct', DIRECT],
  ['paper', PAPER],
] as const)('in a private training P2 is told no seed twice, %s suite', async (_name, setting) => {
  const seeds: string[] = [];
  const addresses = await watchAddresses(() =>
    trainSecure(
      setting,
      { ...OPTIONS, momentum: 0 },
      {
        chunk: 7,
        security: 'private',
        memory: () => ({
          record: ({ to, label, data }) => {
            if (to === 'P2' && /\/proof\b.*:seed$/.test(label))
              seeds.push(Buffer.from(data as Uint8Array).toString('hex'));
          },
        }),
      },
    ),
  );
  expect(addresses.repeated()).toEqual([]);
  expect(seeds.length).toBeGreaterThan(20);
  expect(new Set(seeds).size).toBe(seeds.length);
});
