/** Whatever the workers open enters what they compare, under every purpose; and what was to be revealed waits. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { PeerName } from '../../src/channel/channel.ts';
import { BLOCK_ELEMENTS } from '../../src/channel/blocks.ts';
import { decodeFrame, encodeFrame } from '../../src/channel/frame.ts';
import { Ledger } from '../../src/party/ledger.ts';
import { open, openBlocks, openBytes, openEach, openOdd } from '../../src/party/open.ts';
import { createParty, type Party, type PartyId } from '../../src/party/party.ts';
import { OpeningDigest, OpeningKeys } from '../../src/random/openings.ts';
import { PairStreams } from '../../src/random/streams.ts';
import { connected, testCompute } from '../simulate.ts';

const stream = new PairStreams(new Uint8Array(randomBytes(16))).stream('openings', 'keys');
const keys = new OpeningKeys(stream);

/** Runs the workers; returns what each was told, or why it failed. `flip`: the label of a message to P1 of which a bit is changed. */
async function workers(
  script: (party: Party, revealed: string[]) => Promise<void>,
  flip?: string,
): Promise<readonly { readonly revealed: string[]; readonly error: string }[]> {
  const compute = await testCompute();
  const random = (): Uint8Array => new Uint8Array(randomBytes(16));
  const tamper = (_: number, bytes: Uint8Array, from: PeerName): Uint8Array[] => {
    const frame = decodeFrame([bytes]);
    if (frame.label !== flip || from !== 'P0') return [bytes];
    const data = frame.data.slice();
    new Uint8Array(data.buffer)[data.byteLength - 3] ^= 8;
    const { header, payload } = encodeFrame({ ...frame, data });
    return [new Uint8Array(Buffer.concat([header, payload]))];
  };
  const { links, streams } = connected([random(), random(), random()], {
    memory: (a, b) => (a === 'P0' && b === 'P1' ? { tamper } : {}),
  });
  return Promise.all(
    ([0, 1] as PartyId[]).map(async (id) => {
      const setup = { id, rank: 0, links: links[id], streams: streams[id], compute, security: 'private' as const };
      const party = createParty({ ...setup, ledger: new Ledger(() => new OpeningDigest(keys)) });
      const revealed: string[] = [];
      try {
        await script(party, revealed);
        return { revealed, error: '' };
      } catch (error) {
        return { revealed, error: (error as Error).message };
      }
    }),
  );
}

const share = (count: number, id: number): BigUint64Array =>
  new BigUint64Array(count).map((_, i) => BigInt(i) * 7n + BigInt(id));
const BLOCKS = BLOCK_ELEMENTS + 5;

const openings: [string, string, (party: Party) => Promise<unknown>][] = [
  ['of one message', '/a:x', (party) => open(party, 'x', share(9, party.id))],
  ['over Z_{2^64 − 1}', '/a:x', (party) => openOdd(party, 'x', share(9, party.id))],
  ['over Z_256', '/a:x', (party) => openBytes(party, 'x', new Uint8Array(9).fill(party.id))],
  ...['/a:x', '/a:x/1'].map(
    (label) =>
      [
        `in blocks, ${label}`,
        label,
        (party: Party) => openBlocks(party, 'x', BLOCKS, (from, to) => share(to - from, party.id)),
      ] as [string, string, (party: Party) => Promise<unknown>],
  ),
  [
    'block by block',
    '/a:x/1',
    (party) =>
      openEach(
        party,
        'x',
        BLOCKS,
        (from, to) => share(to - from, party.id),
        () => undefined,
      ),
  ],
];

describe('an opening', () => {
  const script =
    (task: (party: Party) => Promise<unknown>) =>
    async (party: Party, revealed: string[]): Promise<void> => {
      await party.under('a', task);
      await party.reveal(() => Promise.resolve(void revealed.push('result')));
      expect(revealed).toEqual([]);
      await party.agree();
    };

  it.each(openings)('%s: agreed upon, then a result is revealed', async (_, label, task) => {
    for (const outcome of await workers(script(task))) expect(outcome).toEqual({ revealed: ['result'], error: '' });
    for (const { revealed, error } of await workers(script(task), label)) {
      expect(revealed).toEqual([]);
      expect(error).toMatch(/P0 and P1 have opened different values/);
    }
  });

  it('of one task and of another are agreed upon apart, whichever is first', async () => {
    const order: string[] = [];
    const outcomes = await workers(async (party, revealed) => {
      const task = (label: string): Promise<void> =>
        party.apart(label, async (child) => {
          await open(child, 'x', share(3, party.id));
          await child.reveal(() => Promise.resolve(void revealed.push(label)));
          await child.agree();
          order.push(`${party.name} ${label}`);
        });
      // P1 has done all of the second before it begins the first.
      const labels = party.id === 0 ? ['a', 'b'] : ['b', 'a'];
      const second = party.id === 0 ? task('b') : undefined;
      if (party.id === 0) await Promise.all([task('a'), second]);
      else for (const label of labels) await task(label);
      await party.agree({ always: true });
    });
    for (const { revealed, error } of outcomes) expect([error, revealed.sort()]).toEqual(['', ['a', 'b']]);
    expect(order.length).toBe(4);
  });

  it('waits for the other ranks, and reveals nothing where one of them has failed', async () => {
    const failing = await workers(async (party, revealed) => {
      await party.reveal(() => Promise.resolve(void revealed.push('result')));
      await party.agree({ others: () => Promise.reject(new Error('rank 2')) });
    });
    for (const outcome of failing) expect(outcome).toEqual({ revealed: [], error: 'rank 2' });
  });

  it('is compared only where something waits, or where it is asked for', async () => {
    const outcomes = await workers(async (party) => {
      await party.agree();
      expect(party.depth).toBe(0);
      await party.agree({ always: true });
      expect(party.depth).toBe(1);
    });
    expect(outcomes.map(({ error }) => error)).toEqual(['', '']);
  });
});
