/** What is said of data before they are shared, how statistics become a scaling, and how images are multiplied. */
import { decode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { augment } from '../../src/data/augment.ts';
import { chosenImages, contactSheet, thumbnails } from '../../src/data/contact-sheet.ts';
import { naturalScaling, OF_BYTES } from '../../src/data/scaling.ts';
import { checkScaled, chooseScaling, statisticsOf } from '../../src/data/statistics.ts';
import { scalingWarning, type Surveyed, surveyOf } from '../../src/data/survey.ts';

function setOf(changes: Partial<Surveyed> = {}): Surveyed {
  const images = changes.images ?? Uint8Array.from({ length: 16 }, (_, i) => (i * 77) % 256);
  return {
    ...{ name: 'x', images, labels: Uint8Array.of(1, 0, 1, 0), count: 4, rows: 2, columns: 2, channels: 1, classes: 2 },
    scaling: naturalScaling(images),
    ...changes,
  };
}

describe('surveyOf', () => {
  it('counts classes, empty ones too, and measures values', () => {
    const survey = surveyOf(setOf({ classes: 3, classNames: ['cat', 'dog', 'ape'] }));
    expect(survey).toMatchObject({ images: 4, rows: 2, columns: 2, channels: 1, elements: 'bytes' });
    expect(survey.classes.map(({ name, images }) => [name, images])).toEqual([['cat', 2], ['dog', 2], ['ape', 0]]); // prettier-ignore
    expect(survey.values).toMatchObject({ least: [0], most: [233] });
    expect(survey.warnings).toEqual(['no image of class 2 (ape)']);
  });

  it.each<[string, Partial<Surveyed>, RegExp]>([
    ['labels from 1', { labels: Uint8Array.of(1, 2, 2, 1), classes: 3 }, /labels begin at 1: --first-label 1/],
    ['one class', { labels: new Uint8Array(4), classes: 1 }, /all 4 images are of one class/],
    ['an order', { labels: Uint8Array.of(0, 0, 1, 1) }, /sorted by class: --skip/],
    ['constant images', { images: new Uint8Array(16).fill(7).fill(1, 1, 2) }, /3 of 4 images have one value everywhere, the first is image 1/], // prettier-ignore
    ['EMNIST', { source: 'emnist-letters-train-images-idx3-ubyte' }, /--transpose/],
    ['names that are numbers', { classNames: ['10', '9'] }, /sorted as text: class 0 is called 10/],
    [
      'bytes that are 0 and 1',
      { images: Uint8Array.from({ length: 16 }, (_, i) => i % 2) },
      /they look scaled already/,
    ],
    [
      'large numbers',
      { images: Float32Array.from({ length: 16 }, (_, i) => i * 20) },
      /go up to 300 and are as they are/,
    ],
    ['what a reader says', { notes: ['turned'] }, /^turned$/],
    [
      'features that never change',
      { rows: 1, columns: 4, images: Float32Array.from({ length: 16 }, (_, i) => (i % 4 === 2 ? 5 : i / 9)) },
      /1 of 4 features are the same in all rows: 2/,
    ],
  ])('warns of %s', (_, changes, warning) => {
    expect(surveyOf(setOf(changes)).warnings).toContainEqual(expect.stringMatching(warning));
  });

  it('of a scaling are the same whether the values were measured or only looked at', () => {
    const contents = [[0], [0, 1], [1, 200], [1, 60_000], [0.5, -300]];
    const types = [Uint8Array, Uint16Array, Float32Array, Float64Array];
    const warnings = types.flatMap((type) =>
      contents.flatMap((values) =>
        [1, 100, 255, 65_535].map((divideBy) => {
          const images = new type(16).map((_, i) => values[i % values.length]);
          const [set, scaling] = [setOf({ images }), { ...OF_BYTES, divideBy }];
          const warning = scalingWarning(set, scaling);
          expect(warning).toBe(scalingWarning(set, scaling, statisticsOf(images, set)));
          return warning;
        }),
      ),
    );
    expect(warnings.filter((warning) => warning?.includes('look scaled already')).length).toBeGreaterThan(5);
    expect(warnings.filter((warning) => warning?.includes('train on values around 1')).length).toBeGreaterThan(5);
    expect(warnings.filter((warning) => warning === undefined).length).toBeGreaterThan(5);
  });

  it('has nothing to say of images as they should be, with or without labels', () => {
    expect(surveyOf(setOf()).warnings).toEqual([]);
    expect(surveyOf(setOf({ labels: undefined })).classes).toEqual([]);
  });
});

describe('statistics', () => {
  const shape = { rows: 1, columns: 2, channels: 2 };

  it('are exact for large values that hardly differ, channel by channel', () => {
    const images = Float64Array.of(1e9, 1, 1e9 + 2, 3, 1e9 + 4, 5, 1e9 + 2, 3);
    const { mean, std, least, most } = statisticsOf(images, shape);
    expect(mean).toEqual([1e9 + 2, 3]);
    expect(std).toEqual([Math.sqrt(2), Math.sqrt(2)]);
    expect([least, most]).toEqual([[1e9, 1], [1e9 + 4, 5]]); // prettier-ignore
  });

  it('become a scaling: measured after the division, and what never changes is not divided', () => {
    const images = Uint8Array.of(0, 7, 255, 7);
    const scaling = chooseScaling(images, shape, { mean: 'auto', std: 'auto' }, 'x');
    expect(scaling).toEqual({ divideBy: 255, mean: [0.5, 7 / 255], std: [0.5, 1] });
    expect(chooseScaling(images, shape, { mean: [0.25] }, 'x')).toEqual({ divideBy: 255, mean: [0.25], std: [1] });
    expect(chooseScaling(images, shape, {}, 'x', { ...OF_BYTES, mean: [1, 2] }).mean).toEqual([1, 2]);
    expect(chooseScaling(images, shape, { divideBy: 1 }, 'x', { ...OF_BYTES, mean: [1, 2] }).mean).toEqual([0]);
    expect(() => chooseScaling(images, shape, { std: [1, 2, 3] }, 'x')).toThrow('--std lists 3 numbers');
  });

  it('refuse what is too large once scaled, and only then', () => {
    const images = Float32Array.of(1, 2, 3e6, 4);
    expect(() => checkScaled(images, { ...OF_BYTES, divideBy: 1 }, shape, 'x')).toThrow(/x: values up to 3\.00e\+6/);
    expect(() => checkScaled(images, { ...OF_BYTES, divideBy: 10 }, shape, 'x')).not.toThrow();
  });
});

describe('augment', () => {
  const shape = { rows: 4, columns: 5, channels: 2 };
  const size = 40;
  const images = Uint8Array.from({ length: 3 * size }, (_, i) => 1 + (i % 250));
  const labels = Uint8Array.of(4, 5, 6);

  /** The image moved by hand. */
  function moved(image: number, flip: boolean, down: number, right: number): number[] {
    const at = (y: number, x: number, c: number): number => {
      const [row, column] = [y - down, x - right];
      if (row < 0 || row > 3 || column < 0 || column > 4) return 0;
      return images[image * size + (row * 5 + (flip ? 4 - column : column)) * 2 + c];
    };
    return Array.from({ length: size }, (_, i) => at(Math.floor(i / 10), Math.floor(i / 2) % 5, i % 2));
  }

  it('keeps each image and adds copies that are flips and moves of it, with its label', () => {
    const how = { flip: true, crop: 2, copies: 20, seed: 5 };
    const more = augment({ images, labels }, shape, how);
    expect(more.images.subarray(0, images.length)).toEqual(images);
    expect([...more.labels]).toEqual(Array.from({ length: 60 }, (_, i) => labels[i % 3]));
    const seen = new Set<string>();
    for (let copy = 3; copy < 60; copy++) {
      const found = [...more.images.subarray(copy * size, (copy + 1) * size)];
      const moves = [true, false].flatMap((flip) => [-2, -1, 0, 1, 2].flatMap((down) => [-2, -1, 0, 1, 2].map((right) => [flip, down, right] as const))); // prettier-ignore
      const move = moves.find((each) => moved(copy % 3, ...each).join() === found.join());
      expect(move).toBeDefined();
      seen.add(String(move));
    }
    expect(seen.size).toBeGreaterThan(20);
    expect(augment({ images, labels }, shape, how)).toEqual(more);
    expect(augment({ images, labels }, shape, { ...how, seed: 6 }).images).not.toEqual(more.images);
  });

  it('draws every flip and move about as often', () => {
    const one = { images: Uint8Array.from({ length: 9 }, (_, i) => i + 1), labels: Uint8Array.of(0) };
    const square = { rows: 3, columns: 3, channels: 1 };
    const { images: all } = augment(one, square, { flip: true, crop: 1, copies: 3601, seed: 1 });
    const counts = new Map<string, number>();
    for (let copy = 1; copy <= 3600; copy++) {
      const key = all.subarray(9 * copy, 9 * copy + 9).join();
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    expect(counts.size).toBe(18);
    // 200 of each expected, with a deviation of 14: five of them.
    for (const count of counts.values()) expect(Math.abs(count - 200)).toBeLessThan(70);
  });

  it('refuses what makes no sense', () => {
    const how = { flip: true, crop: 4, copies: 2, seed: 1 };
    expect(() => augment({ images, labels }, shape, how)).toThrow('crop4 moves images of 4 x 5 out of sight');
    expect(() => augment({ images, labels }, { rows: 1, columns: 40, channels: 1 }, how)).toThrow(
      'vectors have no left',
    );
  });
});

describe('images to look at', () => {
  it('are the first of each class, a row a class, as they are', async () => {
    const set = setOf({ images: Uint8Array.from({ length: 16 }, (_, i) => 16 * i) });
    const rows = chosenImages(set, 2, 2);
    expect(rows).toEqual([[1, 3], [0, 2]]); // prettier-ignore
    const { width, height, data, channels } = decode(await contactSheet(set, surveyOf(set).values, rows));
    expect([width, height, channels]).toEqual([6, 6, 1]);
    expect([...data.subarray(0, 8)]).toEqual([64, 80, 128, 128, 192, 208, 96, 112]);
    expect(data[6 * 4]).toBe(0);
  });

  it('are drawn in characters, where they fit', () => {
    const set = setOf({ images: Uint8Array.of(0, 255, 0, 255, 255, 0, 255, 0), count: 2, labels: undefined });
    const drawn = (of: Surveyed, images: readonly number[], width: number): string[] =>
      thumbnails(of, surveyOf(of).values, images, width);
    expect(drawn(set, [0, 1], 80)).toEqual([' @  @']);
    expect(drawn(set, [0, 1], 3)).toEqual([' @']);
    expect(drawn({ ...set, rows: 1, columns: 4 }, [0], 80)).toEqual([]);
    const bright = { ...set, images: new Uint8Array(64).fill(255), count: 1, rows: 1 };
    expect(drawn({ ...bright, columns: 64 }, [0], 80)).toEqual(Array<string>(4).fill('@@@@@@@@'));
    expect(drawn({ ...bright, columns: 63 }, [0], 80)).toEqual([]);
  });
});
