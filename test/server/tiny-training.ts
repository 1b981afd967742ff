/** Networks for images of 4 × 4 pixels, twelve such images of three shades, and an owner that watches nothing. */
import type { Dataset } from '../../src/data/dataset.ts';
import { OF_BYTES } from '../../src/data/scaling.ts';
import type { Network } from '../../src/nn/network.ts';

/** A convolution with pooling, and a layer with a ReLU. */
export const CONVOLUTIONAL: Network = {
  name: 'tiny',
  input: [4, 4, 1],
  layers: [
    { type: 'conv2d', filters: 2, kernel: 3, padding: 1 },
    { type: 'relu' },
    { type: 'maxpool', window: 2 },
    { type: 'flatten' },
    { type: 'dense', units: 5 },
    { type: 'relu' },
    { type: 'dense', units: 3 },
  ],
};

/** Two layers and a ReLU. */
export const DENSE: Network = {
  name: 'tiny',
  input: [4, 4, 1],
  layers: [{ type: 'flatten' }, { type: 'dense', units: 3 }, { type: 'relu' }, { type: 'dense', units: 3 }],
};

export const SAMPLES = 12;

export function dataOf(shade: number): Dataset {
  const labels = Uint8Array.from({ length: SAMPLES }, (_, i) => i % 3);
  const images = Uint8Array.from({ length: SAMPLES * 16 }, (_, i) => (i % 16 < 5 * labels[i >> 4] ? shade : 20));
  return {
    ...{ name: 'tiny', trainImages: images, trainLabels: labels, testImages: images, testLabels: labels },
    ...{ rows: 4, columns: 4, channels: 1, classes: 3, scaling: OF_BYTES },
  };
}

export const OBSERVER = {
  onResume: () => undefined,
  onSharing: () => undefined,
  onReady: () => undefined,
  onStep: () => undefined,
  onTesting: () => undefined,
  onEvaluation: () => undefined,
  onBatch: () => undefined,
};
