/** The kernels of a product (shaders/shared/product.wgsl): which there are, their tiles, and a call of one. */
import type { Dispatch, Dispatcher } from './dispatch.ts';

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
    large: { rows: 64, columns: 64, constants: { THREADS_M: 16, THREADS_N: 16, TILE_K: 16 } },
    small: { rows: 32, columns: 32, constants: { THREADS_M: 8, THREADS_N: 8, TILE_K: 16 } },
  },
  bytes: {
    large: { rows: 64, columns: 32, constants: { THREADS_M: 16, THREADS_N: 16, TILE_WORDS: 4, FOLD_INNER } },
    small: { rows: 32, columns: 16, constants: { THREADS_M: 8, THREADS_N: 8, TILE_WORDS: 4, FOLD_INNER } },
  },
};

/** Large tiles read less, small ones waste less at the edges and keep more of a device busy. */
function tileOf(tier: Tier, { m, n }: ProductSizes): Tile {
  const { large, small } = TILES[tier];
  return m >= 4 * large.rows && n >= large.columns ? large : small;
}

/** A product as one call of a kernel; sizes at least 1. */
export async function runProduct(dispatcher: Dispatcher, tier: Tier, product: Product): Promise<BigUint64Array> {
  const { m, k, n, terms, addend, innerFirst } = product;
  const tile = tileOf(tier, product);
  const across = Math.ceil(n / tile.columns);
  const tiles = across * Math.ceil(m / tile.rows);
  const width = Math.min(tiles, dispatcher.gpu.maxGroups);
  const first = terms[0];
  const second = terms.at(-1) ?? first;
  const flags = [addend !== undefined, innerFirst.a, innerFirst.b].map(Number);
  const dispatch: Dispatch = {
    kernel: { file: product.file, constants: { ...tile.constants, ...product.constants } },
    uniforms: [
      [0, [m, k, n, terms.length, across, tiles, width, ...flags]],
      [7, product.operandLayout],
    ],
    operands: [
      [1, first.a],
      [2, first.b],
      [3, second.a],
      [4, second.b],
      [5, addend ?? first.a],
    ],
    result: [6, m * n],
    groups: [width, Math.ceil(tiles / width)],
  };
  return dispatcher.run(dispatch);
}
