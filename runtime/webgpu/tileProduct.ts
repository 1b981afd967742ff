/** Tiers (a) and (b): products by tiles in workgroup memory, of u32 pairs or of byte planes (shaders/shared/…Tile.wgsl). */
import type { Gpu } from './device.ts';
import type { Step } from './dispatch.ts';
import { fits, foldGrid, operandBindings, type Product } from './product.ts';
import { sumParts } from './sumParts.ts';

export type TileTier = 'portable' | 'bytes';
export type TileSize = 'large' | 'small';

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
const TILES: Readonly<Record<TileTier, Readonly<Record<TileSize, Tile>>>> = {
  portable: {
    large: { rows: 64, columns: 64, depth: 16, constants: { THREADS_M: 16, THREADS_N: 16, TILE_K: 16 } },
    small: { rows: 32, columns: 32, depth: 16, constants: { THREADS_M: 8, THREADS_N: 8, TILE_K: 16 } },
  },
  bytes: {
    large: { rows: 64, columns: 32, depth: 16, constants: { THREADS_M: 16, THREADS_N: 16, TILE_WORDS: 4, FOLD_INNER } },
    small: { rows: 32, columns: 16, depth: 16, constants: { THREADS_M: 8, THREADS_N: 8, TILE_WORDS: 4, FOLD_INNER } },
  },
};

const FILES: Readonly<Record<TileTier, string>> = { portable: 'Portable.wgsl', bytes: 'Bytes.wgsl' };

/** Shorter parts of the inner dimension would be mostly reading and writing of sums. */
const SHORTEST_PART = 512;

/** A product as a call of a kernel, or two where its inner dimension is cut so that `busyGroups` workgroups have work. */
export function tileStep(gpu: Gpu, tier: TileTier, size: TileSize, busyGroups: number, product: Product): Step {
  const { m, k, n, terms, addend, innerFirst } = product;
  const tile = TILES[tier][size];
  const across = Math.ceil(n / tile.columns);
  const tiles = across * Math.ceil(m / tile.rows);

  const wanted = Math.min(Math.ceil(busyGroups / tiles), Math.floor(k / SHORTEST_PART), gpu.maxGroups);
  const cut = wanted > 1 && fits(gpu, wanted * m * n) ? wanted : 1;
  const span = Math.ceil(k / cut / tile.depth) * tile.depth;
  const parts = Math.ceil(k / span);
  const { width, grid } = foldGrid(gpu, tiles, parts);

  const own = parts === 1 ? addend : undefined;
  const flags = [own !== undefined, innerFirst.a, innerFirst.b].map(Number);
  const step: Step = {
    kernel: { file: product.kind + FILES[tier], constants: { ...tile.constants, ...product.constants } },
    uniforms: [
      [0, [m, k, n, terms.length, span, across, tiles, width, ...flags]],
      [7, product.operandLayout],
    ],
    operands: [...operandBindings(product), [5, own ?? terms[0].a]],
    result: [6, parts * m * n],
    groups: grid,
  };
  return parts === 1 ? step : sumParts(gpu, step, parts, m * n, addend);
}
