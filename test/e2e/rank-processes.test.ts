/** Ranks that are processes: services whose parties have two each, and a rank that is killed while they train. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { LiveFederation } from '../../bench/kills/federation.ts';
import { tryOnce, type Training } from '../../bench/kills/trial.ts';
import { decide, propose } from '../../src/client/federated/jobs.ts';
import { ROLES } from '../../src/federation/card.ts';
import type { TrainDocument } from '../../src/federation/documents.ts';
import { JOB_VERSION } from '../../src/server/job.ts';
import { temporaryFolder } from '../folder.ts';
import { TINY_IMAGES, tinyImages } from '../tiny-images.ts';
import { MAIN } from './command.ts';

let at: LiveFederation | undefined;
afterEach(() => at?.close());

it('a rank of a party that is killed: the job goes on by itself, to the model of the undisturbed run', async () => {
  const folder = temporaryFolder('rank-processes');
  at = await LiveFederation.make({ folder: join(folder, 'parties'), main: MAIN, ranks: 2 });
  const federation = at;
  await federation.start(...ROLES);
  const { analyst } = federation.clients;
  const train = [await federation.put('owner-0', 'scans', tinyImages(20), 16)];
  const document: TrainDocument = {
    ...{ securenn: 'job', version: JOB_VERSION, title: '', network: TINY_IMAGES, suite: 'direct', truncation: 'dealt' },
    ...{ fractionBits: 16, compareBits: 33, federation: federation.federation.id, kind: 'train', train, test: train },
    ...{ nonce: randomBytes(16).toString('hex'), batch: 4, microBatch: 2, ranks: 2, epochs: 6, loss: 'softmax' },
    ...{ optimizer: 'sgd', learningRate: 0.25, lrDecay: 1, lrDecayEpochs: 1, momentum: 0, seed: 3 },
    ...{ checkpointEvery: 2, keepModel: false, receiver: analyst.identity.public },
    reveal: { model: true, loss: false, counts: 'total' },
    expires: new Date(Date.now() + 3_600_000).toISOString(),
  };
  const job = await propose(analyst, document);
  await decide(federation.clients['owner-0'], job, true);
  await federation.untilStep('P0', job, 2);
  const { attempt } = await federation.view('P0', job);
  for (const role of ROLES) await federation.kill(role, 'all');
  const training: Training = { at: federation, copy: join(folder, 'copy'), job, document, attempt };
  federation.copyTo(training.copy);
  const undisturbed = await tryOnce(training, 'P0');
  expect(undisturbed).toMatchObject({ states: ['succeeded', 'succeeded', 'succeeded'], attempts: 1 });
  const disturb = async (): Promise<void> => {
    while (!federation.killRank('P1', 1)) await sleep(20);
  };
  const killed = await tryOnce(training, 'P0', { afterSeconds: 0, disturb });
  expect(killed).toMatchObject({ states: ['succeeded', 'succeeded', 'succeeded'], model: undisturbed!.model });
  expect(killed!.attempts).toBeGreaterThan(1);
});
