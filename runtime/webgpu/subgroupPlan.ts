/**
 * Tier (c): products over Z_{2^64} on subgroup matrices (tensor cores) with u8 operands and u32 accumulators. This file says how a
 * product is cut; `shaders/shared/planes.wgsl` splits the operands, `subgroupShader.ts` writes the multiply kernel, `subgroupProduct.ts`
 * calls both, and the CPU twin (test/webgpu/subgroupTwin.ts) walks the same plan.
 *
 * A value is eight limbs of 8 bits, a = Σ 2^{8i} a_i. Modulo 2^64 only i + j < 8 counts, so
 *   C = Σ_d 2^{8d} D_d,  D_d = Σ_{i+j=d} A_i · B_j,  d = 0 … 7: 36 products of byte planes, eight accumulators ("diagonals").
 *
 * Bound. D_d sums d + 1 ≤ 8 products of bytes for each inner index, so D_d ≤ 8 · 255² · K after K of them, which stays below 2^32 while
 * K ≤ ⌊(2^32 − 1) / (8 · 255²)⌋ = 8,256. A longer inner dimension is cut into parts of at most that many, as is one whose result has too
 * few tiles to keep a device busy: each part is a layer of the grid with a 64-bit result of its own, and sumParts.wgsl adds them. (D_4 … D_7 are needed only modulo 2^32 and would bear a wrap, but what a device's
 * matrix unit does on overflow is not specified, so none is allowed.) Zeros that pad the inner dimension are counted as if they were values.
 *
 * A workgroup computes a block of tiles, each subgroup a few of them; a tile is one result matrix, M x N.
 *
 * Units: a vector is 16 bytes, the widest load, and holds one limb of 16 consecutive inner indices.
 */

/** Limbs of a value, and diagonals of a product. */
export const LIMBS = 8;
/** Bytes in a vector. */
export const VECTOR = 16;
/** Inner dimension, all terms together, that u32 accumulators bear. */
export const FOLD_INNER: number = Math.floor((2 ** 32 - 1) / (LIMBS * 255 * 255));
/** Invocations of a workgroup of the split kernel; stands in its source as well. */
export const SPLIT_WORKGROUP = 128;
/** Inner indices of a part, at the least: shorter ones would be mostly reading and writing of sums. */
const SHORTEST_PART = 1_024;

/** The products of limbs that count modulo 2^64, by left limb. */
export const PRODUCTS: readonly { readonly left: number; readonly right: number; readonly diagonal: number }[] =
  Array.from({ length: LIMBS }, (_, left) =>
    Array.from({ length: LIMBS - left }, (_, right) => ({ left, right, diagonal: left + right })),
  ).flat();

/** How the kernel is cut: one compiled pipeline each. */
export interface SubgroupVariant {
  readonly name: string;
  /** Result matrix M x N, inner dimension K of one matrix instruction. K is a multiple of VECTOR. */
  readonly shape: { readonly M: number; readonly N: number; readonly K: number };
  readonly subgroupSize: number;
  /** Subgroups of a workgroup, down and across its block. */
  readonly subgroups: readonly [rows: number, columns: number];
  /** Tiles of a subgroup, down and across. Each takes eight accumulators of M · N / subgroupSize registers. */
  readonly tiles: readonly [rows: number, columns: number];
  /** Whether operands pass through workgroup memory (and are fetched a step ahead), or are loaded from storage by every subgroup. */
  readonly staged: boolean;
  /** Vectors left free after each row in workgroup memory, so that rows start in different banks. */
  readonly gap: number;
}

const WIDE = { M: 16, N: 16, K: 32 };
const THIN = { M: 16, N: 8, K: 32 };

function variant(
  name: string,
  shape: SubgroupVariant['shape'],
  subgroups: SubgroupVariant['subgroups'],
  tiles: SubgroupVariant['tiles'],
  staged: boolean,
  gap = 0,
): SubgroupVariant {
  return { name, shape, subgroupSize: 32, subgroups, tiles, staged, gap };
}

/**
 * What the autotuner may choose from. A subgroup's accumulators take 128 registers a lane in all but the narrow ones (of 255 that an
 * NVIDIA lane has). The staged blocks of 64 x 64 read a third fewer operand bytes per product than 64 x 32; narrow ones are for products
 * of few columns.
 */
export const SUBGROUP_VARIANTS: readonly SubgroupVariant[] = [
  variant('wide-direct', WIDE, [2, 2], [2, 1], false),
  variant('wide-staged', WIDE, [2, 4], [2, 1], true),
  variant('wide-staged-gap', WIDE, [2, 2], [2, 1], true, 1),
  variant('wide-narrow', WIDE, [4, 1], [1, 1], false),
  variant('thin-direct', THIN, [2, 2], [2, 2], false),
  variant('thin-staged', THIN, [2, 4], [2, 2], true),
  variant('thin-staged-gap', THIN, [2, 2], [2, 2], true, 1),
  variant('thin-narrow', THIN, [4, 1], [1, 1], false),
];

/** What an adapter says of itself: `adapter.info` and `adapter.limits`, as far as tier (c) asks. */
export interface SubgroupAdapter {
  readonly subgroupMinSize: number;
  readonly subgroupMaxSize: number;
  readonly subgroupMatrixConfigs: Iterable<{
    readonly componentType: string;
    readonly resultComponentType: string;
    readonly M: number;
    readonly N: number;
    readonly K: number;
  }>;
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxComputeInvocationsPerWorkgroup: number;
}

/** The variants that run on an adapter. A kernel counts on its subgroup size, so an adapter that may choose another gets none. */
export function usableVariants(adapter: SubgroupAdapter): SubgroupVariant[] {
  const configs = [...adapter.subgroupMatrixConfigs];
  return SUBGROUP_VARIANTS.filter((candidate) => {
    const { shape, subgroupSize } = candidate;
    return (
      adapter.subgroupMinSize === subgroupSize &&
      adapter.subgroupMaxSize === subgroupSize &&
      workgroupBytes(candidate) <= adapter.maxComputeWorkgroupStorageSize &&
      workgroupSize(candidate) <= adapter.maxComputeInvocationsPerWorkgroup &&
      configs.some(
        ({ componentType, resultComponentType, M, N, K }) =>
          componentType === 'u8' && resultComponentType === 'u32' && M === shape.M && N === shape.N && K === shape.K,
      )
    );
  });
}

export function workgroupSize({ subgroups, subgroupSize }: SubgroupVariant): number {
  return subgroups[0] * subgroups[1] * subgroupSize;
}

/** Tiles of a workgroup's block, down and across. */
export function blockTiles({ subgroups, tiles }: SubgroupVariant): [rows: number, columns: number] {
  return [subgroups[0] * tiles[0], subgroups[1] * tiles[1]];
}

/**
 * One operand in byte planes, in fragments: what one matrix load reads, `tile` outer indices (rows of A, columns of B) of K inner ones.
 * Address of a vector, in vectors: the product of coordinates (term, tile, step, limb, row, vector) and these strides. All limbs of a
 * fragment lie together, so a step of a block is one contiguous run a tile.
 */
export interface FragmentStrides {
  readonly step: number;
  readonly limb: number;
  readonly row: number;
  readonly vector: 1;
}

/** Strides of fragments of `outer` rows; `gap` as in workgroup memory, 0 in storage. */
export function fragmentStrides(outer: number, inner: number, gap = 0): FragmentStrides {
  const row = inner / VECTOR + gap;
  return { step: LIMBS * outer * row, limb: outer * row, row, vector: 1 };
}

/** Where a block's operands lie in workgroup memory, in vectors: tile after tile of A, then of B. Diagonals reuse the same memory. */
export interface StagedLayout {
  readonly left: FragmentStrides;
  readonly right: FragmentStrides;
  readonly rightBase: number;
  /** All of it; for a variant that does not stage, the room for diagonals. */
  readonly vectors: number;
  /** Vectors of a tile's diagonal (four u32 each), one tile a subgroup at a time. */
  readonly diagonal: number;
}

export function stagedLayout(of: SubgroupVariant): StagedLayout {
  const { shape, gap, subgroups, staged } = of;
  const [rows, columns] = blockTiles(of);
  const left = fragmentStrides(shape.M, shape.K, gap);
  const right = fragmentStrides(shape.N, shape.K, gap);
  const rightBase = rows * left.step;
  const diagonal = (shape.M * shape.N) / 4;
  const diagonals = subgroups[0] * subgroups[1] * diagonal;
  const vectors = staged ? Math.max(rightBase + columns * right.step, diagonals) : diagonals;
  return { left, right, rightBase, vectors, diagonal };
}

export function workgroupBytes(of: SubgroupVariant): number {
  return VECTOR * stagedLayout(of).vectors;
}

/** One operand in byte planes. */
export interface OperandPlan {
  /** Outer indices of a fragment, tiles (padded to whole blocks), and steps of K that a term takes. */
  readonly tile: number;
  readonly tiles: number;
  readonly steps: number;
  readonly strides: FragmentStrides & { readonly term: number; readonly tile: number };
  /** Invocations of the split kernel for a term: one for each vector of a limb. */
  readonly items: number;
  /** Size of the planes of all terms. */
  readonly bytes: number;
}

export interface SubgroupPlan {
  readonly variant: SubgroupVariant;
  readonly m: number;
  readonly n: number;
  readonly left: OperandPlan;
  readonly right: OperandPlan;
  /** Steps of all terms, and of one part; the last part may be shorter. */
  readonly steps: number;
  readonly span: number;
  readonly parts: number;
  /** Workgroups: blocks across, blocks down, parts. */
  readonly groups: readonly [columns: number, rows: number, parts: number];
}

/** Cuts a product of `terms` terms, sizes at least 1, so that `busyGroups` workgroups have work where the inner dimension allows it. */
export function planSubgroup(
  { m, k, n }: { readonly m: number; readonly k: number; readonly n: number },
  terms: number,
  variant: SubgroupVariant,
  busyGroups = 1,
): SubgroupPlan {
  const { M, N, K } = variant.shape;
  const [blockRows, blockColumns] = blockTiles(variant);
  const rows = Math.ceil(m / (M * blockRows));
  const columns = Math.ceil(n / (N * blockColumns));
  const left = planOperand(k, M, rows * blockRows, K, terms);
  const right = planOperand(k, N, columns * blockColumns, K, terms);

  const steps = terms * left.steps;
  const needed = Math.ceil(steps / Math.floor(FOLD_INNER / K));
  const wanted = Math.min(Math.ceil(busyGroups / (rows * columns)), Math.floor((steps * K) / SHORTEST_PART));
  const span = Math.ceil(steps / Math.max(needed, wanted));
  const parts = Math.ceil(steps / span);
  return { variant, m, n, left, right, steps, span, parts, groups: [columns, rows, parts] };
}

function planOperand(inner: number, tile: number, tiles: number, K: number, terms: number): OperandPlan {
  const steps = Math.ceil(inner / K);
  const fragment = fragmentStrides(tile, K);
  const ofTile = steps * fragment.step;
  const ofTerm = tiles * ofTile;
  return {
    tile,
    tiles,
    steps,
    strides: { ...fragment, tile: ofTile, term: ofTerm },
    items: tiles * steps * fragment.limb,
    bytes: VECTOR * terms * ofTerm,
  };
}

/** The split kernel's pipeline constants, but for the side. */
export function splitConstants({ tile, strides }: OperandPlan): { TILE: number; ROW_VECTORS: number } {
  return { TILE: tile, ROW_VECTORS: strides.row };
}

/** The split kernel's uniform, in the order of its struct. */
export function splitUniform({ steps, items, strides }: OperandPlan, terms: number, gridWidth: number): number[] {
  return [steps, items, terms * items, gridWidth, strides.term, strides.tile, strides.step, strides.limb];
}

/** The multiply kernel's uniform, in the order of its struct. */
export function multiplyUniform(plan: SubgroupPlan, hasAddend: boolean): number[] {
  const { m, n, left, right, steps, span } = plan;
  const strides = [left.strides.term, left.strides.tile, right.strides.term, right.strides.tile];
  return [m, n, left.steps, steps, span, Number(hasAddend), ...strides];
}
