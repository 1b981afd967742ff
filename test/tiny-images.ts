/** Images of 2 x 2 in three classes, and a network that takes them: small enough for trainings in processes. */
import type { Dataset } from '../src/data/dataset.ts';
import { OF_BYTES } from '../src/data/scaling.ts';
import type { Network } from '../src/nn/network.ts';

export const TINY_IMAGES: Network = {
  name: 'tiny',
  input: [2, 2, 1],
  layers: [{ type: 'flatten' }, { type: 'dense', units: 4 }, { type: 'relu' }, { type: 'dense', units: 3 }],
};

/**
 * The same images serve as test set.
 * @param first where in an endless row of images they begin
 * @param side of an image
 */
export function tinyImages(samples: number, first = 0, side = 2, classes = 3): Dataset {
  const pixels = side * side;
  const labels = Uint8Array.from({ length: samples }, (_, i) => (first + i) % classes);
  const images = Uint8Array.from(
    { length: pixels * samples },
    (_, i) => ((first + Math.floor(i / pixels)) * 37 + i * 11) % 256,
  );
  return {
    ...{ name: 'tiny', trainImages: images, trainLabels: labels, testImages: images, testLabels: labels },
    ...{ rows: side, columns: side, channels: 1, classes, scaling: OF_BYTES },
  };
}
