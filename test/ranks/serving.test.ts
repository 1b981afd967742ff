/** Serving sessions of several ranks: batches are answered by ranks in turn, with the answers of one, bit for bit. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { RecordedMessage } from '../../src/channel/memory.ts';
import { pixelSource } from '../../src/data/encode.ts';
import { add } from '../../src/ring/z64.ts';
import { PARTY_NAMES } from '../../src/server/ipc.ts';
import type { ServeJob } from '../../src/server/job.ts';
import type { ServingEnds } from '../../src/server/serving-ends.ts';
import { watchAddresses } from '../addresses.ts';
import { type Flipped, flipping } from '../changed-message.ts';
import { inputParts, serveFederated, type OfEach } from '../federated.ts';
import { SERVING, trainTiny } from '../tiny-served.ts';
import { ranksInProcess } from './in-process.ts';
import type { RankOptions } from './simulate.ts';

/** The owner's masks decide roundings, too: the same in all sessions. */
const masks = Array.from({ length: 32 }, (_, n) => [0, 1].map((i) => new Uint8Array(16).fill(1 + 2 * n + i)));
let folder: string;

beforeAll(async () => {
  folder = await trainTiny('ranks-serving');
});

interface Served {
  /** By input, in words: scores in units. */
  readonly answers: ReadonlyMap<string, string>;
  /** What ranks said to each other, of each rank. */
  readonly said: ReadonlyMap<number, readonly RecordedMessage[]>;
  /** How it ended before it was over. */
  readonly error: string;
  /** Of each party, ids of inputs in the order in which they were answered. */
  readonly handedOut: OfEach<string[]>;
}

/** @param atOnce inputs that wait for their answers at a time  @param flipped of a rank's link */
async function served(
  size: number,
  {
    security,
    count,
    atOnce = 1,
    flipped,
    within,
  }: {
    readonly security?: 'private';
    readonly count: number;
    readonly atOnce?: number;
    readonly flipped?: { readonly rank: number; readonly message: Flipped };
    readonly within?: RankOptions['within'];
  },
): Promise<Served> {
  const job: ServeJob = { ...SERVING, ...(security && { security }), ranks: size === 1 ? undefined : size };
  const said = new Map<number, RecordedMessage[]>();
  const note = (rank: number, message: RecordedMessage): void =>
    void said.set(rank, [...(said.get(rank) ?? []), message]);
  const shares = new Map<string, BigUint64Array[]>();
  const handedOut: OfEach<string[]> = { P0: [], P1: [], P2: [] };
  const waiting = new Map<string, () => void>();
  let ends: OfEach<ServingEnds> | undefined;
  const askOne = async (n: number): Promise<void> => {
    const images = 1 + (n % 3);
    const pixels = Uint8Array.from({ length: 4 * images }, (_, i) => (n * 31 + i * 57) % 256);
    const parts = inputParts({ id: `${n}`, client: 'somebody', images }, pixelSource(pixels, 16), masks[n]);
    const done = PARTY_NAMES.map((party) => new Promise<void>((resolve) => waiting.set(`${party} ${n}`, resolve)));
    for (const party of PARTY_NAMES) ends![party].take([parts[party]]);
    await Promise.all(done);
  };
  const ask = async (): Promise<void> => {
    const lanes = Array.from({ length: atOnce }, async (_, lane) => {
      for (let n = lane; n < count; n += atOnce) await askOne(n);
    });
    await Promise.all(lanes);
    await ends!.P0.stop();
  };
  const options = {
    ...{ seed: 2, folder },
    record: (message: RecordedMessage) => note(0, message),
    onBegin: (begun: OfEach<ServingEnds>) => (ends = begun),
    ...(size > 1 && {
      ranks: ranksInProcess(job, size, {
        record: note,
        ...(within && { within }),
        tamper: (rank) => (flipped?.rank === rank ? flipping(flipped.message) : undefined),
      }),
    }),
  };
  let error = '';
  let asking: Promise<void> | undefined;
  await serveFederated(job, {
    ...options,
    onNotice: (party, notice) => {
      if (notice.type === 'event' && notice.event.kind === 'ready' && party === 'P0') asking = ask();
      if (notice.type !== 'answers') return;
      for (const { id, share } of notice.answers) {
        handedOut[party].push(id);
        if (share !== null) shares.set(id, [...(shares.get(id) ?? []), share]);
        waiting.get(`${party} ${id}`)?.();
      }
    },
  }).then(
    () => asking,
    (reason: Error) => (error = reason.message),
  );
  const answers = [...shares].flatMap(([id, [a, b]]) => (b ? [[id, add(a, b).join(' ')] as const] : []));
  return { answers: new Map(answers), said, error, handedOut };
}

describe('ranks', () => {
  it.each([
    [2, undefined],
    [3, undefined],
    [5, undefined],
    [3, 'private'],
  ] as const)('%i, %s: answer one after the other what one answers, bit for bit', async (size, security) => {
    const task = { count: 7, ...(security && { security }) };
    const [one, several] = [await served(1, task), await served(size, task)];
    expect(one.answers.size).toBe(7);
    expect(several.answers).toEqual(one.answers);
    expect(several.error).toBe('');
    // Who computes a batch says so on its own links.
    for (const [rank, messages] of several.said) {
      const batches = messages.flatMap(({ label }) => /^\/inputs\/0\/(\d+)\//.exec(label)?.[1] ?? []);
      expect([...new Set(batches)].map(Number)).toEqual([0, 1, 2, 3, 4, 5, 6].filter((n) => n % size === rank));
    }
  });

  it.each(['semi-honest', 'private'] as const)(
    'answer those who ask at once, and draw from no address twice, %s',
    async (security) => {
      const task = { count: 24, atOnce: 8, ...(security === 'private' && { security }) };
      let found: Served | undefined;
      const addresses = await watchAddresses(async () => (found = await served(3, task)));
      expect(found!.error).toBe('');
      expect([...found!.answers.keys()].sort()).toEqual(Array.from({ length: 24 }, (_, n) => `${n}`).sort());
      expect(addresses.repeated()).toEqual([]);
    },
  );

  it('are told of a batch, with its keys, and hand its answers on, when it is their turn alone', async () => {
    const told = new Set<string>();
    const within: RankOptions['within'] = (party, label, between) => {
      const [, n] = /^(?:serving|answers)\/(\d+)/.exec(label) ?? [];
      if (n !== undefined) told.add(`P${party} ${label}: ${between.join(' ')}`);
    };
    expect((await served(4, { count: 6, within })).answers.size).toBe(6);
    const all = [1, 2, 3, 5].flatMap((n) =>
      [0, 1, 2].flatMap((party) => [
        `P${party} serving/${n}: 0 ${n % 4}`,
        ...(party < 2 ? [`P${party} serving/${n}/opened: 0 ${n % 4}`] : []),
        `P${party} answers/${n}: 0 ${n % 4}`,
      ]),
    );
    expect([...told].sort()).toEqual(all.sort());
  });

  it('hand out no answer for which the workers have opened something else, whichever rank computes it', async () => {
    const { said } = await served(3, { count: 4, security: 'private' });
    // What P0 says to P1 of what the second batch opens, which rank 1 computes.
    const opened = said
      .get(1)!
      .filter(
        ({ from, to, data, label }) =>
          from === 'P0' && to === 'P1' && data instanceof BigUint64Array && label.startsWith('/inputs/0/1/'),
      );
    expect(opened.length).toBeGreaterThan(0);
    const { from, label } = opened[0];
    const lied = await served(3, { count: 4, security: 'private', flipped: { rank: 1, message: { from, label } } });
    expect(lied.error).not.toBe('');
    expect(lied.handedOut.P0).toEqual(['0']);
    expect(lied.handedOut.P1).toEqual(['0']);
  });
});
