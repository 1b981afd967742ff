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
import type { InferJob, ServeJob, TrainJob } from '../../src/server/job.ts';
import { fewValuesOf, keysAhead } from '../../src/server/keys-ahead.ts';
import type { ServingEnds } from '../../src/server/serving-ends.ts';
import { watchAddresses } from '../addresses.ts';
import { inputParts, serveFederated, storeData, trainFederated, type OfEach } from '../federated.ts';
import { temporaryFolder } from '../folder.ts';
import { session } from '../session.ts';
import { TINY_IMAGES } from '../tiny-images.ts';
import { DIRECT_SUITE, SOFTMAX_SGD } from '../training.ts';
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
    expect(many).toEqual({ ready: 8 * one.total, total: 1000 * one.total });
    const large: Network = { ...CONVOLUTIONAL, input: [128, 128, 1] };
    const { ready } = await keysAhead({ ...privately, network: large, batch: 1, images: 1000 });
    expect(ready * correctionBytes(32)).toBeLessThanOrEqual(64 * 2 ** 20);
    expect(await keysAhead(job)).toEqual({ ready: 0, total: 0 });
    expect(fewValuesOf({ ...job, kind: 'train', security: 'private' })).toBeUndefined();
    expect(fewValuesOf({ ...job, suite: 'paper', security: 'private' })).toBeUndefined();
  });
});

describe('a private session', () => {
  const DOCUMENT = 'd0'.repeat(32);
  const TRAINING: TrainJob = {
    ...{ kind: 'train', sessionId: '', document: DOCUMENT, network: TINY_IMAGES, ...DIRECT_SUITE, ...SOFTMAX_SGD },
    ...{ batch: 4, trainImages: 12, testImages: 0, steps: 2, checkpointEvery: 100, keepModel: true },
  };
  const JOB: ServeJob = {
    ...{ kind: 'serve', sessionId: 's', document: '5e'.repeat(32), network: TINY_IMAGES, ...DIRECT_SUITE },
    ...{ model: DOCUMENT, maxBatch: 64, maxWaitMs: 0 },
  };
  let folder: string;

  beforeAll(async () => {
    folder = temporaryFolder('private');
    const labels = Uint8Array.from({ length: 12 }, (_, i) => i % 3);
    const images = Uint8Array.from({ length: 48 }, (_, i) => (i * 83) % 256);
    const data = { trainImages: images, trainLabels: labels, rows: 2, columns: 2, channels: 1, classes: 3 };
    await trainFederated(TRAINING, { seed: 1, folder, train: [storeData(folder, data, 16)] });
  });

  /** Images one after another, and their answers. */
  async function answered(job: ServeJob, count: number): Promise<{ found: unknown; said: RecordedMessage[] }> {
    const said: RecordedMessage[] = [];
    const shares = new Map<string, BigUint64Array[]>();
    const waiting = new Map<string, () => void>();
    let ends: OfEach<ServingEnds> | undefined;
    const ask = async (): Promise<void> => {
      for (let n = 0; n < count; n++) {
        const parts = inputParts(
          { id: `${n}`, client: 'somebody', images: 1 },
          pixelSource(Uint8Array.of(n, 255 - n, 3 * n, 40), 16),
        );
        const done = PARTY_NAMES.map((party) => new Promise<void>((resolve) => waiting.set(`${party} ${n}`, resolve)));
        for (const party of PARTY_NAMES) ends![party].take([parts[party]]);
        await Promise.all(done);
      }
      await ends!.P0.stop();
    };
    let asking: Promise<void> | undefined;
    const { outcomes } = await serveFederated(job, {
      ...{ seed: 2, folder },
      record: (message) => said.push(message),
      onBegin: (begun) => (ends = begun),
      onNotice: (party, notice) => {
        if (notice.type === 'event' && notice.event.kind === 'ready' && party === 'P0') asking = ask();
        if (notice.type !== 'answers') return;
        for (const { id, share } of notice.answers) {
          if (share !== null) shares.set(id, [...(shares.get(id) ?? []), share]);
          waiting.get(`${party} ${id}`)?.();
        }
      },
    });
    await asking;
    expect(outcomes).toEqual(PARTY_NAMES.reduce((all, party) => ({ ...all, [party]: { kind: 'done' } }), {}));
    const found = [...shares].map(([id, [first, second]]) => [id, add(first, second)]);
    expect(found.length).toBe(count);
    return { found, said };
  }

  it('answers as a semi-honest one does, P2 hears nothing, and keys that nobody used are taken when it ends', async () => {
    const [open, closed] = [await answered(JOB, 5), await answered({ ...JOB, security: 'private' }, 5)];
    expect(closed.found).toEqual(open.found);
    expect(toHelper(open.said).length).toBeGreaterThan(0);
    expect(toHelper(closed.said)).toEqual([]);
    const told = closed.said.filter(({ label }) => label === '/functions:end');
    expect(told.map(({ to }) => to).toSorted()).toEqual(['P0', 'P1']);
  });
});
