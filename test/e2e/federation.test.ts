/** A federation of three services on loopback, as operators start them: a training to its end, whoever is killed or cut off on the way; a session. */
import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { LiveFederation, type FederationSettings } from '../../bench/kills/federation.ts';
import { inferAt } from '../../src/client/federated/inference.ts';
import { cancel, decide, propose } from '../../src/client/federated/jobs.ts';
import { fetchModel, fetchRevealed } from '../../src/client/federated/results.ts';
import { type Source, valueSource } from '../../src/data/encode.ts';
import { formatModel } from '../../src/data/model-file.ts';
import { OF_BYTES } from '../../src/data/scaling.ts';
import { ROLES } from '../../src/federation/card.ts';
import type { ServeDocument, TrainDocument } from '../../src/federation/documents.ts';
import { REVEALED } from '../../src/nn/train.ts';
import { JOB_VERSION } from '../../src/server/job.ts';
import { temporaryFolder } from '../folder.ts';
import { TINY_IMAGES, tinyImages } from '../tiny-images.ts';
import { MAIN } from './command.ts';

const PATIENCE_MS = 3_600_000;
/** Many trainings one after the other, on a machine that is busy. */
const LONG_MS = 1_200_000;

const live: LiveFederation[] = [];
afterEach(async () => {
  for (const each of live.splice(0)) await each.close();
});

async function federation(settings: Partial<FederationSettings> = {}): Promise<LiveFederation> {
  const made = await LiveFederation.make({ folder: temporaryFolder('federation'), main: MAIN, ...settings });
  live.push(made);
  await made.start(...ROLES);
  return made;
}

const common: Pick<
  TrainDocument,
  'securenn' | 'version' | 'title' | 'network' | 'suite' | 'truncation' | 'fractionBits' | 'compareBits'
> = {
  ...{ securenn: 'job', version: JOB_VERSION, title: '', network: TINY_IMAGES, suite: 'direct', truncation: 'dealt' },
  ...{ fractionBits: 16, compareBits: 33 },
};

/** Both owners' sets are put, the job is proposed, and approved. */
async function training(at: LiveFederation, changes: Partial<TrainDocument> = {}): Promise<[string, TrainDocument]> {
  const { analyst } = at.clients;
  const train = [
    await at.put('owner-0', 'scans', tinyImages(13), 16),
    await at.put('owner-1', 'scans', tinyImages(7, 13), 16),
  ];
  const document: TrainDocument = {
    ...common,
    ...{ federation: at.federation.id, nonce: randomBytes(16).toString('hex'), kind: 'train', train, test: train },
    ...{ batch: 4, epochs: 8, loss: 'softmax', optimizer: 'sgd', learningRate: 0.25, lrDecay: 1, lrDecayEpochs: 1 },
    ...{ momentum: 0, seed: 3, checkpointEvery: 2, keepModel: true, receiver: analyst.identity.public },
    reveal: { model: true, loss: true, counts: 'total' },
    expires: new Date(Date.now() + PATIENCE_MS).toISOString(),
    ...changes,
  };
  const job = await propose(analyst, document);
  for (const owner of ['owner-0', 'owner-1'] as const) await decide(at.clients[owner], job, true);
  return [job, document];
}

describe('a federation', () => {
  it('trains on data of two owners, and serves the model that stayed shared', async () => {
    const at = await federation();
    const { analyst } = at.clients;
    const [job, document] = await training(at);
    await at.until(job, ['succeeded', 'failed']);
    for (const role of ROLES) expect(await at.view(role, job)).toMatchObject({ state: 'succeeded' });
    const correct = await fetchRevealed(analyst, job, REVEALED.correct(8), 1, 'the count');
    expect(Number(correct[0])).toBeGreaterThan(0);
    const model = await fetchModel(analyst, job, document);
    expect(model.tensors.size).toBe(4);
    const serve: ServeDocument = {
      ...common,
      ...{ federation: at.federation.id, nonce: randomBytes(16).toString('hex'), kind: 'serve', model: job },
      ...{ clients: [analyst.id], reveal: 'class', maxImages: 10, expires: document.expires },
    };
    const session = await propose(analyst, serve);
    for (const owner of ['owner-0', 'owner-1'] as const) await decide(at.clients[owner], session, true);
    await at.until(session, ['running', 'failed']);
    const images = tinyImages(6).trainImages;
    const pixels = (values = images): Source => valueSource(values, OF_BYTES, serve.fractionBits);
    const first = await inferAt(analyst, session, serve, pixels());
    expect(first.predictions).toHaveLength(6);
    expect((await inferAt(analyst, session, serve, pixels(images.subarray(0, 4)))).predictions).toEqual([
      first.predictions[0],
    ]);
    await expect(inferAt(analyst, session, serve, pixels())).rejects.toThrow('the session answers 3 images more');
    // A session comes back as a training does, and what was counted is counted.
    await at.kill('P1');
    await at.start('P1');
    await at.until(session, ['running', 'failed']);
    expect((await inferAt(analyst, session, serve, pixels(images.subarray(0, 8)))).predictions).toEqual(
      first.predictions.slice(0, 2),
    );
    for (const role of ROLES) {
      const figures = async (): Promise<number[]> => {
        const metrics = await at.metrics(role);
        const names = ['images_total', 'answer_duration_seconds_count', 'step_duration_seconds_count'];
        return names.map((name) => Number(new RegExp(`^securenn_job_${name}{[^}]*} (.*)$`, 'm').exec(metrics)?.[1]));
      };
      // P1 has had another life meanwhile. P2, which answers nobody, may count later than the client has its answer.
      await expect.poll(figures).toEqual(role === 'P1' ? [2, 1, 0] : [9, 3, 40]);
    }
    await cancel(analyst, session, 'enough');
    await at.until(session, ['cancelled']);
  });

  it(
    'ends with the same model whichever service or process is killed, or link breaks',
    { timeout: LONG_MS },
    async () => {
      const at = await federation();
      const [job, document] = await training(at, { epochs: 14 });
      await at.untilStep('P0', job, 3);
      // With their job processes: all must stand still while it is copied.
      for (const role of ROLES) await at.kill(role, 'all');
      // The keys of a run are made in its first attempt: from here on what it comes to is settled.
      const copy = temporaryFolder('federation-copy');
      at.copyTo(copy);
      const goOn = async (disturb: () => Promise<unknown>): Promise<Uint8Array> => {
        await at.putBack(copy);
        await at.start(...ROLES);
        await at.untilStep('P0', job, 8);
        await disturb();
        await at.until(job, ['succeeded', 'failed']);
        for (const role of ROLES) expect(await at.view(role, job)).toMatchObject({ state: 'succeeded' });
        return formatModel(await fetchModel(at.clients.analyst, job, document));
      };
      const undisturbed = await goOn(() => Promise.resolve());
      for (const role of ROLES) {
        const restart = async (): Promise<void> => {
          await at.kill(role);
          await at.start(role);
        };
        expect(await goOn(restart)).toEqual(undisturbed);
        expect(await goOn(() => Promise.resolve(expect(at.killJobs(role)).toBe(1)))).toEqual(undisturbed);
      }
      expect(await goOn(() => Promise.resolve(at.cut('P0', 3)))).toEqual(undisturbed);
    },
  );

  it('says at the others, and to the analyst, who stays away', async () => {
    const at = await federation({ linkSeconds: 1, partySeconds: 3 });
    const [job] = await training(at, { epochs: 400 });
    await at.untilStep('P0', job, 3);
    await at.kill('P2');
    await at.until(job, ['succeeded', 'failed'], { roles: ['P0', 'P1'] });
    for (const role of ['P0', 'P1'] as const) {
      const { state, reason } = await at.view(role, job);
      expect([state, reason]).toEqual(['failed', expect.stringMatching(/^P2 has been away for \d+ s/)]);
    }
    // It hears of it when it is back.
    await at.start('P2');
    await at.until(job, ['failed'], { roles: ['P2'] });
  });

  it('ends at once at a second SIGTERM, with its jobs and code 143, and goes on from the newest checkpoint', async () => {
    const at = await federation();
    const [job] = await training(at, { epochs: 30 });
    await at.untilStep('P0', job, 8);
    // So P1 waits for a step that does not come.
    at.pause('P2');
    expect(await at.stop('P1', { twice: true })).toBe(143);
    at.resume('P2');
    await at.start('P1');
    await at.until(job, ['succeeded', 'failed']);
    for (const role of ROLES) expect(await at.view(role, job)).toMatchObject({ state: 'succeeded' });
  });

  it('stops at a step on SIGTERM, and goes on when the party is back', async () => {
    const at = await federation();
    const [job] = await training(at, { epochs: 30, checkpointEvery: 1000 });
    await at.untilStep('P0', job, 8);
    expect(await at.stop('P1')).toBe(0);
    await at.start('P1');
    await at.until(job, ['succeeded', 'failed']);
    for (const role of ROLES) expect(await at.view(role, job)).toMatchObject({ state: 'succeeded', attempt: 2 });
  });
});
