/** Inferences and sessions that are private: few values are compared by functions, so nothing that the workers compute is said to P2. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { RecordedMessage } from '../../src/channel/memory.ts';
import { ownInference } from '../../src/client/inference.ts';
import { pixelSource } from '../../src/data/encode.ts';
import { initialValues } from '../../src/nn/initial.ts';
import { type Network, parameters } from '../../src/nn/network.ts';
import { correctionBytes } from '../../src/protocols/direct/dcf.ts';
import { add } from '../../src/ring/z64.ts';
import { PARTY_NAMES } from '../../src/server/ipc.ts';
import type { InferJob, ServeJob } from '../../src/server/job.ts';
import { fewValuesOf, keysAhead } from '../../src/server/keys-ahead.ts';
import type { ServingEnds } from '../../src/server/serving-ends.ts';
import { watchAddresses } from '../addresses.ts';
import { type Flipped, flipping } from '../changed-message.ts';
import { inputParts, serveFederated, type OfEach } from '../federated.ts';
import { session } from '../session.ts';
import { SERVING as SCORED, trainTiny } from '../tiny-served.ts';
import { DIRECT_SUITE } from '../training.ts';
import { CONVOLUTIONAL, OBSERVER } from './tiny-training.ts';

const IMAGES = 7;

/** What a protocol says to P2: not how the parties of a session, or their owner, arrange it. */
const toHelper = (said: readonly RecordedMessage[]): RecordedMessage[] =>
  said.filter(({ to, label }) => to === 'P2' && label.startsWith('/'));

describe('a private inference', () => {
  const job: InferJob = {
    ...{
      kind: 'infer',
      sessionId: 'i',
      network: CONVOLUTIONAL,
      ...DIRECT_SUITE,
      batch: 3,
      images: IMAGES,
      scores: true,
    },
  };
  const { fractionBits } = job;
  const model = {
    network: CONVOLUTIONAL,
    fractionBits,
    tensors: new Map(
      parameters(CONVOLUTIONAL).map((spec) => {
        const { name, shape } = spec;
        return [name, { shape, data: Float64Array.from(initialValues(spec, 1)) }];
      }),
    ),
  };
  const pixels = Uint8Array.from({ length: 16 * IMAGES }, (_, i) => (i * 37) % 256);
  const inferred = async (security: InferJob['security']): Promise<{ found: unknown; said: RecordedMessage[] }> => {
    const said: RecordedMessage[] = [];
    const found = await session(
      { ...job, ...(security && { security }) },
      (owner) =>
        ownInference(
          owner,
          { network: CONVOLUTIONAL, fractionBits, batch: job.batch, scores: true },
          model,
          pixelSource(pixels, fractionBits),
          OBSERVER,
        ),
      { seed: 24, record: (message) => said.push(message) },
    );
    return { found, said };
  };

  it('gives what a semi-honest one gives, and P2 hears nothing', async () => {
    const [open, closed] = [await inferred(undefined), await inferred('private')];
    expect(closed.found).toEqual(open.found);
    expect(toHelper(open.said).length).toBeGreaterThan(0);
    expect(toHelper(closed.said)).toEqual([]);
    expect(closed.said.filter(({ label }) => label.startsWith('/functions/32/')).length).toBeGreaterThan(0);
  });

  it('draws from no address twice', async () => {
    const addresses = await watchAddresses(() => inferred('private'));
    expect(addresses.repeated()).toEqual([]);
    expect(addresses.ends.flat().some((address) => address.startsWith('/functions/32/0/0:roots'))).toBe(true);
  });

  it('has keys for no more than it compares, and for a few images at a time', async () => {
    const privately = { ...job, security: 'private' } as const;
    const one = await keysAhead({ ...privately, batch: 1, images: 1 });
    expect(one.ready).toBeGreaterThan(0);
    expect(one.total).toBe(one.ready);
    const many = await keysAhead({ ...privately, batch: 1, images: 1000 });
    expect(many).toEqual({ ready: 8 * one.total, total: 1000 * one.total, beside: true });
    const large: Network = { ...CONVOLUTIONAL, input: [128, 128, 1] };
    const { ready } = await keysAhead({ ...privately, network: large, batch: 1, images: 1000 });
    expect(ready * correctionBytes(32)).toBeLessThanOrEqual(64 * 2 ** 20);
    expect(await keysAhead(job)).toEqual({ ready: 0, total: 0, beside: false });
    expect(fewValuesOf({ ...job, kind: 'train', security: 'private' })).toBeUndefined();
    expect(fewValuesOf({ ...job, suite: 'paper', security: 'private' })).toBeUndefined();
  });
});

describe('a private session', () => {
  const SERVING: ServeJob = { ...SCORED, scores: undefined };
  let folder: string;

  beforeAll(async () => {
    folder = await trainTiny('private');
  });

  interface Answered {
    readonly found: readonly (readonly [string, BigUint64Array])[];
    readonly said: readonly RecordedMessage[];
    /** How it ended before it was over. */
    readonly error: string;
    /** By worker and image. */
    readonly handedOut: readonly string[];
  }

  /** So many images at a time, and their answers. @param flipped the message of which a bit is changed on the way */
  async function answered(job: ServeJob, count: number, atOnce = 1, flipped?: Flipped): Promise<Answered> {
    const said: RecordedMessage[] = [];
    const shares = new Map<string, BigUint64Array[]>();
    const handedOut: string[] = [];
    const waiting = new Map<string, () => void>();
    let ends: OfEach<ServingEnds> | undefined;
    const askOne = async (n: number): Promise<void> => {
      const parts = inputParts(
        { id: `${n}`, client: 'somebody', images: 1 },
        pixelSource(Uint8Array.of(n, 255 - n, 3 * n, 40), 16),
      );
      const done = PARTY_NAMES.map((party) => new Promise<void>((resolve) => waiting.set(`${party} ${n}`, resolve)));
      for (const party of PARTY_NAMES) ends![party].take([parts[party]]);
      await Promise.all(done);
    };
    const ask = async (): Promise<void> => {
      for (let n = 0; n < count; n += atOnce)
        await Promise.all(Array.from({ length: Math.min(atOnce, count - n) }, (__, i) => askOne(n + i)));
      await ends!.P0.stop();
    };
    let asking: Promise<void> | undefined;
    let error = '';
    const served = await serveFederated(job, {
      ...{ seed: 2, folder },
      record: (message) => said.push(message),
      tamper: () => flipped && flipping(flipped),
      onBegin: (begun) => (ends = begun),
      onNotice: (party, notice) => {
        if (notice.type === 'event' && notice.event.kind === 'ready' && party === 'P0') asking = ask();
        if (notice.type !== 'answers') return;
        for (const { id, share } of notice.answers) {
          if (share !== null) {
            shares.set(id, [...(shares.get(id) ?? []), share]);
            handedOut.push(`${party} ${id}`);
          }
          waiting.get(`${party} ${id}`)?.();
        }
      },
    }).catch((failure: unknown) => {
      error = (failure as Error).message;
      return undefined;
    });
    // Those who ask in vain are not waited for.
    if (served !== undefined) await asking;
    const found = [...shares]
      .filter(([, both]) => both.length === 2)
      .map(([id, [first, second]]) => [id, add(first, second)] as const);
    return { found, said, error, handedOut };
  }

  it('answers as a semi-honest one does, P2 hears nothing, and keys that nobody used are taken when it ends', async () => {
    const [open, closed] = [await answered(SERVING, 5), await answered({ ...SERVING, security: 'private' }, 5)];
    expect([open.error, closed.error]).toEqual(['', '']);
    expect(closed.found.length).toBe(5);
    expect(closed.found).toEqual(open.found);
    expect(toHelper(open.said).length).toBeGreaterThan(0);
    expect(toHelper(closed.said)).toEqual([]);
    const told = closed.said.filter(({ label }) => label === '/functions:end');
    expect(told.map(({ to }) => to).toSorted()).toEqual(['P0', 'P1']);
  });

  it('answers batches side by side, each behind digests of its own, and draws from no address twice', async () => {
    const job = { ...SERVING, security: 'private', maxBatch: 1 } as const;
    const alone = await answered(job, 12);
    let several: Answered | undefined;
    const addresses = await watchAddresses(async () => {
      several = await answered(job, 12, 6);
    });
    const { found, said, error } = several!;
    expect(error).toBe('');
    const sorted = (of: Answered['found']): Answered['found'] => of.toSorted(([a], [b]) => Number(a) - Number(b));
    // In whatever order they were answered, which decides how truncations round.
    expect(sorted(found).map(([id]) => id)).toEqual(sorted(alone.found).map(([id]) => id));
    expect(addresses.repeated()).toEqual([]);
    const labels = new Set(said.map(({ label }) => label).filter((label) => /^\/inputs\/.*openings/.test(label)));
    expect(labels.size).toBe(12);
    expect(toHelper(said)).toEqual([]);
  });

  it('hands out no answer of which an opening was changed, and those before it stand', async () => {
    const job = { ...SERVING, security: 'private', maxBatch: 1 } as const;
    const { said, found } = await answered(job, 6, 3);
    expect(found.length).toBe(6);
    // Of the fifth image, in the lanes of those that are answered side by side.
    const openings = said.filter(
      ({ from, to, label }) =>
        from !== 'P2' && to !== 'P2' && /^\/inputs\/0\/4\//.test(label) && !label.includes('openings'),
    );
    expect(openings.length).toBeGreaterThan(4);
    for (const { from, label } of openings) {
      const changed = await answered(job, 6, 3, { from, label });
      expect(changed.error, `${from} ${label}`).toMatch(/\/inputs\/0\/4: P0 and P1 have opened different values/);
      // The fifth batch, whichever image it is.
      const batches = changed.handedOut.filter((one) => one.startsWith('P0')).length;
      expect(batches, `${from} ${label}`).toBeLessThan(6);
      for (const [id] of changed.found) expect(Number(id)).toBeLessThan(6);
    }
  });
});
