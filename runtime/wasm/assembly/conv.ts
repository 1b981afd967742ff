/**
 * Convolution over Z_{2^64} and its gradients as matrix products with the patches of the images, P (windows, taps), which is never
 * stored: it is packed from the images, or added to them, tile by tile. The rest is gemm.
 *
 *   convForward         output (windows, filters) += P x filter (taps, filters)
 *   convWeightGradient  filter (taps, filters)    += P^T x output (windows, filters)
 *   convInputGradient   P (windows, taps)         += output (windows, filters) x filter^T
 *
 * windows = images · rows · columns of the output, taps = height · width of the kernel · channels. The last of them adds rows of P that
 * overlap in the image; compared with gathering what each pixel gets, no product with padding is formed, and any stride is the same.
 *
 * The terms' operands lie behind one another. Images are as pad() expects them. `accumulate` = 0 overwrites the result.
 */
import { Frame, packTaps, packTerms, packWindows, pad, tapOffset, unpad, windowAddresses } from './convPack';
import {
  BLOCK_K,
  BLOCK_M,
  BLOCK_N,
  GEMM_SCRATCH_BYTES,
  PACKED_A,
  PACKED_B,
  SUMS_BYTES,
  TILE_BYTES,
  TILE_ROW_BYTES,
  addTile,
  addTileRow,
  multiplyBlock,
  multiplyTile,
  packBlockB,
} from './gemm';

/** Addresses of the windows of a block, which are rows of the product or its inner dimension. */
const TABLE_BYTES: usize = BLOCK_K << 2;

/** What the kernels need at `scratch`: what gemm does, then the table. */
export const CONV_SCRATCH_BYTES: usize = GEMM_SCRATCH_BYTES + TABLE_BYTES;

export function convForward(
  frame: Frame,
  filters: usize,
  terms: usize,
  images: usize,
  filter: usize,
  output: usize,
  accumulate: usize,
  scratch: usize,
): void {
  const m = frame.windows;
  const n = filters;
  // The terms' patches stand side by side: one long inner dimension, so that a tile of a small kernel is worth its beginning and end.
  const k = terms * frame.taps;
  if (!accumulate) memory.fill(output, 0, (m * n) << 3);
  for (let term: usize = 0; term < terms; term++) pad(frame, images + ((term * frame.termLength) << 3));
  const packedB = scratch + PACKED_A;
  const sums = packedB + PACKED_B;
  const table = scratch + GEMM_SCRATCH_BYTES;
  for (let j: usize = 0; j < n; j += BLOCK_N) {
    const nb = min(BLOCK_N, n - j);
    for (let p: usize = 0; p < k; p += BLOCK_K) {
      const kb = min(BLOCK_K, k - p);
      packBlockB(packedB, filter + ((p * n + j) << 3), nb, kb, 8, n << 3);
      for (let i: usize = 0; i < m; i += BLOCK_M) {
        const mb = min(BLOCK_M, m - i);
        windowAddresses(frame, images, i, mb, table);
        packWindows(scratch, frame, table, mb, p, kb);
        multiplyBlock(scratch, packedB, mb, nb, kb, output + ((i * n + j) << 3), n << 3, sums);
      }
    }
  }
}

export function convWeightGradient(
  frame: Frame,
  filters: usize,
  terms: usize,
  images: usize,
  output: usize,
  filter: usize,
  accumulate: usize,
  scratch: usize,
): void {
  const m = frame.taps;
  const n = filters;
  const k = frame.windows;
  if (!accumulate) memory.fill(filter, 0, (m * n) << 3);
  const packedB = scratch + PACKED_A;
  const sums = packedB + PACKED_B;
  const table = scratch + GEMM_SCRATCH_BYTES;
  for (let term: usize = 0; term < terms; term++) {
    pad(frame, images);
    for (let j: usize = 0; j < n; j += BLOCK_N) {
      const nb = min(BLOCK_N, n - j);
      for (let p: usize = 0; p < k; p += BLOCK_K) {
        const kb = min(BLOCK_K, k - p);
        packBlockB(packedB, output + ((p * n + j) << 3), nb, kb, 8, n << 3);
        windowAddresses(frame, images, p, kb, table);
        for (let i: usize = 0; i < m; i += BLOCK_M) {
          const mb = min(BLOCK_M, m - i);
          packTaps(scratch, frame, table, kb, i, mb);
          multiplyBlock(scratch, packedB, mb, nb, kb, filter + ((i * n + j) << 3), n << 3, sums);
        }
      }
    }
    images += frame.termLength << 3;
    output += (k * n) << 3;
  }
}

/** The images, without padding, lie at the beginning of `images` afterwards. */
export function convInputGradient(
  frame: Frame,
  filters: usize,
  terms: usize,
  output: usize,
  filter: usize,
  images: usize,
  accumulate: usize,
  scratch: usize,
): void {
  const m = frame.windows;
  const n = frame.taps;
  const k = terms * filters;
  if (accumulate) pad(frame, images);
  else memory.fill(images, 0, frame.termLength << 3);
  const packedB = scratch + PACKED_A;
  const sums = packedB + PACKED_B;
  const table = scratch + GEMM_SCRATCH_BYTES;
  for (let j: usize = 0; j < n; j += BLOCK_N) {
    const nb = min(BLOCK_N, n - j);
    for (let p: usize = 0; p < k; p += BLOCK_K) {
      const kb = min(BLOCK_K, k - p);
      packTerms(packedB, filter, n, filters, j, nb, p, kb, true);
      for (let i: usize = 0; i < m; i += BLOCK_M) {
        const mb = min(BLOCK_M, m - i);
        packTerms(scratch, output, m, filters, i, mb, p, kb, false);
        windowAddresses(frame, images, i, mb, table);
        addPatches(scratch, packedB, mb, j, nb, kb, frame, table, sums);
      }
    }
  }
  unpad(frame, images);
}

/** Taps j to j + nb of the windows of the table += packed A x packed B; as multiplyBlock, with C where the windows lie. */
function addPatches(
  a: usize,
  b: usize,
  mb: usize,
  j: usize,
  nb: usize,
  kb: usize,
  frame: Frame,
  table: usize,
  sums: usize,
): void {
  const tile = sums + SUMS_BYTES;
  const end = j + nb;
  for (; j < end; j += 4) {
    const columns = min<usize>(4, end - j);
    const adjacent = columns == 4 && (j % frame.run) + 4 <= frame.run;
    const offset0 = tapOffset(frame, j);
    const offset1 = tapOffset(frame, j + 1);
    const offset2 = tapOffset(frame, j + 2);
    const offset3 = tapOffset(frame, j + 3);
    let panel = a;
    for (let i: usize = 0; i < mb; i += 4) {
      const rows = min<usize>(4, mb - i);
      const windows = table + (i << 2);
      multiplyTile(kb, panel, b, sums);
      if (adjacent) {
        for (let r: usize = 0; r < rows; r++) {
          addTileRow(sums + r * TILE_ROW_BYTES, <usize>load<u32>(windows + (r << 2)) + offset0);
        }
      } else {
        memory.fill(tile, 0, TILE_BYTES);
        addTile(sums, tile, 32);
        for (let r: usize = 0; r < rows; r++) {
          const window = <usize>load<u32>(windows + (r << 2));
          const from = tile + (r << 5);
          addValue(window + offset0, from);
          if (columns > 1) addValue(window + offset1, from + 8);
          if (columns > 2) addValue(window + offset2, from + 16);
          if (columns > 3) addValue(window + offset3, from + 24);
        }
      }
      panel += kb << 5;
    }
    b += kb << 5;
  }
}

@inline
function addValue(to: usize, from: usize): void {
  store<u64>(to, load<u64>(to) + load<u64>(from));
}
