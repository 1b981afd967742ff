/** The kernels that compute a product, by name: `tier/tile`. All give the same bits; which is fastest is the tuner's to find. */
import type { Gpu } from './device.ts';
import type { Step } from './dispatch.ts';
import { fits, type Product } from './product.ts';
import { subgroupStep } from './subgroupProduct.ts';
import { tileStep, type TileSize, type TileTier } from './tileProduct.ts';

/** `portable`: u32 pairs, any adapter. `bytes`: byte planes by dot4U8Packed. `subgroup`: byte planes by subgroup matrices. */
export type Choice = `${TileTier}/${TileSize}` | `subgroup/${string}`;

/** Large GPUs have some 130 cores, which hold two workgroups of 256 threads or more. */
const BUSY_GROUPS = 256;

/** What the device can run, the simplest first. */
export function listChoices(gpu: Gpu): Choice[] {
  return [
    'portable/large',
    'portable/small',
    ...(gpu.packedDot ? (['bytes/large', 'bytes/small'] as const) : []),
    ...gpu.subgroupVariants.map(({ name }): Choice => `subgroup/${name}`),
  ];
}

/** The call that computes a product; undefined where the device has no room for one of its buffers. */
export function productStep(
  gpu: Gpu,
  choice: Choice,
  product: Product,
  busyGroups: number = BUSY_GROUPS,
): Step | undefined {
  const { m, n, terms, addend } = product;
  const operands = terms.flatMap(({ a, b }) => [a.length, b.length]);
  if (!fits(gpu, ...operands, addend?.length ?? 0, m * n)) return undefined;
  const [tier, tile] = choice.split('/');
  if (tier !== 'subgroup') return tileStep(gpu, tier as TileTier, tile as TileSize, busyGroups, product);
  const variant = gpu.subgroupVariants.find(({ name }) => name === tile);
  if (variant === undefined) throw new Error(`webgpu: ${gpu.adapter} does not run ${choice}`);
  return subgroupStep(gpu, variant, busyGroups, product);
}
