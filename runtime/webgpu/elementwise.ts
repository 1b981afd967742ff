/**
 * Operations on every element (shaders/elementwise.wgsl), to follow a product on the device or stand alone. Alone they move 16 to 24
 * bytes an element to and fro for one addition, so a training step leaves them to the CPU (DESIGN.md).
 */
import type { Gpu } from './device.ts';
import type { Step } from './dispatch.ts';
import { fits, foldGrid } from './product.ts';

export type ElementwiseOperation = 'add' | 'subtract' | 'multiply' | 'truncate0' | 'truncate1';

/** As in the shader. */
const CODES: Readonly<Record<ElementwiseOperation, number>> = {
  add: 0,
  subtract: 1,
  multiply: 2,
  truncate0: 3,
  truncate1: 4,
};
const THREADS = 64;

export interface ElementwiseJob {
  /** `truncateJ`: local truncation of Pj's share (Alg. 11). */
  readonly operation: ElementwiseOperation;
  /** An array, or the result of a step, which stays on the device. At least one element. */
  readonly x: BigUint64Array | Step;
  /** As long as x, a row that x holds a whole number of (a bias), or one public number; none for a truncation. */
  readonly y?: BigUint64Array;
  /** Of a truncation, 0 to 63. */
  readonly bits?: number;
}

/** Throws RangeError where lengths do not fit; undefined where the device has no room. */
export function elementwiseStep(gpu: Gpu, { operation, x, y, bits = -1 }: ElementwiseJob): Step | undefined {
  const length = x instanceof BigUint64Array ? x.length : x.result[1];
  const period = y?.length ?? length;
  if (length === 0 || period === 0 || length % period !== 0) {
    throw new RangeError(`${operation}: x has ${length} elements, y ${period}, which do not divide them`);
  }
  if (operation.startsWith('truncate') ? !(bits >= 0 && bits <= 63) || y !== undefined : y === undefined) {
    throw new RangeError(`${operation}: y for arithmetic or 0 to 63 bits for a truncation expected`);
  }
  if (!fits(gpu, length)) return undefined;
  const { width, grid } = foldGrid(gpu, Math.ceil(length / THREADS));
  return {
    kernel: { file: 'elementwise.wgsl', constants: { OPERATION: CODES[operation], THREADS } },
    uniforms: [[0, [length, period, Math.max(0, bits), width]]],
    operands: [
      [1, x],
      [2, y ?? x],
    ],
    result: [3, length],
    groups: grid,
  };
}
