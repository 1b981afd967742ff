/**
 * Every address that is drawn in a training with evaluations, in inferences and in whatever a resumed run draws again: none twice in a session,
 * and in a resumed session only what the undisturbed run drew there, for the same values.
 */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RecordedMessage } from '../../src/channel/memory.ts';
import { OwnerCheckpoints } from '../../src/client/checkpoints.ts';
import type { StepReport } from '../../src/client/history.ts';
import { pixelSource } from '../../src/data/encode.ts';
import { ownInference } from '../../src/client/inference.ts';
import { PARTIES, type PartyName } from '../../src/client/parties.ts';
import { ownTraining } from '../../src/client/training.ts';
import type { StoredCheckpoint } from '../../src/data/checkpoint.ts';
import { CheckpointStore } from '../../src/data/checkpoint-store.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import type { Model } from '../../src/data/model-file.ts';
import type { Network } from '../../src/nn/network.ts';
import type { TrainJob } from '../../src/server/job.ts';
import { loadCheckpoint } from '../../src/server/checkpoints.ts';
import { type Addresses, watchAddresses } from '../addresses.ts';
import { temporaryFolder } from '../folder.ts';
import { DIRECT, OPTIONS, PAPER, trainSecure } from '../nn/tiny.ts';
import { session } from '../session.ts';
import { DIRECT_SUITE, PAPER_SUITE, SOFTMAX_SGD } from '../training.ts';
import { CONVOLUTIONAL, dataOf, OBSERVER, SAMPLES } from './tiny-training.ts';

/** Two epochs of three steps, an evaluation after each. */
const EPOCHS = 2;
const STEPS = 6;
const RESUMED_FROM = 4;

const jobOf = (suite: typeof DIRECT_SUITE | typeof PAPER_SUITE): TrainJob => ({
  ...{ kind: 'train', sessionId: 'first', network: CONVOLUTIONAL, ...suite, ...SOFTMAX_SGD, batch: 4 },
  ...{ trainImages: SAMPLES, testImages: SAMPLES, epochs: EPOCHS, checkpointEvery: 2 },
});

interface Trained {
  readonly model: Model;
  readonly addresses: Addresses;
  /** Between the parties, and what the owner shares: `from to label`. */
  readonly said: ReadonlyMap<string, RecordedMessage['data']>;
  /** What each party kept after step RESUMED_FROM. */
  readonly kept: Readonly<Record<PartyName, StoredCheckpoint>> | undefined;
}

/** What is not of the protocols: what a party tells the owner of its work, and what is agreed about checkpoints. */
const BESIDES = /^(event|saved|complete|checkpoint)/;

async function training(
  job: TrainJob,
  data: Dataset,
  folder: string,
  checkpoints?: Readonly<Record<PartyName, StoredCheckpoint>>,
): Promise<Trained> {
  const said = new Map<string, RecordedMessage['data']>();
  let model: Model | undefined;
  const store = (keeper: PartyName | 'owner'): CheckpointStore => new Kept(join(folder, keeper), keeper);
  const addresses = await watchAddresses(async () => {
    model = await session(
      job,
      (owner) => {
        const steps = Array.from({ length: job.resume?.step ?? 0 }, () => ({})) as StepReport[];
        const notes = { data: 'tiny', digest: '', history: { steps, evaluations: [], seconds: 0 } };
        const due = (step: number): boolean => step % job.checkpointEvery! === 0 || step === STEPS;
        const owned = new OwnerCheckpoints(
          store('owner'),
          owner,
          { run: 'first', job: {} },
          due,
          notes,
          job.resume?.step,
        );
        return ownTraining(owner, job, data, OBSERVER, { checkpoints: owned });
      },
      {
        seed: 23,
        store,
        ...(checkpoints && { checkpoints }),
        record: ({ from, to, label, data }) => {
          if (!BESIDES.test(label)) said.set(`${from} ${to} ${label}`, data);
        },
      },
    );
  });
  const again = { ...job, resume: { run: 'first', step: RESUMED_FROM } };
  const kept = checkpoints
    ? undefined
    : (Object.fromEntries(
        await Promise.all(PARTIES.map(async (name) => [name, await loadCheckpoint(store(name), again)] as const)),
      ) as Record<PartyName, StoredCheckpoint>);
  return { model: model!, addresses, said, kept };
}

/** Keeps every step. */
class Kept extends CheckpointStore {
  override removeBefore(): Promise<void> {
    return Promise.resolve();
  }
}

describe.each([
  ['direct', DIRECT_SUITE],
  ['paper', PAPER_SUITE],
] as const)('%s suite', (_name, suite) => {
  it('a training draws from no address twice, nor does a run that goes on, and what it draws again covers the same', async () => {
    const [folder, data, job] = [temporaryFolder('addresses'), dataOf(250), jobOf(suite)];
    const whole = await training(job, data, folder);
    expect(whole.addresses.repeated()).toEqual([]);
    // Of three pairs two ends each, and of three parties and the owner.
    expect(whole.addresses.ends.length).toBe(12);
    const all = new Set(whole.addresses.ends.flat());
    for (const place of [/^\/step\/1\//, /^\/step\/6\//, /^\/evaluation\/1\//, /^\/evaluation\/2\//, /^input\//])
      expect([...all].filter((address) => place.test(address)).length, String(place)).toBeGreaterThan(1);

    const resumed = { ...job, sessionId: 'second', resume: { run: 'first', step: RESUMED_FROM } };
    const rest = await training(resumed, data, folder, whole.kept);
    expect(rest.addresses.repeated()).toEqual([]);
    expect(rest.addresses.ends.flat().filter((address) => !all.has(address))).toEqual([]);
    expect(rest.addresses.ends.flat().length).toBeLessThan(whole.addresses.ends.flat().length);
    // The same addresses again, for the same values: every message of the rest is the one that the whole run sent.
    expect(rest.said.size).toBeGreaterThan(100);
    const differing = [...rest.said].filter(([label, said]) => !sameValues(said, whole.said.get(label)));
    expect(differing.map(([label]) => label)).toEqual([]);
    expect(rest.model.tensors).toEqual(whole.model.tensors);

    // Other data under the same masks: the differences show. That is what the owner's digest is for.
    const other = await training(resumed, dataOf(240), folder, whole.kept);
    const changed = [...other.said].filter(([label, said]) => !sameValues(said, whole.said.get(label)));
    expect(changed.map(([label]) => label)).toContain('owner P1 input/train/images');
  });

  it('nor does a training in chunks of a few elements', async () => {
    const setting = suite.suite === 'direct' ? DIRECT : PAPER;
    const addresses = await watchAddresses(() => trainSecure(setting, { ...OPTIONS, momentum: 0 }, { chunk: 7 }));
    expect(addresses.repeated()).toEqual([]);
    // Of three pairs both ends.
    expect(addresses.ends.length).toBe(6);
    for (const asked of addresses.ends)
      expect(asked.filter((address) => /\/[1-9]\d*(\/(convert|msb))?:[^/:]+$/.test(address)).length).toBeGreaterThan(9);
  });

  it('nor does an evaluation that takes several batches', async () => {
    const testImages = 1001;
    const [images, labels] = [new Uint8Array(4 * testImages), new Uint8Array(testImages)];
    const data = { ...dataOf(250), rows: 2, columns: 2, testImages: images, testLabels: labels };
    const small = { ...data, trainImages: images.slice(0, 4 * SAMPLES) };
    const network: Network = {
      name: 'one',
      input: [2, 2, 1],
      layers: [{ type: 'flatten' }, { type: 'dense', units: 3 }],
    };
    const job: TrainJob = {
      ...jobOf(suite),
      network,
      testImages,
      epochs: undefined,
      steps: 1,
      checkpointEvery: undefined,
    };
    const addresses = await watchAddresses(() =>
      session(job, (owner) => ownTraining(owner, job, small, OBSERVER), { seed: 25 }),
    );
    expect(addresses.repeated()).toEqual([]);
    const batches = addresses.ends.flat().flatMap((address) => /^\/evaluation\/1\/images\/\d+/.exec(address) ?? []);
    expect(new Set(batches).size).toBeGreaterThan(1);
  });

  it('inferences draw from no address twice, batch after batch', async () => {
    const job = jobOf(suite);
    const { model } = await training(job, dataOf(250), temporaryFolder('addresses'));
    const { batch, trainImages, network, fractionBits } = { ...job, batch: 5 };
    const infer = { kind: 'infer', sessionId: 'i', network, ...suite, batch, images: trainImages } as const;
    const addresses = await watchAddresses(() =>
      session(
        infer,
        (owner) =>
          ownInference(
            owner,
            { network, fractionBits, batch },
            model,
            pixelSource(Uint8Array.from(dataOf(250).testImages), fractionBits),
            OBSERVER,
          ),
        { seed: 24 },
      ),
    );
    expect(addresses.repeated()).toEqual([]);
    const batches = new Set(addresses.ends.flat().flatMap((address) => /^\/batch\/\d+/.exec(address) ?? []));
    expect(batches).toEqual(new Set(['/batch/0', '/batch/1', '/batch/2']));
  });
});

function sameValues(a: RecordedMessage['data'], b: RecordedMessage['data'] | undefined): boolean {
  return b !== undefined && Buffer.compare(bytesOf(a), bytesOf(b)) === 0;
}

function bytesOf({ buffer, byteOffset, byteLength }: RecordedMessage['data']): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
