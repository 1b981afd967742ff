/**
 * A picture made into what the network was trained on, as MNIST's makers did it: white on black, 28 x 28, the digit in a box of 20 x 20 with its
 * centre of mass in the middle. Pure; knows of no page.
 */

/** Pixels a row, and rows, of what the network takes. */
export const SIDE = 28;
const BOX = 20;
/** Ink fainter than this part of the darkest is paper: its texture, a shadow, what JPEG leaves around edges. */
const FAINT = 0.15;
/** A picture whose darkest and lightest pixels differ by less shows nothing. */
const LEAST_CONTRAST = 32;

/** One value a pixel, 0 (black) to 255 (white), row after row. */
export interface Grey {
  readonly width: number;
  readonly height: number;
  readonly values: Uint8Array;
}

export interface Digit {
  /** SIDE x SIDE, 255 where the ink is. */
  readonly pixels: Uint8Array;
  /** Whether the picture was dark on light. */
  readonly inverted: boolean;
}

/** Undefined: nothing is to be seen. A picture of SIDE x SIDE is taken as it is, but for its colours. */
export function asDigit({ width, height, values }: Grey): Digit | undefined {
  const paper = background({ width, height, values });
  const inverted = paper > 127;
  if (width === SIDE && height === SIDE) {
    const pixels = inverted ? values.map((value) => 255 - value) : values.slice();
    return Math.max(...pixels) < LEAST_CONTRAST ? undefined : { pixels, inverted };
  }
  const ink = Float64Array.from(values, (value) => Math.max(0, inverted ? paper - value : value - paper));
  const darkest = ink.reduce((most, value) => Math.max(most, value), 0);
  if (darkest < LEAST_CONTRAST) return undefined;
  const clean = ink.map((value) => (value < FAINT * darkest ? 0 : value));
  return { pixels: centred(clean, width, height), inverted };
}

/** The median of the pixels along the edges. */
function background({ width, height, values }: Grey): number {
  const edge: number[] = [];
  for (let x = 0; x < width; x++) edge.push(values[x], values[(height - 1) * width + x]);
  for (let y = 0; y < height; y++) edge.push(values[y * width], values[y * width + width - 1]);
  return edge.sort((a, b) => a - b)[edge.length >> 1];
}

/** Each pixel of the result is the mean of the area that it covers, so one pass scales, moves and smooths. */
function centred(ink: Float64Array, width: number, height: number): Uint8Array {
  const columns = new Float64Array(width);
  const rows = new Float64Array(height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      columns[x] += ink[y * width + x];
      rows[y] += ink[y * width + x];
    }
  }
  const [across, down] = [extent(columns), extent(rows)];
  const scale = BOX / Math.max(across.to - across.from, down.to - down.from);
  const [overX, overY] = [coverage(across, scale, width), coverage(down, scale, height)];
  const means = new Float64Array(SIDE * SIDE);
  for (let i = 0; i < SIDE; i++) {
    for (let j = 0; j < SIDE; j++) {
      let sum = 0;
      for (const [y, high] of overY[i]) for (const [x, wide] of overX[j]) sum += high * wide * ink[y * width + x];
      means[i * SIDE + j] = sum;
    }
  }
  const most = means.reduce((a, b) => Math.max(a, b));
  return Uint8Array.from(means, (mean) => Math.round((255 * mean) / most));
}

interface Extent {
  /** Where ink begins, and where it has ended. */
  readonly from: number;
  readonly to: number;
  /** The centre of mass. */
  readonly centre: number;
}

function extent(sums: Float64Array): Extent {
  const from = sums.findIndex((sum) => sum > 0);
  const to = sums.findLastIndex((sum) => sum > 0) + 1;
  const mass = sums.reduce((a, b) => a + b);
  return { from, to, centre: sums.reduce((a, sum, i) => a + sum * (i + 0.5), 0) / mass };
}

/** For each pixel of the result along one axis: the pixels of the picture that it covers, and how much of them. */
function coverage({ from, to, centre }: Extent, scale: number, length: number): (readonly [number, number])[][] {
  // Where the middle of the result lies in the picture: in the centre of mass, unless ink would then be cut off.
  const half = SIDE / 2 / scale;
  const middle = Math.min(Math.max(centre, to - half), from + half);
  return Array.from({ length: SIDE }, (_, i) => {
    const begin = middle + (i - SIDE / 2) / scale;
    const end = begin + 1 / scale;
    const covered: (readonly [number, number])[] = [];
    for (let at = Math.max(0, Math.floor(begin)); at < Math.min(length, end); at++)
      covered.push([at, Math.min(end, at + 1) - Math.max(begin, at)]);
    return covered;
  });
}
