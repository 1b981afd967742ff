/** `--check N`: the same samples through the plain engine and, where it is installed, through onnxruntime. */
import { imageSize } from '../../data/dataset.ts';
import { readImageFile } from '../../data/image-file.ts';
import type { Model } from '../../data/model-file.ts';
import { Problem } from '../../data/problem.ts';
import { OF_BYTES, type Scaling } from '../../data/scaling.ts';
import { comparisonLimit, outOfRange, type Range } from '../../engine/ranges.ts';
import { inputSize } from '../../nn/network.ts';
import type { OnnxFile } from '../../onnx/file.ts';
import type { Reference } from '../../onnx/model.ts';
import { asFileTakes, asGivenHere, referenceModel } from '../../onnx/reference.ts';
import type { ProtocolSettings } from '../options/protocol.ts';
import { loadRuntime, runtimeScores } from './runtime.ts';
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

/** Pixels from 0 to 1, as they lie here. */
async function pixelsOf(count: number, images: string | undefined, model: Model): Promise<Float64Array> {
  const width = inputSize(model.network);
  if (images === undefined) return someSamples(count, width);
  const set = await readImageFile(images, model);
  if (imageSize(set) !== width) {
    throw new Problem(
      `--images: ${images}: images of ${set.rows}x${set.columns}x${set.channels}, the network takes [${model.network.input.join(',')}]`,
      'give images of that size',
    );
  }
  return Float64Array.from(
    set.images.subarray(0, Math.min(count, set.count) * width),
    (value) => value / set.scaling.divideBy,
  );
}

/** What is shared of pixels from 0 to 1: channels, or places, are innermost. */
export function scaled(pixels: Float64Array, scaling: Scaling | undefined): Float64Array {
  if (scaling === undefined) return pixels;
  const { divideBy, mean, std } = scaling;
  return pixels.map(
    (pixel, i) => ((pixel * OF_BYTES.divideBy) / divideBy - mean[i % mean.length]) / std[i % std.length],
  );
}

export async function check(
  count: number,
  images: string | undefined,
  model: Model,
  onnx: { readonly file: OnnxFile; readonly reference: Reference } | undefined,
  settings: ProtocolSettings,
  say: (text: string) => void,
): Promise<CheckReport> {
  const pixels = await pixelsOf(count, images, model);
  const samples = scaled(pixels, model.scaling);
  const used = samples.length / inputSize(model.network);
  const { scores, ranges } = await clearScores(model, samples, settings);
  const limit = comparisonLimit(settings);
  const outside = outOfRange(ranges, settings);
  const largest = ranges.reduce((most, { compared }) => Math.max(most, compared), 0);
  const what = `check: ${used} ${images === undefined ? 'random samples' : 'images'}`;
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
    say('check: not compared with onnxruntime: it is not installed (npm i --ignore-scripts onnxruntime-node)');
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
  const best = (of: Float64Array, i: number): number => {
    const row = of.subarray(i * classes, (i + 1) * classes);
    return row.indexOf(Math.max(...row));
  };
  const largestDifference = scores.reduce((most, score, i) => Math.max(most, Math.abs(score - expected[i])), 0);
  const sameClass = Array.from({ length: used }, (_, i) => i).filter(
    (i) => best(scores, i) === best(expected, i),
  ).length;
  const size = expected.reduce((most, score) => Math.max(most, Math.abs(score)), 0);
  say(
    `${what}: the same class as onnxruntime for ${sameClass} of ${used}; scores up to ${size.toPrecision(3)} differ by at most ${largestDifference.toPrecision(2)}`,
  );
  say(`check: ${range}`);
  return { ...report, largestDifference, sameClass };
}
