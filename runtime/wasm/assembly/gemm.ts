/**
 * Matrix product over Z_{2^64}: C (m,n) += sum over terms of op(A) (m,k) x op(B) (k,n), all row-major u64.
 *
 * WASM has no fast 64-bit lane product, so split a = 2^32 ah + al:
 *
 *   a b = al bl + 2^32 (al bh + ah bl)  mod 2^64
 *
 * The first product is 32 x 32 -> 64 bits (extmul, two lanes), the bracket is needed mod 2^32 only (i32x4.mul, four lanes) and
 * is shifted once, after the sum over k. Around that the usual blocking (Goto, van de Geijn, "Anatomy of high-performance
 * matrix multiplication", 2008): a 4x4 tile of C in registers, panels of A and B packed so that the tile reads both in order
 * and from L1, a block of A that stays in L2.
 */
import { packPanel, packPanelSplit } from './gemmPack';

/** Inner dimension of a block: one panel of A and one of B together are 16 KiB, half of a small L1. */
export const BLOCK_K: usize = 256;
/** Rows of a packed block of A: 256 KiB, for L2. */
export const BLOCK_M: usize = 128;
/** Columns of a packed block of B: 1 MiB, read once per block of A. */
export const BLOCK_N: usize = 512;

export const PACKED_A: usize = (BLOCK_M * BLOCK_K) << 3;
export const PACKED_B: usize = (BLOCK_N * BLOCK_K) << 3;
/** What a tile is summed up in (four rows), and room for a whole tile at the edge of C. */
export const TILE_ROW_BYTES: usize = 48;
export const SUMS_BYTES: usize = 4 * TILE_ROW_BYTES;
export const TILE_BYTES: usize = 128;

/** What `gemm` needs at `scratch`. */
export const GEMM_SCRATCH_BYTES: usize = PACKED_A + PACKED_B + SUMS_BYTES + TILE_BYTES;

/**
 * The terms' operands lie behind one another (a: terms · m·k, b: terms · k·n elements). `accumulate` = 0 overwrites C.
 * A is stored (m,k), or (k,m) when transposeA; B (k,n), or (n,k) when transposeB.
 */
export function gemm(
  m: usize,
  k: usize,
  n: usize,
  transposeA: usize,
  transposeB: usize,
  terms: usize,
  a: usize,
  b: usize,
  c: usize,
  accumulate: usize,
  scratch: usize,
): void {
  if (!accumulate) memory.fill(c, 0, (m * n) << 3);
  // Bytes from one row (column) of the product's operand to the next, and along k.
  const aRow: usize = (transposeA ? 1 : k) << 3;
  const aStep: usize = (transposeA ? m : 1) << 3;
  const bColumn: usize = (transposeB ? k : 1) << 3;
  const bStep: usize = (transposeB ? 1 : n) << 3;
  for (let term: usize = 0; term < terms; term++) {
    for (let j: usize = 0; j < n; j += BLOCK_N) {
      const nb = min(BLOCK_N, n - j);
      for (let p: usize = 0; p < k; p += BLOCK_K) {
        const kb = min(BLOCK_K, k - p);
        const packedB = scratch + PACKED_A;
        packBlockB(packedB, b + j * bColumn + p * bStep, nb, kb, bColumn, bStep);
        for (let i: usize = 0; i < m; i += BLOCK_M) {
          const mb = min(BLOCK_M, m - i);
          packBlockA(scratch, a + i * aRow + p * aStep, mb, kb, aRow, aStep);
          multiplyBlock(scratch, packedB, mb, nb, kb, c + ((i * n + j) << 3), n << 3, scratch + PACKED_A + PACKED_B);
        }
      }
    }
    a += (m * k) << 3;
    b += (k * n) << 3;
  }
}

function packBlockA(packed: usize, a: usize, mb: usize, kb: usize, row: usize, step: usize): void {
  for (let i: usize = 0; i < mb; i += 4) {
    packPanel(packed, a + i * row, min<usize>(4, mb - i), kb, row, step);
    packed += kb << 5;
  }
}

export function packBlockB(packed: usize, b: usize, nb: usize, kb: usize, column: usize, step: usize): void {
  for (let j: usize = 0; j < nb; j += 4) {
    packPanelSplit(packed, b + j * column, min<usize>(4, nb - j), kb, column, step);
    packed += kb << 5;
  }
}

/** C block (mb,nb) += packed A x packed B. The panel of B stays in L1 while the panels of A pass by. */
export function multiplyBlock(
  a: usize,
  b: usize,
  mb: usize,
  nb: usize,
  kb: usize,
  c: usize,
  cRow: usize,
  sums: usize,
): void {
  const tile = sums + SUMS_BYTES;
  for (let j: usize = 0; j < nb; j += 4) {
    const columns = min<usize>(4, nb - j);
    let panel = a;
    for (let i: usize = 0; i < mb; i += 4) {
      const rows = min<usize>(4, mb - i);
      const target = c + i * cRow + (j << 3);
      multiplyTile(kb, panel, b, sums);
      if (rows == 4 && columns == 4) {
        addTile(sums, target, cRow);
      } else {
        // Panels are padded with zeros: complete the tile aside, add what lies inside C.
        memory.fill(tile, 0, TILE_BYTES);
        addTile(sums, tile, 32);
        for (let r: usize = 0; r < rows; r++) {
          for (let s: usize = 0; s < columns; s++) {
            const to = target + r * cRow + (s << 3);
            store<u64>(to, load<u64>(to) + load<u64>(tile + (r << 5) + (s << 3)));
          }
        }
      }
      panel += kb << 5;
    }
    b += kb << 5;
  }
}

/**
 * Panel of A (kb steps of 4 values) x panel of B (kb steps of 4 low and 4 high halves). Per row 48 bytes of sums: low products
 * of columns 0-1, of 2-3, and cross products of columns 0-3. Stored, not added to C here: with more work behind the loop V8
 * spills some of its twelve sums inside it (15 % slower).
 */
export function multiplyTile(kb: usize, a: usize, b: usize, sums: usize): void {
  let low00 = i64x2.splat(0);
  let low01 = low00;
  let cross0 = low00;
  let low10 = low00;
  let low11 = low00;
  let cross1 = low00;
  let low20 = low00;
  let low21 = low00;
  let cross2 = low00;
  let low30 = low00;
  let low31 = low00;
  let cross3 = low00;
  const end = b + (kb << 5);
  while (b < end) {
    const bl = v128.load(b);
    const bh = v128.load(b, 16);
    const a0l = v128.load32_splat(a);
    const a0h = v128.load32_splat(a, 4);
    low00 = addLow(low00, a0l, bl);
    low01 = addHigh(low01, a0l, bl);
    cross0 = addCross(cross0, a0l, a0h, bl, bh);
    const a1l = v128.load32_splat(a, 8);
    const a1h = v128.load32_splat(a, 12);
    low10 = addLow(low10, a1l, bl);
    low11 = addHigh(low11, a1l, bl);
    cross1 = addCross(cross1, a1l, a1h, bl, bh);
    const a2l = v128.load32_splat(a, 16);
    const a2h = v128.load32_splat(a, 20);
    low20 = addLow(low20, a2l, bl);
    low21 = addHigh(low21, a2l, bl);
    cross2 = addCross(cross2, a2l, a2h, bl, bh);
    const a3l = v128.load32_splat(a, 24);
    const a3h = v128.load32_splat(a, 28);
    low30 = addLow(low30, a3l, bl);
    low31 = addHigh(low31, a3l, bl);
    cross3 = addCross(cross3, a3l, a3h, bl, bh);
    a += 32;
    b += 32;
  }
  v128.store(sums, low00);
  v128.store(sums, low01, 16);
  v128.store(sums, cross0, 32);
  v128.store(sums, low10, 48);
  v128.store(sums, low11, 64);
  v128.store(sums, cross1, 80);
  v128.store(sums, low20, 96);
  v128.store(sums, low21, 112);
  v128.store(sums, cross2, 128);
  v128.store(sums, low30, 144);
  v128.store(sums, low31, 160);
  v128.store(sums, cross3, 176);
}

/** C tile (4,4) += low + 2^32 cross. */
export function addTile(sums: usize, c: usize, cRow: usize): void {
  for (let r = 0; r < 4; r++) {
    addTileRow(sums, c);
    sums += TILE_ROW_BYTES;
    c += cRow;
  }
}

@inline
export function addTileRow(sums: usize, c: usize): void {
  const cross = v128.load(sums, 32);
  const cross0 = i64x2.shl(i64x2.extend_low_i32x4_u(cross), 32);
  const cross1 = i64x2.shl(i64x2.extend_high_i32x4_u(cross), 32);
  v128.store(c, i64x2.add(v128.load(c), i64x2.add(v128.load(sums), cross0)));
  v128.store(c, i64x2.add(v128.load(c, 16), i64x2.add(v128.load(sums, 16), cross1)), 16);
}

@inline
function addLow(sum: v128, al: v128, bl: v128): v128 {
  return i64x2.add(sum, i64x2.extmul_low_i32x4_u(al, bl));
}

@inline
function addHigh(sum: v128, al: v128, bl: v128): v128 {
  return i64x2.add(sum, i64x2.extmul_high_i32x4_u(al, bl));
}

@inline
function addCross(sum: v128, al: v128, ah: v128, bl: v128, bh: v128): v128 {
  return i32x4.add(sum, i32x4.add(i32x4.mul(al, bh), i32x4.mul(ah, bl)));
}
