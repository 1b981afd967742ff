/** Ranks that are processes: services whose parties have two each, and a rank that is lost while they train. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, it } from 'vitest';
import { LiveFederation } from '../../bench/kills/federation.ts';
import { tryOnce, type Training } from '../../bench/kills/trial.ts';
import { decide, propose } from '../../src/client/federated/jobs.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { ROLES } from '../../src/federation/card.ts';
import type { TrainDocument } from '../../src/federation/documents.ts';
import { NETWORKS } from '../../src/nn/named.ts';
import type { Network } from '../../src/nn/network.ts';
import { JOB_VERSION } from '../../src/server/job.ts';
import { temporaryFolder } from '../folder.ts';
import { TINY_IMAGES, tinyImages } from '../tiny-images.ts';
import { MAIN } from './command.ts';
import { arm, losing } from './lost-rank.ts';

const folder = temporaryFolder('rank-processes');
let at: LiveFederation | undefined;
afterEach(() => at?.close());

/** A training of four images at a time that has begun, and whose parties are down. */
async function begin(
  name: string,
  { network, data, learningRate }: { readonly network: Network; readonly data: Dataset; readonly learningRate: number },
  environment?: Readonly<Record<string, string>>,
): Promise<Training> {
  at = await LiveFederation.make({ folder: join(folder, name), main: MAIN, ranks: 2, environment });
  const federation = at;
  await federation.start(...ROLES);
  const { analyst } = federation.clients;
  const train = [await federation.put('owner-0', 'scans', data, 16)];
  const document: TrainDocument = {
    ...{ securenn: 'job', version: JOB_VERSION, title: '', network, suite: 'direct', truncation: 'dealt' },
    ...{ fractionBits: 16, compareBits: 33, federation: federation.federation.id, kind: 'train', train, test: train },
    ...{ nonce: randomBytes(16).toString('hex'), batch: 4, microBatch: 2, ranks: 2, epochs: 6, loss: 'softmax' },
    ...{ optimizer: 'sgd', learningRate, lrDecay: 1, lrDecayEpochs: 1, momentum: 0, seed: 3 },
    ...{ checkpointEvery: 2, keepModel: false, receiver: analyst.identity.public },
    reveal: { model: true, loss: false, counts: 'total' },
    expires: new Date(Date.now() + 3_600_000).toISOString(),
  };
  const job = await propose(analyst, document);
  await decide(federation.clients['owner-0'], job, true);
  await federation.untilStep('P0', job, 2);
  const { attempt } = await federation.view('P0', job);
  for (const role of ROLES) await federation.kill(role, 'all');
  const training: Training = { at: federation, copy: join(folder, `${name}-copy`), job, document, attempt };
  federation.copyTo(training.copy);
  return training;
}

async function expectSame(training: Training, disturb: () => Promise<void>): Promise<void> {
  const undisturbed = await tryOnce(training, 'P0');
  expect(undisturbed).toMatchObject({ states: ['succeeded', 'succeeded', 'succeeded'], attempts: 1 });
  const killed = await tryOnce(training, 'P0', { afterSeconds: 0, disturb });
  expect(killed).toMatchObject({ states: ['succeeded', 'succeeded', 'succeeded'], model: undisturbed!.model });
  expect(killed!.attempts).toBeGreaterThan(1);
}

it('a rank of a party that is killed: the job goes on by itself, to the model of the undisturbed run', async () => {
  const training = await begin('killed', { network: TINY_IMAGES, data: tinyImages(20), learningRate: 0.25 });
  await expectSame(training, async () => {
    while (!training.at.killRank('P1', 1)) await sleep(20);
  });
});

it.each([
  ['another rank hands up its sum of squares', 'P1.1', 'sum/step/7/together/1/squares'],
  ['rank 0 hands slopes on', 'P2', 'step/7/together/1/slope/handed'],
])('lost in the middle of a batch normalisation, as %s: the same', async (_what, who, label) => {
  const armed = join(folder, `armed-${who}`);
  const what = { network: NETWORKS['lenet-bn'], data: tinyImages(8, 0, 28, 10), learningRate: 2 ** -5 };
  const training = await begin(who, what, losing(who, label, armed));
  await expectSame(training, async () => {
    arm(armed);
    while (existsSync(armed)) await sleep(20);
  });
});
