/**
 * CPU twin of tier (c): the kernels of shaders/shared/planes.wgsl and runtime/webgpu/subgroupShader.ts, executed item by item and tile by tile
 * from the same plan: its padding, strides, products, parts and recombination. Accumulators are checked against 2^32.
 */
import type { GemmJob } from '../../runtime/compute.ts';
import * as z64 from '../../src/ring/z64.ts';
import {
  LIMBS,
  PRODUCTS,
  VECTOR,
  blockTiles,
  fragmentStrides,
  planSubgroup,
  stagedLayout,
  workgroupSize,
  type FragmentStrides,
  type OperandPlan,
  type SubgroupPlan,
  type SubgroupVariant,
} from '../../runtime/webgpu/subgroupPlan.ts';

/** Bytes read as fragments: planes in storage, or operands in workgroup memory. */
interface Fragments {
  readonly bytes: Uint8Array;
  /** Of the first limb, in vectors. */
  readonly base: number;
  readonly strides: FragmentStrides;
}

/** Element (outer, inner) of an operand's term, row of A or column of B first. */
export type Element = (term: number, outer: number, inner: number) => bigint;

/** How a product's operands are read: A by rows, B by columns. */
export function elementsOf(job: GemmJob): [left: Element, right: Element] {
  const { m, k, n, transposeA = false, transposeB = false, terms } = job;
  return [
    (term, row, inner) => terms[term].a[transposeA ? inner * m + row : row * k + inner],
    (term, column, inner) => terms[term].b[transposeB ? column * k + inner : inner * n + column],
  ];
}

/** `busyGroups` as for planSubgroup. The job's sizes are at least 1. */
export function subgroupTwin(job: GemmJob, variant: SubgroupVariant, busyGroups = 1): BigUint64Array {
  const { m, k, n, terms, addend } = job;
  const plan = planSubgroup(job, terms.length, variant, busyGroups);
  const [left, right] = elementsOf(job);
  const leftPlanes = splitTwin(plan.left, m, k, terms.length, left);
  const rightPlanes = splitTwin(plan.right, n, k, terms.length, right);
  const [columns, rows, parts] = plan.groups;
  const sum = addend?.slice() ?? new BigUint64Array(m * n);
  for (let part = 0; part < parts; part++) {
    // Storage that nothing may rely on being zero.
    const out = new BigUint64Array(m * n).fill(0xa5a5n);
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) multiplyGroup(plan, part, leftPlanes, rightPlanes, out, x, y);
    }
    z64.accumulate(sum, out);
  }
  return sum;
}

/** Step 1: the planes of an operand of (outer, inner) elements a term. */
export function splitTwin(
  operand: OperandPlan,
  outer: number,
  inner: number,
  terms: number,
  element: Element,
): Uint8Array {
  const { tile: TILE, steps, strides, items } = operand;
  const planes = new Uint8Array(operand.bytes).fill(0xa5);
  for (let item = 0; item < terms * items; item++) {
    const term = Math.floor(item / items);
    const ofTerm = item % items;
    const vector = ofTerm % strides.row;
    const row = Math.floor(ofTerm / strides.row) % TILE;
    const fragment = Math.floor(ofTerm / (strides.row * TILE));
    const step = fragment % steps;
    const tile = Math.floor(fragment / steps);
    const at =
      term * strides.term + tile * strides.tile + step * strides.step + row * strides.row + vector * strides.vector;
    for (let i = 0; i < VECTOR; i++) {
      const atOuter = tile * TILE + row;
      const atInner = (step * strides.row + vector) * VECTOR + i;
      const value = atOuter < outer && atInner < inner ? element(term, atOuter, atInner) : 0n;
      for (let limb = 0; limb < LIMBS; limb++) {
        planes[VECTOR * (at + limb * strides.limb) + i] = Number((value >> BigInt(8 * limb)) & 255n);
      }
    }
  }
  return planes;
}

/** Steps 2 and 3 of one workgroup of one part. */
function multiplyGroup(
  plan: SubgroupPlan,
  part: number,
  leftPlanes: Uint8Array,
  rightPlanes: Uint8Array,
  out: BigUint64Array,
  x: number,
  y: number,
): void {
  const { variant, left, right } = plan;
  const { shape, subgroups, tiles, staged } = variant;
  const [blockRows, blockColumns] = blockTiles(variant);
  const layout = stagedLayout(variant);
  const memory = new Uint8Array(VECTOR * layout.vectors).fill(0x5a);
  const places = Array.from({ length: subgroups[0] * subgroups[1] }, (_, subgroup) => ({
    row: Math.floor(subgroup / subgroups[1]) * tiles[0],
    column: (subgroup % subgroups[1]) * tiles[1],
    sums: Array.from({ length: tiles[0] * tiles[1] * LIMBS }, () => new Uint32Array(shape.M * shape.N)),
  }));

  const begin = part * plan.span;
  for (let at = begin; at < Math.min(begin + plan.span, plan.steps); at++) {
    const term = Math.floor(at / left.steps);
    const step = at % left.steps;
    const leftAt = term * left.strides.term + step * left.strides.step;
    const rightAt = term * right.strides.term + step * right.strides.step;
    const rowBase = (row: number): number => leftAt + (y * blockRows + row) * left.strides.tile;
    const columnBase = (column: number): number => rightAt + (x * blockColumns + column) * right.strides.tile;
    if (staged) {
      const lanes = workgroupSize(variant);
      stage(memory, layout.left, 0, leftPlanes, shape.M, shape.K, blockRows, rowBase, lanes);
      stage(memory, layout.right, layout.rightBase, rightPlanes, shape.N, shape.K, blockColumns, columnBase, lanes);
    }
    for (const { row, column, sums } of places) {
      for (let r = 0; r < tiles[0]; r++) {
        const a = staged
          ? { bytes: memory, base: (row + r) * layout.left.step, strides: layout.left }
          : { bytes: leftPlanes, base: rowBase(row + r), strides: left.strides };
        for (let c = 0; c < tiles[1]; c++) {
          const b = staged
            ? { bytes: memory, base: layout.rightBase + (column + c) * layout.right.step, strides: layout.right }
            : { bytes: rightPlanes, base: columnBase(column + c), strides: right.strides };
          const from = (r * tiles[1] + c) * LIMBS;
          multiplyTile(variant, a, b, sums.slice(from, from + LIMBS));
        }
      }
    }
  }

  for (const { row, column, sums } of places) {
    for (let tile = 0; tile < tiles[0] * tiles[1]; tile++) {
      const firstRow = (y * blockRows + row + Math.floor(tile / tiles[1])) * shape.M;
      const firstColumn = (x * blockColumns + column + (tile % tiles[1])) * shape.N;
      recombine(plan, sums.slice(tile * LIMBS, (tile + 1) * LIMBS), out, firstRow, firstColumn);
    }
  }
}

/** Copies a block's fragments of one step to workgroup memory, lane by lane, item by item. */
function stage(
  memory: Uint8Array,
  target: FragmentStrides,
  base: number,
  planes: Uint8Array,
  outer: number,
  inner: number,
  tiles: number,
  tileBase: (tile: number) => number,
  lanes: number,
): void {
  const dense = fragmentStrides(outer, inner);
  for (let index = 0; index < (tiles * dense.step) / lanes; index++) {
    for (let lane = 0; lane < lanes; lane++) {
      const item = index * lanes + lane;
      const tile = Math.floor(item / dense.step);
      const offset = item % dense.step;
      const from = VECTOR * (tileBase(tile) + offset);
      const to = base + tile * target.step + Math.floor(offset / dense.row) * target.row + (offset % dense.row);
      memory.set(planes.subarray(from, from + VECTOR), VECTOR * to);
    }
  }
}

/** The 36 products of one tile and one step. */
function multiplyTile(variant: SubgroupVariant, a: Fragments, b: Fragments, sums: readonly Uint32Array[]): void {
  const { M, N, K } = variant.shape;
  for (const { left, right, diagonal } of PRODUCTS) {
    const fromA = VECTOR * (a.base + left * a.strides.limb);
    const fromB = VECTOR * (b.base + right * b.strides.limb);
    const sum = sums[diagonal];
    for (let i = 0; i < M; i++) {
      for (let j = 0; j < N; j++) {
        let products = 0;
        let p = fromA + VECTOR * i * a.strides.row;
        let q = fromB + VECTOR * j * b.strides.row;
        for (let end = p + K; p < end; p++, q++) products += Math.imul(a.bytes[p], b.bytes[q]);
        const total = sum[i * N + j] + products;
        if (total >= 2 ** 32) throw new RangeError(`diagonal ${diagonal} overflows: ${total}`);
        sum[i * N + j] = total;
      }
    }
  }
}

/** Step 3: Σ_d 2^{8d} D_d, in words as on the device. */
function recombine(
  { variant, m, n }: SubgroupPlan,
  diagonals: readonly Uint32Array[],
  out: BigUint64Array,
  firstRow: number,
  firstColumn: number,
): void {
  const { M, N } = variant.shape;
  const words = new Uint32Array(out.buffer, out.byteOffset, 2 * out.length);
  for (let i = 0; i < M && firstRow + i < m; i++) {
    for (let j = 0; j < N && firstColumn + j < n; j++) {
      const at = 2 * ((firstRow + i) * n + firstColumn + j);
      let low = 0;
      let high = 0;
      diagonals.forEach((diagonal, d) => {
        const value = diagonal[i * N + j];
        const addLow = d < 4 ? (value << (8 * d)) >>> 0 : 0;
        const addHigh = d === 0 ? 0 : d < 4 ? value >>> (32 - 8 * d) : (value << (8 * d - 32)) >>> 0;
        const total = (low + addLow) >>> 0;
        high = (high + addHigh + (total < addLow ? 1 : 0)) >>> 0;
        low = total;
      });
      words[at] = low;
      words[at + 1] = high;
    }
  }
}
