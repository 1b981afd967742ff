import { describe, expect, it } from 'vitest';
import { countLabels, type Dataset } from '../../src/data/dataset.ts';
import { OF_BYTES } from '../../src/data/scaling.ts';
import { subsetOf } from '../../src/data/subset.ts';

/** Sorted by class, with images of two pixels that hold their number. */
function sorted(train: number, test: number): Dataset {
  const images = (count: number): Uint8Array => Uint8Array.from({ length: 2 * count }, (_, i) => i >> 1);
  const labels = (count: number): Uint8Array =>
    Uint8Array.from({ length: count }, (_, i) => Math.floor((4 * i) / count));
  return {
    name: 'sorted',
    trainImages: images(train),
    trainLabels: labels(train),
    testImages: images(test),
    testLabels: labels(test),
    ...{ rows: 1, columns: 2, channels: 1, classes: 4, scaling: OF_BYTES },
  };
}

describe('subsetOf', () => {
  const data = sorted(200, 100);

  it('takes so many images of each kind with their labels, in order, from everywhere', () => {
    const part = subsetOf(data, { trainImages: 60, testImages: 40 });
    expect([part.trainLabels.length, part.testLabels.length]).toEqual([60, 40]);
    for (const [images, labels, all] of [
      [part.trainImages, part.trainLabels, 200],
      [part.testImages, part.testLabels, 100],
    ] as const) {
      const numbers = [...images].filter((_, i) => i % 2 === 0);
      expect([...images].filter((_, i) => i % 2 === 1)).toEqual(numbers);
      expect(numbers).toEqual([...new Set(numbers)].sort((a, b) => a - b));
      expect([...labels]).toEqual(numbers.map((number) => Math.floor((4 * number) / all)));
      expect(Math.min(...countLabels(labels, 4))).toBeGreaterThan(0);
    }
  });

  it('is the same every time', () => {
    const counts = { trainImages: 10, testImages: 10 };
    expect(subsetOf(data, counts)).toEqual(subsetOf(data, counts));
  });

  it('leaves what is not asked for, and all of it, as it is', () => {
    expect(subsetOf(data, { trainImages: undefined, testImages: undefined })).toEqual(data);
    const { trainImages, testLabels, testImages } = subsetOf(data, { trainImages: 200, testImages: 0 });
    expect(trainImages).toBe(data.trainImages);
    expect([testImages.length, testLabels.length]).toEqual([0, 0]);
  });

  it('counts labels', () => {
    expect(countLabels(Uint8Array.of(2, 0, 2), 4)).toEqual([1, 0, 2, 0]);
  });
});
