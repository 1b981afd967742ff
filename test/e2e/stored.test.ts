/** Jobs on stored data, in processes of their own. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { maskOf } from '../../src/data/share.ts';
import { pixelSource } from '../../src/data/encode.ts';
import type { Network } from '../../src/nn/network.ts';
import { decrease, add } from '../../src/ring/z64.ts';
import { decode } from '../../src/ring/fixed.ts';
import { PARTY_NAMES, type Notice, type PartyName } from '../../src/server/ipc.ts';
import type { ServeJob, TrainJob } from '../../src/server/job.ts';
import { newestCommon } from '../../src/server/resume-point.ts';
import { ofEach, RECEIVER, resultsIn, storeData } from '../federated.ts';
import { temporaryFolder } from '../folder.ts';
import { DIRECT_SUITE, SOFTMAX_SGD } from '../training.ts';
import { Parties, storageKeys, type Ended } from './parties.ts';

const NETWORK: Network = {
  name: 'tiny',
  input: [4, 4, 1],
  layers: [{ type: 'flatten' }, { type: 'dense', units: 8 }, { type: 'relu' }, { type: 'dense', units: 3 }],
};
const SAMPLES = 40;
const STEPS = 200;
const JOB: TrainJob = {
  ...{ kind: 'train', sessionId: '', document: 'd0'.repeat(32), network: NETWORK, ...DIRECT_SUITE, ...SOFTMAX_SGD },
  ...{ batch: 8, trainImages: SAMPLES, testImages: 0, steps: STEPS, checkpointEvery: 10, keepModel: true },
  // So that what two runs give can be compared bit for bit.
  insecureKeys: 11,
};

const labels = Uint8Array.from({ length: SAMPLES }, (_, i) => i % 3);
const images = Uint8Array.from({ length: 16 * SAMPLES }, (_, i) => (i * 31 + 7 * (i >> 4)) % 256);
const folder = temporaryFolder('stored');
const data = { trainImages: images, trainLabels: labels, rows: 4, columns: 4, channels: 1, classes: 3 };
const stored = storeData(folder, data, 16);
const keys = storageKeys();

async function train(
  place: string,
  onNotice?: (party: PartyName, notice: Notice, parties: Parties) => void,
): Promise<Record<PartyName, Ended> & { readonly from: number | undefined }> {
  const parties = new Parties(onNotice);
  const resume = newestCommon(await parties.open(place, keys));
  const job = { ...JOB, sessionId: randomBytes(8).toString('hex'), resume };
  await parties.start(job, (party) => ({
    ...{ kind: 'training', train: [stored[party]], test: [], receiver: RECEIVER.public },
    ...{ results: join(place, party, 'results'), keep: join(place, party, 'model') },
  }));
  return { ...(await parties.ended()), from: resume?.step };
}

const asText = async (place: string): Promise<(readonly [string, string])[]> =>
  [...(await resultsIn(place, JOB))].map(([name, value]) => [name, value.join()] as const).sort();

describe('three party processes', () => {
  const undisturbed = temporaryFolder('stored');

  it('train on stored data, are killed and stopped, and go on to the same model', async () => {
    const whole = await train(undisturbed);
    expect(PARTY_NAMES.map((party) => whole[party].done)).toEqual([true, true, true]);
    const expected = await asText(undisturbed);

    const place = temporaryFolder('stored');
    for (const victim of PARTY_NAMES) {
      const killed = await train(place, (party, notice, parties) => {
        if (party !== victim || notice.type !== 'checkpoint' || notice.step === 0) return;
        parties.child(victim).kill('SIGKILL');
      });
      expect(killed[victim].signal).toBe('SIGKILL');
      for (const other of PARTY_NAMES.filter((party) => party !== victim))
        expect(killed[other].failure).toMatchObject({ origin: 'link' });
    }
    let asked = false;
    const stopped = await train(place, (_party, notice, parties) => {
      if (asked || notice.type !== 'event' || notice.event.kind !== 'step') return;
      asked = true;
      parties.child('P0').send({ type: 'stop' });
    });
    expect(stopped.from).toBeGreaterThanOrEqual(10);
    const { stoppedAt } = stopped.P0;
    expect(stoppedAt).toBeGreaterThan(stopped.from!);
    for (const party of PARTY_NAMES) expect(stopped[party]).toMatchObject({ done: true, stoppedAt });

    const rest = await train(place);
    expect(rest.from).toBe(stoppedAt);
    for (const party of PARTY_NAMES) expect(rest[party]).toMatchObject({ done: true, stoppedAt: undefined });
    expect(await asText(place)).toEqual(expected);
  });

  it('answer images with the model that stayed shared', async () => {
    const job: ServeJob = {
      ...{ kind: 'serve', sessionId: randomBytes(8).toString('hex'), document: '5e'.repeat(32), network: NETWORK },
      ...{ ...DIRECT_SUITE, model: JOB.document!, scores: true, maxBatch: 64, maxWaitMs: 0 },
    };
    const shares: BigUint64Array[] = [];
    const parties = new Parties((party, notice, all) => {
      if (notice.type === 'event' && notice.event.kind === 'ready' && party === 'P0') give(all);
      if (notice.type !== 'answers') return;
      for (const { share } of notice.answers) if (share !== null) shares.push(share);
      if (shares.length === 2) all.child('P0').send({ type: 'stop' });
    });
    const masks = [0, 1].map(() => new Uint8Array(randomBytes(16)));
    const give = (all: Parties): void => {
      const opened = pixelSource(images.subarray(0, 32), 16).block(0, 32);
      for (const key of masks) decrease(opened, maskOf('images', key).z64(0, 32));
      const parts = {
        P0: { opened, masks: [masks[0]] },
        P1: { opened, masks: [masks[1]] },
        P2: { opened: null, masks },
      };
      for (const party of PARTY_NAMES)
        all.child(party).send({
          type: 'inputs',
          parts: [{ id: 'client/1', client: 'client', images: 2, ...parts[party] }],
        });
    };
    await parties.open(temporaryFolder('stored'), keys);
    await parties.start(job, (party) => ({ kind: 'serving', model: join(undisturbed, party, 'model') }));
    const ended = await parties.ended();
    expect(ended).toEqual(ofEach(() => ({ done: true, stoppedAt: undefined, failure: undefined, signal: null })));
    const answers = [{ id: 'client/1', share: null, waited: expect.any(Number) as number }];
    expect(parties.notices.P2).toContainEqual({ type: 'answers', images: 2, answers });
    const scores = decode(add(shares[0], shares[1]), 16);
    const expected = await scoresInClear(images.subarray(0, 32));
    expect(scores.length).toBe(6);
    scores.forEach((score, i) => expect(score).toBeCloseTo(expected[i], 1));
  });

  async function scoresInClear(pixels: Uint8Array): Promise<number[]> {
    const results = await resultsIn(undisturbed, JOB);
    const tensor = (name: string): Float64Array => decode(results.get(`model/${name}`)!, 16);
    const dense = (x: number[], layer: number, units: number): number[] => {
      const [weight, bias] = [tensor(`layers.${layer}.weight`), tensor(`layers.${layer}.bias`)];
      return Array.from(bias, (b, u) => x.reduce((sum, value, i) => sum + value * weight[i * units + u], b));
    };
    return [pixels.subarray(0, 16), pixels.subarray(16)].flatMap((image) => {
      const hidden = dense(
        [...image].map((pixel) => pixel / 255),
        1,
        8,
      ).map((value) => Math.max(0, value));
      return dense(hidden, 3, 3);
    });
  }
});
