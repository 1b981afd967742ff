/** The kernels of a product (shaders/shared/product.wgsl): which there are, their tiles, and a call of one. */
import type { Dispatcher, Step } from './dispatch.ts';

/** `portable`: u32 pairs, any adapter. `bytes`: byte planes by dot4U8Packed. */
export type Tier = 'portable' | 'bytes';

/** Sizes of a product (m,k) · (k,n); k for each term. */
export interface ProductSizes {
  readonly m: number;
  readonly k: number;
  readonly n: number;
}

export interface Product extends ProductSizes {
  readonly file: string;
  /** Constants besides those of the tile. */
  readonly constants: Readonly<Record<string, number>>;
  /** Whether neighbours along the inner dimension are neighbours in memory. */
  readonly innerFirst: { readonly a: boolean; readonly b: boolean };
  readonly terms: readonly { readonly a: BigUint64Array; readonly b: BigUint64Array }[];
  readonly addend: BigUint64Array | undefined;
  /** The uniform of binding 7: strides or the shape of a convolution. */
  readonly operandLayout: readonly number[];
}

interface Tile {
  readonly rows: number;
  readonly columns: number;
  /** Steps of the inner dimension. */
  readonly depth: number;
  readonly constants: Readonly<Record<string, number>>;
}

/**
 * Elements of the inner dimension after which byte planes are folded: the largest K with 4 · 255² · K < 2^32 (shaders/shared/byteTile.wgsl
 * proves it).
 */
export const FOLD_INNER = 16_512;

/**
 * The tile of a thread times the threads. Workgroup memory stays within the 16 KiB and threads within the 256 that every adapter has:
 * portable 8 · 16 · (64 + 64) bytes, bytes 32 · 4 · (64 + 32).
 */
const TILES: Readonly<Record<Tier, Readonly<Record<'large' | 'small', Tile>>>> = {
  portable: {
    large: { rows: 64, columns: 64, depth: 16, constants: { THREADS_M: 16, THREADS_N: 16, TILE_K: 16 } },
    small: { rows: 32, columns: 32, depth: 16, constants: { THREADS_M: 8, THREADS_N: 8, TILE_K: 16 } },
  },
  bytes: {
    large: { rows: 64, columns: 32, depth: 16, constants: { THREADS_M: 16, THREADS_N: 16, TILE_WORDS: 4, FOLD_INNER } },
    small: { rows: 32, columns: 16, depth: 16, constants: { THREADS_M: 8, THREADS_N: 8, TILE_WORDS: 4, FOLD_INNER } },
  },
};

/** Large tiles read less, small ones waste less at the edges and keep more of a device busy. */
function tileOf(tier: Tier, { m, n }: ProductSizes): Tile {
  const { large, small } = TILES[tier];
  return m >= 4 * large.rows && n >= large.columns ? large : small;
}

/** How products use a device. */
export interface ProductOptions {
  readonly tier: Tier;
  /** Workgroups that keep the device busy: a product with fewer tiles has its inner dimension cut into parts. */
  readonly busyGroups: number;
}

/** Shorter parts would be mostly reading and writing of sums. */
const SHORTEST_PART = 512;
const SUM_THREADS = 64;

/** A product as a call of a kernel, or two where the inner dimension is cut; sizes at least 1. */
export async function runProduct(
  dispatcher: Dispatcher,
  { tier, busyGroups }: ProductOptions,
  product: Product,
): Promise<BigUint64Array> {
  const { m, k, n, terms, addend, innerFirst } = product;
  const { maxGroups } = dispatcher.gpu;
  const tile = tileOf(tier, product);
  const across = Math.ceil(n / tile.columns);
  const tiles = across * Math.ceil(m / tile.rows);
  const width = Math.min(tiles, maxGroups);

  const wanted = Math.min(Math.ceil(busyGroups / tiles), Math.floor(k / SHORTEST_PART), maxGroups);
  const cut = wanted > 1 && dispatcher.fits([wanted * m * n]) ? wanted : 1;
  const span = Math.ceil(k / cut / tile.depth) * tile.depth;
  const parts = Math.ceil(k / span);

  const first = terms[0];
  const second = terms.at(-1) ?? first;
  const own = parts === 1 ? addend : undefined;
  const flags = [own !== undefined, innerFirst.a, innerFirst.b].map(Number);
  const step: Step = {
    kernel: { file: product.file, constants: { ...tile.constants, ...product.constants } },
    uniforms: [
      [0, [m, k, n, terms.length, span, across, tiles, width, ...flags]],
      [7, product.operandLayout],
    ],
    operands: [
      [1, first.a],
      [2, first.b],
      [3, second.a],
      [4, second.b],
      [5, own ?? first.a],
    ],
    result: [6, parts * m * n],
    groups: [width, Math.ceil(tiles / width), parts],
  };
  return dispatcher.run(parts === 1 ? step : sumOf(step, parts, m * n, addend, maxGroups));
}

/** The parts of a product added up, and the addend. */
function sumOf(
  product: Step,
  parts: number,
  length: number,
  addend: BigUint64Array | undefined,
  maxGroups: number,
): Step {
  const groups = Math.ceil(length / SUM_THREADS);
  const width = Math.min(groups, maxGroups);
  return {
    kernel: { file: 'sumParts.wgsl', constants: { THREADS: SUM_THREADS } },
    uniforms: [[0, [length, parts, width, Number(addend !== undefined)]]],
    operands: [
      [1, product],
      [2, addend ?? product],
    ],
    result: [3, length],
    groups: [width, Math.ceil(groups / width), 1],
  };
}
