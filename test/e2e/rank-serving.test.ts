/** Ranks that are processes in a private job and a private session: three services of two ranks each, real sockets. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { LiveFederation } from '../../bench/kills/federation.ts';
import { inferAt } from '../../src/client/federated/inference.ts';
import { decide, propose } from '../../src/client/federated/jobs.ts';
import { fetchModel } from '../../src/client/federated/results.ts';
import { valueSource } from '../../src/data/encode.ts';
import { OF_BYTES } from '../../src/data/scaling.ts';
import { ROLES } from '../../src/federation/card.ts';
import type { ServeDocument, TrainDocument } from '../../src/federation/documents.ts';
import { idOf } from '../../src/federation/public-identity.ts';
import { JOB_VERSION } from '../../src/server/job.ts';
import { temporaryFolder } from '../folder.ts';
import { TINY_IMAGES, tinyImages } from '../tiny-images.ts';
import { DIRECT_SUITE } from '../training.ts';
import { MAIN } from './command.ts';

let at: LiveFederation | undefined;
afterEach(() => at?.close());

it('a model that is trained and served in private by two ranks of each party: answers by both, also after one was killed', async () => {
  const folder = temporaryFolder('rank-serving');
  at = await LiveFederation.make({ folder: join(folder, 'parties'), main: MAIN, ranks: 2 });
  const federation = at;
  await federation.start(...ROLES);
  const { analyst } = federation.clients;
  const train = [await federation.put('owner-0', 'scans', tinyImages(20), 16)];
  const common = {
    ...DIRECT_SUITE,
    securenn: 'job',
    version: JOB_VERSION,
    title: '',
    network: TINY_IMAGES,
    security: 'private',
    federation: federation.federation.id,
    ranks: 2,
    expires: new Date(Date.now() + 3_600_000).toISOString(),
  } as const;
  const training: TrainDocument = {
    ...{ ...common, kind: 'train', train, test: train, nonce: randomBytes(16).toString('hex') },
    ...{ batch: 4, microBatch: 2, epochs: 2, loss: 'softmax', optimizer: 'sgd', learningRate: 0.25, lrDecay: 1 },
    ...{ lrDecayEpochs: 1, momentum: 0, seed: 3, checkpointEvery: 20, receiver: analyst.identity.public },
    ...{ keepModel: true, reveal: { model: true, loss: false, counts: 'total' } },
  };
  const trained = await propose(analyst, training);
  await decide(federation.clients['owner-0'], trained, true);
  await federation.until(trained, ['succeeded', 'failed', 'refused']);
  expect((await federation.view('P0', trained)).state).toBe('succeeded');
  const { tensors } = await fetchModel(analyst, trained, training);

  const serving: ServeDocument = {
    ...{ ...common, kind: 'serve', model: trained, clients: [idOf(analyst.identity.public)], reveal: 'scores' },
    ...{ maxImages: 1000, nonce: randomBytes(16).toString('hex') },
  };
  const session = await propose(analyst, serving);
  expect(await federation.view('P0', session)).not.toHaveProperty('reason');
  await decide(federation.clients['owner-0'], session, true);
  await federation.until(session, ['running']);
  const trainImages = Uint8Array.from(tinyImages(6, 50).trainImages);
  const inTheClear = scoresOf(trainImages, (name) => tensors.get(name)!.data);
  const ask = async (): Promise<readonly number[]> => {
    const answers: number[] = [];
    for (let i = 0; i < 6; i++) {
      const image = trainImages.subarray(4 * i, 4 * i + 4);
      const { scores } = await inferAt(analyst, session, serving, valueSource(image, OF_BYTES, 16));
      answers.push(...scores!);
    }
    return answers;
  };
  const close = (answers: readonly number[]): void => {
    expect(answers).toHaveLength(18);
    for (const [i, score] of answers.entries()) expect(Math.abs(score - inTheClear[i])).toBeLessThan(2 ** -10);
  };
  close(await ask());
  // Ranks of other jobs are over; this one's second rank is there.
  expect(federation.killRank('P1', 1)).toBe(true);
  const { attempt } = await federation.view('P0', session);
  while ((await federation.view('P0', session)).attempt === attempt) await sleep(50);
  await federation.until(session, ['running']);
  close(await ask());
});

/** Of each image, of all classes. */
function scoresOf(images: Uint8Array, tensor: (name: string) => Float64Array): number[] {
  const dense = (x: readonly number[], layer: number, units: number): number[] =>
    Array.from({ length: units }, (_, u) =>
      x.reduce(
        (sum, value, i) => sum + value * tensor(`layers.${layer}.weight`)[i * units + u],
        tensor(`layers.${layer}.bias`)[u],
      ),
    );
  return Array.from({ length: images.length / 4 }, (_, n) => [...images.subarray(4 * n, 4 * n + 4)]).flatMap((image) =>
    dense(
      dense(
        image.map((pixel) => pixel / 255),
        1,
        4,
      ).map((value) => Math.max(0, value)),
      3,
      3,
    ),
  );
}
