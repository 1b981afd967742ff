/** Images of 2 x 2 in three classes, and a network that takes them: small enough for trainings in processes. */
import type { Dataset } from '../src/data/dataset.ts';
import { OF_BYTES } from '../src/data/scaling.ts';
import type { Network } from '../src/nn/network.ts';

export const TINY_IMAGES: Network = {
  name: 'tiny',
  input: [2, 2, 1],
  layers: [{ type: 'flatten' }, { type: 'dense', units: 4 }, { type: 'relu' }, { type: 'dense', units: 3 }],
};

/** The same images serve as test set. @param first where in an endless row of images they begin */
export function tinyImages(samples: number, first = 0): Dataset {
  const labels = Uint8Array.from({ length: samples }, (_, i) => (first + i) % 3);
  const images = Uint8Array.from({ length: 4 * samples }, (_, i) => ((first + (i >> 2)) * 37 + i * 11) % 256);
  return {
    ...{ name: 'tiny', trainImages: images, trainLabels: labels, testImages: images, testLabels: labels },
    ...{ rows: 2, columns: 2, channels: 1, classes: 3, scaling: OF_BYTES },
  };
}
