/**
 * Convolutions of stride 1 by fewer products. Split rows of windows, rows of the kernel and rows of the image into even and odd ones:
 *
 *   y_0 = x_0 * f_0 + x_1 * f_1,  y_1 = x_1 * f_0 + x_2 * f_1   for x_a[r] = x[2r + a], f_a[j] = f[2j + a], y_a[r] = y[2r + a]
 *
 * which are four convolutions of half the size, and by the three products of a 2 x 2 Hankel matrix with a vector
 *
 *   P_0 = (x_0 - x_1) * f_0,  P_1 = x_1 * (f_0 + f_1),  P_2 = (x_2 - x_1) * f_1,  y_0 = P_0 + P_1,  y_1 = P_1 + P_2
 *
 * three (the fast FIR filters of Winograd 1980). Rows and columns both: nine in the place of sixteen, and of a kernel of five taps, of which
 * f_0 has three and f_1 two, 64 multiplications in the place of 100. No product is divided, so all of it holds over Z_{2^64}.
 * The gradients are the transposes, with the same three products: what is summed of one side is added to two places on the other.
 *
 * An image here has no padding besides what stands in it. `levels`: how often the windows are halved; `work` is where operands of the halved
 * products lie, as many bytes as ../convSplit.ts says.
 */
import { convForward, convInputGradient, convWeightGradient } from './conv';
import { Frame, pad, unpad } from './convPack';

/** Of a frame, whose fields are thirteen words. */
const FRAME_ROOM: usize = 64;
/** As every array has behind its end. */
const SLACK: usize = 32;

/** Where the operands of one of the nine products lie: `frame` for its windows, then its image, filter and output. */
@unmanaged
class Halved {
  frame: Frame;
  image: usize;
  filter: usize;
  output: usize;
  rest: usize;
}

/** Taps of f_0, f_0 + f_1 and f_1. */
@inline
function tapsOf(taps: usize, a: usize): usize {
  return (taps + (a < 2 ? 1 : 0)) >> 1;
}

/** Where a dimension of the kernel has one tap, nothing is saved. */
@inline
function isWhole(frame: Frame, levels: usize): bool {
  return levels == 0 || frame.runs == 1 || frame.run == frame.columnDistance;
}

/** Lays the operands of product (a, b) out at `work`. */
function halve(frame: Frame, filters: usize, a: usize, b: usize, work: usize): Halved {
  const channels = frame.columnDistance;
  const halved = changetype<Halved>(work);
  const half = changetype<Frame>(work + FRAME_ROOM);
  const tapRows = tapsOf(frame.runs, a);
  const tapColumns = tapsOf(frame.run / channels, b);
  half.images = frame.images;
  half.top = 0;
  half.bottom = 0;
  half.left = 0;
  half.right = 0;
  half.outRows = frame.outRows >> 1;
  half.outColumns = frame.outColumns >> 1;
  half.rows = half.outRows + tapRows - 1;
  half.width = (half.outColumns + tapColumns - 1) * channels;
  half.rowDistance = half.width;
  half.columnDistance = channels;
  half.runs = tapRows;
  half.run = tapColumns * channels;
  halved.frame = half;
  halved.image = work + 2 * FRAME_ROOM;
  halved.filter = halved.image + (half.termLength << 3) + SLACK;
  halved.output = halved.filter + ((half.taps * filters) << 3) + SLACK;
  halved.rest = halved.output + ((half.windows * filters) << 3) + SLACK;
  return halved;
}

/** As convForward, of one term; the images are padded already. */
function forward(
  frame: Frame,
  filters: usize,
  images: usize,
  filter: usize,
  output: usize,
  levels: usize,
  work: usize,
  scratch: usize,
): void {
  if (isWhole(frame, levels)) return convForward(frame, filters, 1, images, filter, output, 0, scratch);
  memory.fill(output, 0, (frame.windows * filters) << 3);
  for (let a: usize = 0; a < 3; a++) {
    for (let b: usize = 0; b < 3; b++) {
      const half = halve(frame, filters, a, b, work);
      differences(frame, half.frame, a, b, images, half.image);
      sumFilters(frame, half.frame, filters, a, b, filter, half.filter);
      forward(half.frame, filters, half.image, half.filter, half.output, levels - 1, half.rest, scratch);
      spreadOutputs(frame, half.frame, filters, a, b, half.output, output);
    }
  }
}

/** As convWeightGradient. */
function weightGradient(
  frame: Frame,
  filters: usize,
  images: usize,
  output: usize,
  filter: usize,
  levels: usize,
  work: usize,
  scratch: usize,
): void {
  if (isWhole(frame, levels)) return convWeightGradient(frame, filters, 1, images, output, filter, 0, scratch);
  memory.fill(filter, 0, (frame.taps * filters) << 3);
  for (let a: usize = 0; a < 3; a++) {
    for (let b: usize = 0; b < 3; b++) {
      const half = halve(frame, filters, a, b, work);
      differences(frame, half.frame, a, b, images, half.image);
      sumOutputs(frame, half.frame, filters, a, b, output, half.output);
      weightGradient(half.frame, filters, half.image, half.output, half.filter, levels - 1, half.rest, scratch);
      spreadFilters(frame, half.frame, filters, a, b, half.filter, filter);
    }
  }
}

/** As convInputGradient; the padding stays. */
function inputGradient(
  frame: Frame,
  filters: usize,
  output: usize,
  filter: usize,
  images: usize,
  levels: usize,
  work: usize,
  scratch: usize,
): void {
  if (isWhole(frame, levels)) return convInputGradient(frame, filters, 1, output, filter, images, 0, scratch);
  memory.fill(images, 0, frame.termLength << 3);
  for (let a: usize = 0; a < 3; a++) {
    for (let b: usize = 0; b < 3; b++) {
      const half = halve(frame, filters, a, b, work);
      sumOutputs(frame, half.frame, filters, a, b, output, half.output);
      sumFilters(frame, half.frame, filters, a, b, filter, half.filter);
      inputGradient(half.frame, filters, half.output, half.filter, half.image, levels - 1, half.rest, scratch);
      addDifferences(frame, half.frame, a, b, half.image, images);
    }
  }
}

export function convForwardSplit(
  frame: Frame,
  filters: usize,
  images: usize,
  filter: usize,
  output: usize,
  levels: usize,
  work: usize,
  scratch: usize,
): void {
  pad(frame, images);
  forward(frame, filters, images, filter, output, levels, work, scratch);
}

export function convWeightGradientSplit(
  frame: Frame,
  filters: usize,
  images: usize,
  output: usize,
  filter: usize,
  levels: usize,
  work: usize,
  scratch: usize,
): void {
  pad(frame, images);
  weightGradient(frame, filters, images, output, filter, levels, work, scratch);
}

export function convInputGradientSplit(
  frame: Frame,
  filters: usize,
  output: usize,
  filter: usize,
  images: usize,
  levels: usize,
  work: usize,
  scratch: usize,
): void {
  inputGradient(frame, filters, output, filter, images, levels, work, scratch);
  unpad(frame, images);
}

/** Of product (a, b): x_a - x_1 down and across, or x_1. */
function differences(frame: Frame, half: Frame, a: usize, b: usize, x: usize, to: usize): void {
  const run = frame.columnDistance;
  const row = frame.rowLength << 3;
  const column = run << 3;
  for (let image: usize = 0; image < half.images; image++) {
    for (let r: usize = 0; r < half.rows; r++) {
      const plus = x + (2 * r + a) * row;
      const minus = x + (2 * r + 1) * row;
      const end = to + (half.width << 3);
      for (let at: usize = 0; to < end; at += 2 * column) {
        const p = plus + at + b * column;
        const m = minus + at + b * column;
        if (b == 1) {
          if (a == 1) copyRun(run, p, to);
          else lessRun(run, p, m, to);
        } else if (a == 1) {
          lessRun(run, p, plus + at + column, to);
        } else {
          mixRun(run, p, m, plus + at + column, minus + at + column, to);
        }
        to += column;
      }
    }
    x += frame.imageLength << 3;
  }
}

/** The transpose of `differences`, added. */
function addDifferences(frame: Frame, half: Frame, a: usize, b: usize, from: usize, x: usize): void {
  const run = frame.columnDistance;
  const row = frame.rowLength << 3;
  const column = run << 3;
  for (let image: usize = 0; image < half.images; image++) {
    for (let r: usize = 0; r < half.rows; r++) {
      const plus = x + (2 * r + a) * row;
      const minus = x + (2 * r + 1) * row;
      const end = from + (half.width << 3);
      for (let at: usize = 0; from < end; at += 2 * column) {
        addRun(run, from, plus + at + b * column);
        if (a != 1) subtractRun(run, from, minus + at + b * column);
        if (b != 1) {
          subtractRun(run, from, plus + at + column);
          if (a != 1) addRun(run, from, minus + at + column);
        }
        from += column;
      }
    }
    x += frame.imageLength << 3;
  }
}

/** Places of a pair that a sum takes: the even one, both, the odd one. */
@inline
function firstOf(a: usize): usize {
  return a >> 1;
}

@inline
function lastOf(a: usize): usize {
  return (a + 1) >> 1;
}

/** to[r, s] = sum of from[2r + i, 2s + j] over the places of (a, b) that are there; planes of rows of runs. */
function sum(
  planes: usize,
  rows: usize,
  columns: usize,
  run: usize,
  halfRows: usize,
  halfColumns: usize,
  a: usize,
  b: usize,
  from: usize,
  to: usize,
): void {
  const bytes = run << 3;
  for (let plane: usize = 0; plane < planes; plane++) {
    for (let r: usize = 0; r < halfRows; r++) {
      for (let s: usize = 0; s < halfColumns; s++) {
        let first = true;
        for (let i = 2 * r + firstOf(a); i <= min(2 * r + lastOf(a), rows - 1); i++) {
          for (let j = 2 * s + firstOf(b); j <= min(2 * s + lastOf(b), columns - 1); j++) {
            const at = from + (i * columns + j) * bytes;
            if (first) copyRun(run, at, to);
            else addRun(run, at, to);
            first = false;
          }
        }
        to += bytes;
      }
    }
    from += rows * columns * bytes;
  }
}

/** The transpose of `sum`, added. */
function spread(
  planes: usize,
  rows: usize,
  columns: usize,
  run: usize,
  halfRows: usize,
  halfColumns: usize,
  a: usize,
  b: usize,
  from: usize,
  to: usize,
): void {
  const bytes = run << 3;
  for (let plane: usize = 0; plane < planes; plane++) {
    for (let r: usize = 0; r < halfRows; r++) {
      for (let s: usize = 0; s < halfColumns; s++) {
        for (let i = 2 * r + firstOf(a); i <= min(2 * r + lastOf(a), rows - 1); i++) {
          for (let j = 2 * s + firstOf(b); j <= min(2 * s + lastOf(b), columns - 1); j++) {
            addRun(run, from, to + (i * columns + j) * bytes);
          }
        }
        from += bytes;
      }
    }
    to += rows * columns * bytes;
  }
}

function sumOutputs(frame: Frame, half: Frame, filters: usize, a: usize, b: usize, from: usize, to: usize): void {
  sum(frame.images, frame.outRows, frame.outColumns, filters, half.outRows, half.outColumns, a, b, from, to);
}

function spreadOutputs(frame: Frame, half: Frame, filters: usize, a: usize, b: usize, from: usize, to: usize): void {
  spread(frame.images, frame.outRows, frame.outColumns, filters, half.outRows, half.outColumns, a, b, from, to);
}

function sumFilters(frame: Frame, half: Frame, filters: usize, a: usize, b: usize, from: usize, to: usize): void {
  const channels = frame.columnDistance;
  const run = channels * filters;
  sum(1, frame.runs, frame.run / channels, run, half.runs, half.run / channels, a, b, from, to);
}

function spreadFilters(frame: Frame, half: Frame, filters: usize, a: usize, b: usize, from: usize, to: usize): void {
  const channels = frame.columnDistance;
  const run = channels * filters;
  spread(1, frame.runs, frame.run / channels, run, half.runs, half.run / channels, a, b, from, to);
}

function copyRun(run: usize, x: usize, to: usize): void {
  const end = to + (run << 3);
  for (; to + 16 <= end; to += 16, x += 16) v128.store(to, v128.load(x));
  if (to < end) store<u64>(to, load<u64>(x));
}

function lessRun(run: usize, x: usize, y: usize, to: usize): void {
  const end = to + (run << 3);
  for (; to + 16 <= end; to += 16, x += 16, y += 16) v128.store(to, i64x2.sub(v128.load(x), v128.load(y)));
  if (to < end) store<u64>(to, load<u64>(x) - load<u64>(y));
}

/** x - y - z + w */
function mixRun(run: usize, x: usize, y: usize, z: usize, w: usize, to: usize): void {
  const end = to + (run << 3);
  for (; to + 16 <= end; to += 16, x += 16, y += 16, z += 16, w += 16) {
    const first = i64x2.sub(v128.load(x), v128.load(y));
    v128.store(to, i64x2.sub(first, i64x2.sub(v128.load(z), v128.load(w))));
  }
  if (to < end) store<u64>(to, load<u64>(x) - load<u64>(y) - load<u64>(z) + load<u64>(w));
}

function addRun(run: usize, x: usize, to: usize): void {
  const end = to + (run << 3);
  for (; to + 16 <= end; to += 16, x += 16) v128.store(to, i64x2.add(v128.load(to), v128.load(x)));
  if (to < end) store<u64>(to, load<u64>(to) + load<u64>(x));
}

function subtractRun(run: usize, x: usize, to: usize): void {
  const end = to + (run << 3);
  for (; to + 16 <= end; to += 16, x += 16) v128.store(to, i64x2.sub(v128.load(to), v128.load(x)));
  if (to < end) store<u64>(to, load<u64>(to) - load<u64>(x));
}
