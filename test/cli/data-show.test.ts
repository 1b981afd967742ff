/** Which words mean files, and how images that are classified are scaled. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { meansFiles } from '../../src/cli/data-show.ts';
import { readReading } from '../../src/cli/options/data.ts';
import { checkSameScaling, scalingFor } from '../../src/cli/scaling.ts';
import type { ImageSet } from '../../src/data/dataset.ts';
import { formatModel } from '../../src/data/model-file.ts';
import { OF_BYTES } from '../../src/data/scaling.ts';
import { temporaryFolder } from '../folder.ts';

describe('data show', () => {
  const known = { SECURENN_IDENTITY: 'identity.key' };

  it.each(['mnist', 'cifar10', './scans', '../x', '/data', 'scans/', '.', 'x.csv', 'x.npz', 'train-images-idx3-ubyte'])(
    '%s: files, whoever asks',
    (word) => expect(meansFiles(word, {}, known)).toBe(true),
  );

  it('asks the parties for a name, wherever a folder of that name lies', () => {
    // The folder of this test's sources is there.
    for (const word of ['src', 'hospital-a/scans', '3f2a']) expect(meansFiles(word, {}, known)).toBe(false);
    expect(meansFiles('src', {}, {})).toBe(true);
    expect(meansFiles('src', { identity: 'a.key' }, {})).toBe(false);
    expect(meansFiles('nothing-of-that-name', {}, {})).toBe(false);
  });
});

describe('the scaling of images to classify', () => {
  const set: ImageSet = {
    ...{ name: 'new', images: Float32Array.of(1, 2), labels: undefined, count: 1, rows: 1, columns: 2, channels: 1 },
    scaling: { divideBy: 1, mean: [0], std: [1] },
  };
  const model = { divideBy: 4, mean: [0.5], std: [2] };

  it("is the model's, whatever the file holds", () => {
    expect(scalingFor(set, model, {})).toEqual(model);
    expect(scalingFor(set, model, { divideBy: 4, mean: [0.5, 0.5], std: [2] })).toEqual({ ...model, mean: [0.5, 0.5] });
  });

  it('has the depth of the file: 8 bits are not nearly black to a model of 16', () => {
    const deep = { divideBy: 65_535, mean: [0.5], std: [2] };
    const bytes = { ...set, images: Uint8Array.of(1, 2), scaling: OF_BYTES };
    expect(scalingFor(bytes, deep, {})).toEqual({ ...deep, divideBy: 255 });
    expect(scalingFor(set, deep, {})).toEqual(deep);
    // 16 bits of a file may hold bytes, as the model's did.
    expect(scalingFor({ ...set, images: Uint16Array.of(1, 2) }, OF_BYTES, {})).toEqual(OF_BYTES);
  });

  it('is what is asked for, or natural, where the model says nothing', () => {
    expect(scalingFor(set, undefined, {})).toEqual(set.scaling);
    expect(scalingFor(set, undefined, { mean: [3] })).toEqual({ divideBy: 1, mean: [3], std: [1] });
  });

  it('is never another than the model was trained with, nor measured on them', () => {
    expect(() => scalingFor(set, model, { divideBy: 255 })).toThrow(
      /^the model was trained on values divided by 4, .*; these/,
    );
    expect(() => scalingFor(set, model, { std: 'auto' })).toThrow('--std auto: is measured on training images');
    expect(() => checkSameScaling(model, OF_BYTES, 'a.safetensors')).toThrow(/^--from: a\.safetensors was trained/);
    expect(() => checkSameScaling(undefined, OF_BYTES, 'x')).not.toThrow();
  });
});

describe('options of data', () => {
  it('absent are no reading at all, and say themselves otherwise', () => {
    expect(readReading({ 'label-kind': 'fine', 'first-label': 0, transpose: false })).toEqual({});
    const words = {
      mean: '0.5, -1',
      std: 'auto',
      'divide-by': '255',
      shape: '32x32x3',
      classes: 'cat,dog',
      transpose: true,
    };
    expect(readReading({ ...words, augment: 'flip,crop4', copies: 3, 'augment-seed': 1 })).toEqual({
      ...{ mean: [0.5, -1], std: 'auto', divideBy: 255, shape: { rows: 32, columns: 32, channels: 3 } },
      ...{ classes: ['cat', 'dog'], transpose: true, augment: { flip: true, crop: 4, copies: 3, seed: 1 } },
    });
    expect(readReading({ classes: '10' })).toEqual({ classes: 10 });
  });

  it('take a scaling from a model or from what data show wrote', () => {
    const folder = temporaryFolder('scaling');
    const scaling = { divideBy: 2, mean: [1, 2], std: [3] };
    const network = { name: 'x', input: [2], layers: [{ type: 'dense' as const, units: 2 }] };
    const tensors = new Map([
      ['layers.0.weight', { shape: [2, 2], data: new Float64Array(4) }],
      ['layers.0.bias', { shape: [1, 2], data: new Float64Array(2) }],
    ]);
    const files = {
      model: formatModel({ network, fractionBits: 16, tensors, scaling }),
      'show.json': JSON.stringify({ command: 'data show', scaling }),
      'scaling.json': JSON.stringify(scaling),
      'other.json': '{"a": 1}',
    };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    for (const name of ['model', 'show.json', 'scaling.json'])
      expect(readReading({ scaling: join(folder, name) })).toEqual(scaling);
    expect(() => readReading({ scaling: join(folder, 'other.json') })).toThrow('other.json: it says no scaling');
    expect(() => readReading({ scaling: join(folder, 'nothing') })).toThrow(/--scaling: .*nothing: ENOENT/);
    expect(() => readReading({ scaling: join(folder, 'model'), mean: '1' })).toThrow('--scaling: says what');
  });

  it.each<[Record<string, unknown>, RegExp]>([
    [{ mean: '0.5;1' }, /--mean: expected numbers with commas, or auto; found "0\.5;1"/],
    [{ std: '1,0' }, /--std: expected numbers above 0/],
    [{ 'divide-by': 0 }, /--divide-by: expected a number above 0/],
    [{ shape: '28' }, /--shape: expected rows x columns/],
    [{ shape: '5000x2' }, /--shape: expected/],
    [{ classes: '1' }, /--classes: expected a whole number from 2 to 256/],
    [{ classes: 'cat,cat' }, /--classes: "cat" is empty or named twice/],
    [{ augment: 'rotate' }, /--augment: expected flip, crop4/],
    [{ copies: 3 }, /--copies: without --augment no image is copied/],
    [{ 'augment-seed': 3 }, /--augment-seed: without --augment/],
    [{ augment: 'flip', copies: 1 }, /--copies: expected a whole number from 2 to 64/],
    [{ 'test-share': 1 }, /--test-share: expected a number from 0 to 0\.9/],
    [{ 'label-kind': 'rough' }, /--label-kind: expected fine or coarse/],
    [{ channels: 'middle' }, /--channels: expected first or last/],
  ])('%j is refused', (argv, message) => expect(() => readReading(argv)).toThrow(message));
});
