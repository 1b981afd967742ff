/** Three schedulers whose job processes compute nothing, and a training to propose to them; closed when a test has ended. */
import { afterEach } from 'vitest';
import type { Dataset } from '../../../src/data/dataset.ts';
import { OF_BYTES } from '../../../src/data/scaling.ts';
import type { TrainDocument } from '../../../src/federation/documents.ts';
import { JOB_VERSION } from '../../../src/server/job.ts';
import { PARTY_NAMES } from '../../../src/server/ipc.ts';
import { temporaryFolder } from '../../folder.ts';
import { FEDERATION, hex, NETWORK } from '../../federation/world.ts';
import { FakeProcesses } from './fake-process.ts';
import { Three } from './three.ts';

const open: Three[] = [];
afterEach(() => open.splice(0).forEach((three) => three.close()));

function dataOf(samples: number): Dataset {
  const [images, labels] = [new Uint8Array(16 * samples), new Uint8Array(samples)];
  return {
    ...{ name: 'tiny', trainImages: images, trainLabels: labels, testImages: images, testLabels: labels },
    ...{ rows: 4, columns: 4, channels: 1, classes: 4, scaling: OF_BYTES },
  };
}

export interface Begun {
  readonly three: Three;
  readonly processes: FakeProcesses;
  readonly document: TrainDocument;
}

/** All three parties, with real stores; a training that both owners have data in, not proposed yet. */
export async function begin(
  changes: Partial<TrainDocument> = {},
  prepare: (three: Three) => void = () => undefined,
): Promise<Begun> {
  const three = await Three.open(temporaryFolder('scheduler'));
  open.push(three);
  const processes = new FakeProcesses();
  three.launch = processes.launch;
  prepare(three);
  // A folder that cannot be opened keeps a party from starting; its operator starts it again.
  for (const party of PARTY_NAMES) await three.start(party).catch(() => three.start(party));
  const train = three.owners.map((owner, i) => three.put(owner, `scans-${i}`, dataOf(20), 13));
  const document: TrainDocument = {
    ...{ securenn: 'job', version: JOB_VERSION, federation: FEDERATION, title: 'a training', network: NETWORK },
    ...{ suite: 'direct', truncation: 'dealt', fractionBits: 13, compareBits: 40, nonce: hex(16), kind: 'train' },
    ...{ train, test: [], batch: 4, steps: 4, loss: 'softmax', optimizer: 'sgd', learningRate: 0.25, lrDecay: 1 },
    ...{ lrDecayEpochs: 1, momentum: 0, seed: 3, checkpointEvery: 2, keepModel: false },
    reveal: { model: true, loss: false, counts: 'none' },
    receiver: three.analyst.public,
    expires: new Date(Date.now() + 3_600_000).toISOString(),
    ...changes,
  };
  return { three, processes, document };
}

export async function approve(three: Three, job: string): Promise<void> {
  for (const owner of three.owners) await three.decide(owner, job);
}
