/** Adds up the parts of a product whose inner dimension was cut (shaders/sumParts.wgsl). */
import type { Gpu } from './device.ts';
import type { Step } from './dispatch.ts';
import { foldGrid } from './product.ts';

const SUM_THREADS = 64;

/** `parts` results of `length` elements, one after the other in the result of a step, added up and to the addend. */
export function sumParts(
  gpu: Gpu,
  step: Step,
  parts: number,
  length: number,
  addend: BigUint64Array | undefined,
): Step {
  const { width, grid } = foldGrid(gpu, Math.ceil(length / SUM_THREADS));
  return {
    kernel: { file: 'sumParts.wgsl', constants: { THREADS: SUM_THREADS } },
    uniforms: [[0, [length, parts, width, Number(addend !== undefined)]]],
    operands: [
      [1, step],
      [2, addend ?? step],
    ],
    result: [3, length],
    groups: grid,
  };
}
