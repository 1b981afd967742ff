/** Twelve images of three shades, and an owner that watches nothing. */
import type { Dataset } from '../../src/data/dataset.ts';
import { OF_BYTES } from '../../src/data/scaling.ts';

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
