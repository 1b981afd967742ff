/** Tier (c): products on subgroup matrices, as three calls: both operands into byte planes, then the multiplication (subgroupPlan.ts). */
import type { Gpu } from './device.ts';
import type { Step } from './dispatch.ts';
import { fits, foldGrid, operandBindings, type Product } from './product.ts';
import {
  SPLIT_WORKGROUP,
  multiplyUniform,
  planSubgroup,
  splitConstants,
  splitUniform,
  type OperandPlan,
  type SubgroupVariant,
} from './subgroupPlan.ts';
import { sumParts } from './sumParts.ts';

/** The multiply kernel of a variant, written by subgroupShader.ts, under the name of a file. */
export function multiplyFile({ name }: SubgroupVariant): string {
  return `subgroup/${name}.wgsl`;
}

/** One side of a product in byte planes. */
export function planesStep(gpu: Gpu, side: 0 | 1, operand: OperandPlan, product: Product): Step {
  const { m, k, n, kind, constants, terms, operandLayout } = product;
  const { width, grid } = foldGrid(gpu, Math.ceil((terms.length * operand.items) / SPLIT_WORKGROUP));
  return {
    kernel: { file: `${kind}Planes.wgsl`, constants: { SIDE: side, ...splitConstants(operand), ...constants } },
    uniforms: [
      // Of the product's uniform, operand loaders read the sizes only.
      [0, [m, k, n, terms.length, 0, 0, 0, 0, 0, 0, 0]],
      [7, operandLayout],
      [8, splitUniform(operand, terms.length, width)],
    ],
    operands: operandBindings(product),
    result: [9, operand.bytes / 8],
    groups: grid,
  };
}

/** Undefined where planes or parts find no room on the device, or blocks none in a grid. */
export function subgroupStep(
  gpu: Gpu,
  variant: SubgroupVariant,
  busyGroups: number,
  product: Product,
): Step | undefined {
  const { m, n, terms, addend } = product;
  const plan = planSubgroup(product, terms.length, variant, busyGroups);
  const { left, right, parts, groups } = plan;
  if (!fits(gpu, left.bytes / 8, right.bytes / 8, parts * m * n)) return undefined;
  if (Math.max(...groups) > gpu.maxGroups) return undefined;
  const own = parts === 1 ? addend : undefined;
  const leftPlanes = planesStep(gpu, 0, left, product);
  const step: Step = {
    kernel: { file: multiplyFile(variant), constants: {} },
    uniforms: [[0, multiplyUniform(plan, own !== undefined)]],
    operands: [
      [1, leftPlanes],
      [2, planesStep(gpu, 1, right, product)],
      [3, own ?? leftPlanes],
    ],
    result: [4, parts * m * n],
    groups,
  };
  return parts === 1 ? step : sumParts(gpu, step, parts, m * n, addend);
}
