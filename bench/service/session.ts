/** A serving session whose weights are those of a training of one step: what they are makes no difference to how long an image takes. */
import { valueSource, type Source } from '../../src/data/encode.ts';
import { loadHalf } from '../../src/data/load.ts';
import type { Digest } from '../../src/federation/canonical.ts';
import type { ServeDocument, TrainDocument } from '../../src/federation/documents.ts';
import { inputSize, type Network } from '../../src/nn/network.ts';
import type { ServedFederation } from './federation.ts';

const IMAGES = 128;

export interface ServedSession {
  readonly trained: Digest;
  readonly training: TrainDocument;
  readonly job: Digest;
  readonly document: ServeDocument;
  /** The n-th image of MNIST’s test set, and after the last the first again. */
  readonly source: (n: number) => Source;
}

export interface SessionChanges {
  readonly training?: Partial<TrainDocument>;
  readonly serving?: Partial<ServeDocument>;
}

/** The federation runs. Resolves when the session does. */
export async function openSession(
  federation: ServedFederation,
  network: Network,
  changes: SessionChanges = {},
): Promise<ServedSession> {
  const [train, test] = await Promise.all([loadHalf('mnist', 'train'), loadHalf('mnist', 'test')]);
  const size = inputSize(network);
  const [images, labels] = [train.images.subarray(0, IMAGES * size), train.labels.subarray(0, IMAGES)];
  const few = { ...train, count: IMAGES, images, labels, channels: 1, classes: 10 };
  const data = await federation.put(`few-${network.name.toLowerCase()}`, few, 16);
  const training = federation.training(network, data, { steps: 1, keepModel: true, ...changes.training });
  const trained = await federation.run(training);
  await federation.until(trained, ['succeeded']);
  const document = federation.serving(network, trained, changes.serving ?? {});
  const job = await federation.run(document);
  await federation.until(job, ['running']);
  const source = (n: number): Source => {
    const at = n % test.count;
    return valueSource(test.images.subarray(at * size, (at + 1) * size), test.scaling, document.fractionBits);
  };
  return { trained, training, job, document, source };
}
