/**
 * Panels for gemm: four rows of A or four columns of B ("lanes"), stored step by step along the inner dimension, 32 bytes a
 * step, missing lanes zero. `lane` and `step` are the byte distances in the source; one of them is always 8.
 */

/** Four values a step, as they are (A: the tile broadcasts halves of them). */
export function packPanel(to: usize, from: usize, lanes: usize, steps: usize, lane: usize, step: usize): void {
  if (lanes < 4) return packNarrow(to, from, lanes, steps, lane, step, false);
  if (lane == 8) {
    for (let p: usize = 0; p < steps; p++) {
      v128.store(to, v128.load(from));
      v128.store(to, v128.load(from, 16), 16);
      to += 32;
      from += step;
    }
    return;
  }
  // Steps are adjacent in memory: read two of them from each lane and transpose.
  const pairs = steps >> 1;
  for (let p: usize = 0; p < pairs; p++) {
    const x0 = v128.load(from);
    const x1 = v128.load(from + lane);
    const x2 = v128.load(from + 2 * lane);
    const x3 = v128.load(from + 3 * lane);
    v128.store(to, v128.shuffle<u64>(x0, x1, 0, 2));
    v128.store(to, v128.shuffle<u64>(x2, x3, 0, 2), 16);
    v128.store(to, v128.shuffle<u64>(x0, x1, 1, 3), 32);
    v128.store(to, v128.shuffle<u64>(x2, x3, 1, 3), 48);
    to += 64;
    from += 16;
  }
  if (steps & 1) packNarrow(to, from, 4, 1, lane, step, false);
}

/** Four low halves, then four high halves a step (B). */
export function packPanelSplit(to: usize, from: usize, lanes: usize, steps: usize, lane: usize, step: usize): void {
  if (lanes < 4) return packNarrow(to, from, lanes, steps, lane, step, true);
  if (lane == 8) {
    for (let p: usize = 0; p < steps; p++) {
      storeSplit(to, v128.load(from), v128.load(from, 16));
      to += 32;
      from += step;
    }
    return;
  }
  const pairs = steps >> 1;
  for (let p: usize = 0; p < pairs; p++) {
    const x0 = v128.load(from);
    const x1 = v128.load(from + lane);
    const x2 = v128.load(from + 2 * lane);
    const x3 = v128.load(from + 3 * lane);
    storeSplit(to, v128.shuffle<u64>(x0, x1, 0, 2), v128.shuffle<u64>(x2, x3, 0, 2));
    storeSplit(to + 32, v128.shuffle<u64>(x0, x1, 1, 3), v128.shuffle<u64>(x2, x3, 1, 3));
    to += 64;
    from += 16;
  }
  if (steps & 1) packNarrow(to, from, 4, 1, lane, step, true);
}

@inline
function storeSplit(to: usize, x01: v128, x23: v128): void {
  v128.store(to, v128.shuffle<u32>(x01, x23, 0, 2, 4, 6));
  v128.store(to, v128.shuffle<u32>(x01, x23, 1, 3, 5, 7), 16);
}

/** Edges: any number of lanes up to four, value by value. */
function packNarrow(
  to: usize,
  from: usize,
  lanes: usize,
  steps: usize,
  lane: usize,
  step: usize,
  split: bool,
): void {
  for (let p: usize = 0; p < steps; p++) {
    for (let r: usize = 0; r < 4; r++) {
      const value: u64 = r < lanes ? load<u64>(from + r * lane) : 0;
      if (split) {
        store<u32>(to + (r << 2), <u32>value);
        store<u32>(to + (r << 2), <u32>(value >> 32), 16);
      } else {
        store<u64>(to + (r << 3), value);
      }
    }
    to += 32;
    from += step;
  }
}
