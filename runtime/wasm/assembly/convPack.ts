/** Images with their padding, and panels packed straight from them; layout of a panel as in gemmPack.ts. */
import { packPanel, packPanelSplit } from './gemmPack';

/**
 * Where the windows of a call lie in its images, written by ../convPlan.ts in this order. A padded image has top + rows + bottom rows of
 * left + width + right values. Distances are in values of 8 bytes.
 */
@unmanaged
export class Frame {
  images: usize;
  top: usize;
  rows: usize;
  bottom: usize;
  left: usize;
  width: usize;
  right: usize;
  outRows: usize;
  outColumns: usize;
  /** From a window to the one below, and to the one beside it. */
  rowDistance: usize;
  columnDistance: usize;
  /** A window is `runs` stretches of `run` values, a row of the padded image apart. */
  runs: usize;
  run: usize;

  @inline
  get rowLength(): usize {
    return this.left + this.width + this.right;
  }

  @inline
  get imageLength(): usize {
    return (this.top + this.rows + this.bottom) * this.rowLength;
  }

  @inline
  get termLength(): usize {
    return this.images * this.imageLength;
  }

  @inline
  get windows(): usize {
    return this.images * this.outRows * this.outColumns;
  }

  @inline
  get taps(): usize {
    return this.runs * this.run;
  }
}

/**
 * Spreads the images (rows of `width` values, at the end of the room for the padded ones) over the padded images. In place: what is
 * written never overtakes what is still to be read, since the padding yet to come lies between them.
 */
export function pad(frame: Frame, x: usize): void {
  const padded = frame.termLength;
  const plain = frame.images * frame.rows * frame.width;
  if (plain == padded) return;
  const rowBytes = frame.width << 3;
  let from = x + ((padded - plain) << 3);
  for (let image: usize = 0; image < frame.images; image++) {
    x = clear(x, frame.top * frame.rowLength);
    for (let row: usize = 0; row < frame.rows; row++) {
      x = clear(x, frame.left);
      memory.copy(x, from, rowBytes);
      from += rowBytes;
      x = clear(x + rowBytes, frame.right);
    }
    x = clear(x, frame.bottom * frame.rowLength);
  }
}

/** The reverse: the images' rows from x on, without the padding. */
export function unpad(frame: Frame, x: usize): void {
  if (frame.images * frame.rows * frame.width == frame.termLength) return;
  const rowBytes = frame.width << 3;
  let from = x;
  for (let image: usize = 0; image < frame.images; image++) {
    from += (frame.top * frame.rowLength + frame.left) << 3;
    for (let row: usize = 0; row < frame.rows; row++) {
      memory.copy(x, from, rowBytes);
      x += rowBytes;
      from += frame.rowLength << 3;
    }
    from += (frame.bottom * frame.rowLength - frame.left) << 3;
  }
}

function clear(at: usize, values: usize): usize {
  memory.fill(at, 0, values << 3);
  return at + (values << 3);
}

/** Addresses (u32) of `count` windows from the `first` on, filled up to a multiple of four with the last one. */
export function windowAddresses(frame: Frame, x: usize, first: usize, count: usize, table: usize): void {
  const columns = frame.outColumns;
  const line = first / columns;
  const distance = frame.columnDistance << 3;
  let column = first % columns;
  let row = line % frame.outRows;
  let image = line / frame.outRows;
  const end = table + (count << 2);
  let at: usize = 0;
  while (table < end) {
    at = image * frame.imageLength + row * frame.rowDistance + column * frame.columnDistance;
    at = x + (at << 3) - distance;
    const lineEnd = min(end, table + ((columns - column) << 2));
    while (table < lineEnd) {
      at += distance;
      store<u32>(table, <u32>at);
      table += 4;
    }
    column = 0;
    if (++row == frame.outRows) {
      row = 0;
      image++;
    }
  }
  for (; count & 3; count++) {
    store<u32>(table, <u32>at);
    table += 4;
  }
}

/** Panels of four windows of the table, taps p to p + kb of all terms. */
export function packWindows(packed: usize, frame: Frame, table: usize, count: usize, p: usize, kb: usize): void {
  const run = frame.run;
  const down = frame.rowLength << 3;
  // From the last run of a term to the first of the next.
  const across = (frame.termLength << 3) - (frame.runs - 1) * down;
  const firstRun = (p / run) % frame.runs;
  const firstOffset = ((p / frame.taps) * frame.termLength + firstRun * frame.rowLength + (p % run)) << 3;
  const firstSteps = min(kb, run - (p % run));
  // A run that the block begins inside of.
  const cut = (p % run) << 3;
  for (let i: usize = 0; i < count; i += 4) {
    const x0 = <usize>load<u32>(table);
    const x1 = <usize>load<u32>(table, 4);
    const x2 = <usize>load<u32>(table, 8);
    const x3 = <usize>load<u32>(table, 12);
    packRun(packed, x0 + firstOffset, x1 + firstOffset, x2 + firstOffset, x3 + firstOffset, firstSteps);
    packed += firstSteps << 5;
    let r = firstRun;
    let offset = firstOffset - cut;
    let left = kb - firstSteps;
    while (left) {
      if (++r == frame.runs) {
        r = 0;
        offset += across;
      } else {
        offset += down;
      }
      const steps = min(left, run);
      packRun(packed, x0 + offset, x1 + offset, x2 + offset, x3 + offset, steps);
      packed += steps << 5;
      left -= steps;
    }
    table += 16;
  }
}

/** `steps` adjacent values of each of four windows, transposed. */
@inline
function packRun(to: usize, x0: usize, x1: usize, x2: usize, x3: usize, steps: usize): void {
  for (let pairs = steps >> 1; pairs; pairs--) {
    const v0 = v128.load(x0);
    const v1 = v128.load(x1);
    const v2 = v128.load(x2);
    const v3 = v128.load(x3);
    v128.store(to, v128.shuffle<u64>(v0, v1, 0, 2));
    v128.store(to, v128.shuffle<u64>(v2, v3, 0, 2), 16);
    v128.store(to, v128.shuffle<u64>(v0, v1, 1, 3), 32);
    v128.store(to, v128.shuffle<u64>(v2, v3, 1, 3), 48);
    to += 64;
    x0 += 16;
    x1 += 16;
    x2 += 16;
    x3 += 16;
  }
  if (steps & 1) {
    store<u64>(to, load<u64>(x0));
    store<u64>(to, load<u64>(x1), 8);
    store<u64>(to, load<u64>(x2), 16);
    store<u64>(to, load<u64>(x3), 24);
  }
}

/** Panels of four taps from the `first` on, one step a window of the table. */
export function packTaps(packed: usize, frame: Frame, table: usize, windows: usize, first: usize, count: usize): void {
  const end = table + (windows << 2);
  for (let i: usize = 0; i < count; i += 4) {
    const tap = first + i;
    const offset0 = tapOffset(frame, tap);
    if (i + 4 <= count && (tap % frame.run) + 4 <= frame.run) {
      for (let at = table; at < end; at += 4) {
        const from = <usize>load<u32>(at) + offset0;
        v128.store(packed, v128.load(from));
        v128.store(packed, v128.load(from, 16), 16);
        packed += 32;
      }
    } else {
      // Beyond the last tap anything will do: multiplyBlock drops those rows.
      const last = first + count - 1;
      const offset1 = tapOffset(frame, min(last, tap + 1));
      const offset2 = tapOffset(frame, min(last, tap + 2));
      const offset3 = tapOffset(frame, min(last, tap + 3));
      for (let at = table; at < end; at += 4) {
        const from = <usize>load<u32>(at);
        store<u64>(packed, load<u64>(from + offset0));
        store<u64>(packed, load<u64>(from + offset1), 8);
        store<u64>(packed, load<u64>(from + offset2), 16);
        store<u64>(packed, load<u64>(from + offset3), 24);
        packed += 32;
      }
    }
  }
}

/** Bytes from the beginning of a window to one of its taps. */
export function tapOffset(frame: Frame, tap: usize): usize {
  return ((tap / frame.run) * frame.rowLength + (tap % frame.run)) << 3;
}

/**
 * Panels of lanes i to i + count, steps p to p + kb, of the terms' matrices (lanes,depth), which lie behind one another and follow each
 * other along the inner dimension. `split` as for a right operand.
 */
export function packTerms(
  packed: usize,
  from: usize,
  lanes: usize,
  depth: usize,
  i: usize,
  count: usize,
  p: usize,
  kb: usize,
  split: bool,
): void {
  const lane = depth << 3;
  for (const end = i + count; i < end; i += 4) {
    const width = min<usize>(4, end - i);
    let q = p;
    while (q < p + kb) {
      const steps = min(p + kb - q, depth - (q % depth));
      const at = from + (((q / depth) * lanes + i) * depth + (q % depth)) * 8;
      if (split) packPanelSplit(packed, at, width, steps, lane, 8);
      else packPanel(packed, at, width, steps, lane, 8);
      packed += steps << 5;
      q += steps;
    }
  }
}
