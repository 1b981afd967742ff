/** `--check N`: the same samples through the plain engine and, where it is installed, through onnxruntime. */
import { predictedClasses } from '../../client/predicted-classes.ts';
import { scaled } from '../../data/encode.ts';
import { readImageFile } from '../../data/image-file.ts';
import type { Model } from '../../data/model-file.ts';
import { Problem } from '../../data/problem.ts';
import { OF_BYTES, type Scaling } from '../../data/scaling.ts';
import { checkScaled } from '../../data/statistics.ts';
import { scalingWarning } from '../../data/survey.ts';
import { comparisonLimit, outOfRange, type Range } from '../../engine/ranges.ts';
import { inputSize } from '../../nn/network.ts';
import type { OnnxFile } from '../../onnx/file.ts';
import type { Reference } from '../../onnx/model.ts';
import { asFileTakes, asGivenHere, referenceModel } from '../../onnx/reference.ts';
import { checkNetworkFits } from '../checks.ts';
import type { ProtocolSettings } from '../options/protocol.ts';
import { scalingFor } from '../scaling.ts';
import { howToInstall, loadRuntime, runtimeScores } from './runtime.ts';
import { clearScores } from './scores.ts';

export interface CheckReport {
  readonly samples: number;
  /** Where onnxruntime is installed. */
  readonly largestDifference?: number;
  readonly sameClass?: number;
  /** Parts of the network whose values leave the window. */
  readonly outside: readonly Range[];
  /** The part with the largest compared value. */
  readonly largest: number;
}

/** Bytes as pixels: the same for each run. */
function someSamples(count: number, width: number): Float64Array {
  let state = 1;
  return Float64Array.from({ length: count * width }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 24) / 255;
  });
}

interface Samples {
  /** What the file takes where a white pixel is 1, as it lies here. */
  readonly pixels: Float64Array;
  /** What is shared. */
  readonly values: Float64Array;
}

/** What is shared of pixels from 0 to 1: channels, or places, are innermost. */
export function asShared(pixels: Float64Array, scaling: Scaling = OF_BYTES): Float64Array {
  const bytes = pixels.map((pixel) => pixel * OF_BYTES.divideBy);
  return scaled(bytes, scaling, 0);
}

/** The first images of a file or folder, scaled as an inference scales them. */
async function imagesOf(path: string, count: number, model: Model, say: (text: string) => void): Promise<Samples> {
  const { network } = model;
  const set = await readImageFile(path, model);
  // A list of as many numbers is an image of the network's shape.
  const isList = set.rows === 1 && set.channels === 1 && set.columns === inputSize(network);
  if (!isList) checkNetworkFits({ ...set, classes: 0 }, network, 'give images of that size to --images');
  if (set.count === 0) throw new Problem(`--images: ${path}: no images`, 'give one at least, or leave --images out');
  const scaling = scalingFor(set, model.scaling, {});
  checkScaled(set.images, scaling, set, path);
  const unlike = scalingWarning(set, scaling);
  if (unlike !== undefined) say(`warning: ${unlike}`);
  const taken = set.images.subarray(0, Math.min(count, set.count) * inputSize(network));
  const pixels = Float64Array.from(taken, (value) => value / scaling.divideBy);
  return { pixels, values: scaled(taken, scaling, 0) };
}

export async function check(
  count: number,
  images: string | undefined,
  model: Model,
  onnx: { readonly file: OnnxFile; readonly reference: Reference } | undefined,
  settings: ProtocolSettings,
  say: (text: string) => void,
): Promise<CheckReport> {
  const width = inputSize(model.network);
  const random = (): Samples => {
    const pixels = someSamples(count, width);
    return { pixels, values: asShared(pixels, model.scaling) };
  };
  const { pixels, values } = images === undefined ? random() : await imagesOf(images, count, model, say);
  const used = values.length / width;
  const { scores, ranges } = await clearScores(model, values, settings);
  const limit = comparisonLimit(settings);
  const outside = outOfRange(ranges, settings);
  const largest = ranges.reduce((most, { compared }) => Math.max(most, compared), 0);
  const noun = images === undefined ? 'random sample' : 'image';
  const fewer = used < count ? `, all of ${images!},` : '';
  const what = `check: ${used} ${noun}${used === 1 ? '' : 's'}${fewer}`;
  const range =
    outside.length === 0
      ? largest === 0
        ? 'nothing is compared'
        : `largest value compared ${largest.toPrecision(3)}, the window holds ${limit}`
      : `warning: values leave the window (${limit}) in ${outside.map(({ part }) => part).join(', ')}: give more --compare-bits or fewer --fraction-bits`;
  const report = { samples: used, outside, largest };
  if (onnx === undefined) {
    say(`${what} on the plain engine: ${range}`);
    return report;
  }
  const runtime = await loadRuntime();
  if (runtime === undefined) {
    say(`${what} on the plain engine: ${range}`);
    say(`check: not compared with onnxruntime, which is not installed: ${howToInstall()}`);
    return report;
  }
  const { input } = onnx.reference;
  const expected = asGivenHere(
    await runtimeScores(
      runtime,
      referenceModel(onnx.file, onnx.reference),
      asFileTakes(pixels, onnx.reference),
      input.shape,
      input.batch,
    ),
    onnx.reference,
  );
  if (expected.length !== scores.length)
    throw new Problem(
      `check: onnxruntime gives ${expected.length} scores, the model ${scores.length}`,
      'report it with the file',
    );
  const classes = scores.length / used;
  const [ours, theirs] = [predictedClasses(scores, classes), predictedClasses(expected, classes)];
  const largestDifference = scores.reduce((most, score, i) => Math.max(most, Math.abs(score - expected[i])), 0);
  const sameClass = ours.filter((label, i) => label === theirs[i]).length;
  const size = expected.reduce((most, score) => Math.max(most, Math.abs(score)), 0);
  say(
    `${what}: the same class as onnxruntime for ${sameClass} of ${used}; scores up to ${size.toPrecision(3)} differ by at most ${largestDifference.toPrecision(2)}`,
  );
  say(`check: ${range}`);
  return { ...report, largestDifference, sameClass };
}
