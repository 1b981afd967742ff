/** A model of tiny images that a federation has trained and keeps shared, and a session that answers with it. */
import type { ServeJob, TrainJob } from '../src/server/job.ts';
import { storeData, trainFederated } from './federated.ts';
import { temporaryFolder } from './folder.ts';
import { TINY_IMAGES } from './tiny-images.ts';
import { DIRECT_SUITE, SOFTMAX_SGD } from './training.ts';

const DOCUMENT = 'd0'.repeat(32);
export const TRAINING: TrainJob = {
  ...{ kind: 'train', sessionId: '', document: DOCUMENT, network: TINY_IMAGES, ...DIRECT_SUITE, ...SOFTMAX_SGD },
  ...{ batch: 4, trainImages: 12, testImages: 0, steps: 2, checkpointEvery: 100, keepModel: true },
};
export const SERVING: ServeJob = {
  ...{ kind: 'serve', sessionId: 's', document: '5e'.repeat(32), network: TINY_IMAGES, ...DIRECT_SUITE },
  ...{ model: DOCUMENT, scores: true, maxBatch: 64, maxWaitMs: 0 },
};

/** Twelve. */
export const TRAINED_ON: Uint8Array = Uint8Array.from({ length: 48 }, (_, i) => (i * 83) % 256);

/** Trains on twelve images. Returns the folder in which the parties keep the model. */
export async function trainTiny(name: string, training: TrainJob = TRAINING): Promise<string> {
  const folder = temporaryFolder(name);
  const labels = Uint8Array.from({ length: 12 }, (_, i) => i % 3);
  const data = { trainImages: TRAINED_ON, trainLabels: labels, rows: 2, columns: 2, channels: 1, classes: 3 };
  await trainFederated(training, { seed: 1, folder, train: [storeData(folder, data, 16)] });
  return folder;
}
