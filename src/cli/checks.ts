/** Whether the parts of a command fit each other: data set and network, batch and data set. */
import { imageSize, samplesOf, type Dataset } from '../data/dataset.ts';
import { sizeInWords } from '../data/elements.ts';
import { checkRoomForWeights } from '../data/memory.ts';
import { Problem } from '../data/problem.ts';
import { subsetOf } from '../data/subset.ts';
import { classCount, inputSize, type Network } from '../nn/network.ts';
import { stepsPerEpoch } from '../nn/train.ts';
import { sameShape } from '../ring/shape.ts';
import type { SessionSettings } from './options/session.ts';
import type { TrainSettings } from './options/training.ts';

export function checkNetworkFits(
  data: Pick<Dataset, 'name' | 'rows' | 'columns' | 'channels' | 'classes'>,
  network: Network,
  fix = 'give a network made for this data set to --network, or another data set to --data',
): void {
  const { name, rows, columns, channels, classes } = data;
  // Grey images may be taken as a vector, too; otherwise rows, columns and channels have a place each.
  const asImage = network.input.length === 1 || sameShape(network.input, [rows, columns, channels]);
  if (inputSize(network) !== imageSize(data) || !asImage) {
    throw new Problem(
      `network ${network.name} takes [${network.input.join(',')}], images of ${name} are ${sizeInWords(data)}`,
      // A list of as many numbers is an image, once its shape is said.
      rows === 1 && channels === 1 && inputSize(network) === columns ? `add --shape ${network.input.join('x')}` : fix,
    );
  }
  if (classCount(network) < classes) {
    throw new Problem(
      `network ${network.name} knows ${classCount(network)} classes, labels of ${name} go to ${classes - 1}`,
      fix,
    );
  }
}

export function checkDataset(data: Dataset, settings: SessionSettings): void {
  checkNetworkFits(data, settings.network);
  checkRoomForWeights(settings.network);
  if (settings.batch > data.trainLabels.length) {
    throw new Problem(
      `--batch: ${settings.batch} images a step, but ${data.name} has ${data.trainLabels.length} training images`,
      'give a smaller --batch',
    );
  }
}

/** The images that the settings ask for. */
export function partOf(data: Dataset, settings: Pick<TrainSettings, 'trainImages' | 'testImages'>): Dataset {
  const there = samplesOf(data);
  const check = (option: string, asked: number | undefined, has: number, kind: string): void => {
    if (asked === undefined || asked <= has) return;
    const fix = `give a smaller --${option}, or leave it out for all of them`;
    throw new Problem(`--${option}: ${asked} images, but ${data.name} has ${has} ${kind} images`, fix);
  };
  check('train-images', settings.trainImages, there.trainImages, 'training');
  check('test-images', settings.testImages, there.testImages, 'test');
  return subsetOf(data, settings);
}

/** What to say of training images that no step of an epoch takes; undefined when there are none. */
export function leftOver(
  trainImages: number,
  { batch, epochs, steps }: Pick<TrainSettings, 'batch' | 'epochs' | 'steps'>,
): string | undefined {
  const over = trainImages % batch;
  if (over === 0 || (steps !== undefined && steps < stepsPerEpoch(trainImages, batch))) return undefined;
  const others = epochs === 1 ? '' : ' (others each time)';
  return `${over} of ${trainImages} training images do not fill a batch of ${batch} and are left out in each epoch${others}`;
}

/** Said at every use, so that such a run is never mistaken for a protected one. */
export function warnOfInsecureKeys({ insecureKeys }: Pick<SessionSettings, 'insecureKeys'>): void {
  if (insecureKeys === undefined) return;
  console.error(
    `securenn: warning: --insecure-keys ${insecureKeys}: anyone can compute these session keys; this run protects no data`,
  );
}
