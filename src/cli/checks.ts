/** Whether the parts of a command fit each other: data set and network, batch and data set. */
import type { Dataset } from '../data/mnist.ts';
import { Problem } from '../data/problem.ts';
import { classCount, inputSize, type Network } from '../nn/network.ts';
import type { SessionSettings } from './options.ts';

export function checkNetworkFits(data: Dataset, network: Network): void {
  const { name, rows, columns, classes } = data;
  const fix = 'give a network made for this data set to --network, or another data set to --data';
  if (inputSize(network) !== rows * columns) {
    throw new Problem(
      `network ${network.name} takes ${inputSize(network)} inputs, images of ${name} have ${rows} x ${columns} = ${rows * columns} pixels`,
      fix,
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
  if (settings.batch > data.trainLabels.length) {
    throw new Problem(
      `--batch: ${settings.batch} images a step, but ${data.name} has ${data.trainLabels.length} training images`,
      'give a smaller --batch',
    );
  }
}

/** Said at every use, so that such a run is never mistaken for a protected one. */
export function warnOfInsecureKeys({ insecureKeys }: SessionSettings): void {
  if (insecureKeys === undefined) return;
  console.error(
    `securenn: warning: --insecure-keys ${insecureKeys}: anyone can compute these session keys; this run protects no data`,
  );
}
