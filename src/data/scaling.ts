/**
 * What becomes of a value of a data set before it is shared: x = (value / divideBy − mean) / std. Its owner chooses it, and it stays with the model:
 * whatever is classified later is scaled the same way. Means and deviations are in units after the division, as torchvision has them.
 */
import * as z from 'zod';
import type { Elements, ImageShape } from './elements.ts';
import { Problem } from './problem.ts';

/** What becomes of a value before it is shared, and before it is classified: (value / divideBy − mean) / std. */
export interface Scaling {
  readonly divideBy: number;
  /** One for all values, one a channel, or one for each place of an image: each is a list that repeats, for channels are innermost. */
  readonly mean: readonly number[];
  /** The same, all above 0. */
  readonly std: readonly number[];
}

/** What a whole range is divided by, of 8 bits a value and of 16. */
const [EIGHT, SIXTEEN] = [255, 65_535];

/** Bytes 0 … 255 as 0 … 1. */
export const OF_BYTES: Scaling = { divideBy: EIGHT, mean: [0], std: [1] };

/** What is done where nobody says otherwise, by the type of element: whole ranges of unsigned integers become 0 … 1, numbers stay. */
export function naturalScaling(values: Elements): Scaling {
  if (values instanceof Uint8Array) return OF_BYTES;
  return { ...OF_BYTES, divideBy: values instanceof Uint16Array ? SIXTEEN : 1 };
}

/** Nothing of 8 bits is divided by more. */
const MOST_OF_BYTES = 256;

/**
 * A model's scaling for pictures of another depth than it was trained on: their own whole range becomes 0 … 1. Mean and deviation stay, for they are
 * in units after the division. Undefined: nobody knows what these are in it, such as bytes for what is divided by 4,095, or 16 bits that only hold
 * bytes.
 */
export function scalingForDepth(values: Uint8Array | Uint16Array, scaling: Scaling): Scaling | undefined {
  const { divideBy } = scaling;
  if (values instanceof Uint8Array) {
    if (divideBy === SIXTEEN) return { ...scaling, divideBy: EIGHT };
    return divideBy <= MOST_OF_BYTES ? scaling : undefined;
  }
  if (divideBy === EIGHT) {
    const most = values.reduce((a, value) => Math.max(a, value), 0);
    return most === 0 || most > EIGHT ? { ...scaling, divideBy: SIXTEEN } : undefined;
  }
  // As they are: whoever trained on raw values gives raw ones.
  return divideBy <= 1 || divideBy > MOST_OF_BYTES ? scaling : undefined;
}

const MOST_PLACES = 2 ** 16;
const finite = z.number().refine(Number.isFinite);
const positive = finite.refine((x) => x > 0, 'above 0');

export const scalingSchema: z.ZodType<Scaling> = z.strictObject({
  divideBy: positive,
  mean: z.array(finite).min(1).max(MOST_PLACES),
  std: z.array(positive).min(1).max(MOST_PLACES),
});

/** Absent: a model, or a set at the parties, from before there was a choice. */
export function sameScaling(a: Scaling | undefined, b: Scaling | undefined): boolean {
  const [x, y] = [a ?? OF_BYTES, b ?? OF_BYTES];
  return x.divideBy === y.divideBy && repeats(x.mean, y.mean) && repeats(x.std, y.std);
}

/** Whether two lists say the same once both repeat. */
function repeats(a: readonly number[], b: readonly number[]): boolean {
  const [long, short] = a.length < b.length ? [b, a] : [a, b];
  return long.length % short.length === 0 && long.every((x, i) => x === short[i % short.length]);
}

/** Refuses lists that do not fit the images. */
export function checkScaling({ mean, std }: Scaling, shape: ImageShape, name: string): void {
  const size = shape.rows * shape.columns * shape.channels;
  for (const [option, list] of Object.entries({ mean, std })) {
    if (list.length === 1 || list.length === shape.channels || list.length === size) continue;
    const channels = shape.channels > 1 ? `, ${shape.channels} (one a channel)` : '';
    throw new Problem(
      `${name}: --${option} lists ${list.length} numbers, images are ${shape.rows} x ${shape.columns} x ${shape.channels}`,
      `give 1 number${channels} or ${size} (one for each place)`,
    );
  }
}

const SHOWN = 4;

/** `0.491, 0.482, 0.447`: the first of them, and how many there are. */
export function listInWords(numbers: readonly number[]): string {
  const shown = numbers.slice(0, SHOWN).map((x) => String(Number(x.toPrecision(4))));
  return numbers.length > SHOWN ? `${shown.join(', ')}, … (${numbers.length})` : shown.join(', ');
}

/** `divided by 255, mean 0.49, 0.48, 0.45, deviation 0.25, 0.24, 0.26`. */
export function scalingInWords(scaling: Scaling | undefined): string {
  const { divideBy, mean, std } = scaling ?? OF_BYTES;
  return [
    divideBy === 1 ? 'as they are' : `divided by ${divideBy}`,
    ...(mean.every((x) => x === 0) ? [] : [`less the mean ${listInWords(mean)}`]),
    ...(std.every((x) => x === 1) ? [] : [`over the deviation ${listInWords(std)}`]),
  ].join(', ');
}
