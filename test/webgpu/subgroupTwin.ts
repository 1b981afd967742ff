/**
 * CPU twin of tier (c): the kernels of shaders/gemmSubgroupSplit.wgsl and runtime/webgpu/subgroupShader.ts, executed item by item and
 * tile by tile from the same plan: its padding, strides, products, passes and recombination. Accumulators are checked against 2^32.
 */
import type { GemmJob } from '../../runtime/compute.ts';
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
  type Pass,
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

export function subgroupTwin(job: GemmJob, variant: SubgroupVariant): BigUint64Array {
  const { terms, addend, ...shape } = job;
  const plan = planSubgroup({ ...shape, terms: terms.length, addend: addend !== undefined }, variant);
  // Storage that nothing may rely on being zero.
  const left = new Uint8Array(plan.left.bytes).fill(0xa5);
  const right = new Uint8Array(plan.right.bytes).fill(0xa5);
  const out = new BigUint64Array(job.m * job.n).fill(0xa5a5n);
  if (addend !== undefined) out.set(addend);
  terms.forEach(({ a, b }, term) => {
    splitTwin(plan.left, a, left, term);
    splitTwin(plan.right, b, right, term);
  });
  for (const pass of plan.passes) {
    for (let y = 0; y < plan.groups[1]; y++) {
      for (let x = 0; x < plan.groups[0]; x++) multiplyGroup(plan, pass, left, right, out, x, y);
    }
  }
  return out;
}

/** Step 1, one term of an operand. */
export function splitTwin(operand: OperandPlan, source: BigUint64Array, planes: Uint8Array, term: number): void {
  const { outer, inner, outerStride, innerStride, tile: TILE, steps, strides, items } = operand;
  const sourceBytes = new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  for (let item = 0; item < items; item++) {
    const vector = item % strides.row;
    const row = Math.floor(item / strides.row) % TILE;
    const fragment = Math.floor(item / (strides.row * TILE));
    const step = fragment % steps;
    const tile = Math.floor(fragment / steps);
    const at =
      term * strides.term + tile * strides.tile + step * strides.step + row * strides.row + vector * strides.vector;
    for (let i = 0; i < VECTOR; i++) {
      const atOuter = tile * TILE + row;
      const atInner = (step * strides.row + vector) * VECTOR + i;
      const inside = atOuter < outer && atInner < inner;
      const element = 8 * (atOuter * outerStride + atInner * innerStride);
      for (let limb = 0; limb < LIMBS; limb++) {
        planes[VECTOR * (at + limb * strides.limb) + i] = inside ? sourceBytes[element + limb] : 0;
      }
    }
  }
}

/** Steps 2 and 3 of one workgroup in one pass. */
function multiplyGroup(
  plan: SubgroupPlan,
  pass: Pass,
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

  for (let at = pass.begin; at < pass.end; at++) {
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
      recombine(plan, pass, sums.slice(tile * LIMBS, (tile + 1) * LIMBS), out, firstRow, firstColumn);
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
        let total = sum[i * N + j];
        let p = fromA + VECTOR * i * a.strides.row;
        let q = fromB + VECTOR * j * b.strides.row;
        for (let end = p + K; p < end; p++, q++) total += a.bytes[p] * b.bytes[q];
        if (total >= 2 ** 32) throw new RangeError(`diagonal ${diagonal} overflows: ${total}`);
        sum[i * N + j] = total;
      }
    }
  }
}

/** Step 3: Σ_d 2^{8d} D_d, in words as on the device. */
function recombine(
  { variant, m, n }: SubgroupPlan,
  pass: Pass,
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
      let low = pass.accumulate ? words[at] : 0;
      let high = pass.accumulate ? words[at + 1] : 0;
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
