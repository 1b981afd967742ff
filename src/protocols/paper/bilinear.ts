/**
 * Bilinear maps `*` over Z_{2^64}. One Beaver protocol (`beaver.ts`) serves them all; a map only says its shapes and how to
 * compute Σ_t x_t * y_t + addend locally.
 */
import { type Compute, type ConvMap, convOutput, type ConvShape } from '../../../runtime/compute.ts';
import * as z64 from '../../ring/z64.ts';
import { sameShape, type Shape, sizeOf } from '../../ring/shape.ts';

export interface Term {
  readonly x: BigUint64Array;
  readonly y: BigUint64Array;
}

export interface BilinearMap {
  readonly name: 'matmul' | 'conv' | 'mul' | 'dots';
  readonly shape: Shape;
  /** Of one x * y. */
  readonly multiplyAdds: number;
  /** Σ_t x_t * y_t + addend. */
  apply(compute: Compute, terms: readonly Term[], addend?: BigUint64Array): Promise<BigUint64Array>;
}

function matrix(what: string, shape: Shape, transposed: boolean): [number, number] {
  if (shape.length !== 2) throw new RangeError(`${what}: expected a matrix, found shape [${shape.join(',')}]`);
  return transposed ? [shape[1], shape[0]] : [shape[0], shape[1]];
}

/** (m,k) x (k,n) → (m,n), either operand stored transposed. */
export function matmul(x: Shape, y: Shape, transposeA: boolean, transposeB: boolean): BilinearMap {
  const [m, k] = matrix('matmul: x', x, transposeA);
  const [inner, n] = matrix('matmul: y', y, transposeB);
  if (k !== inner) throw new RangeError(`matmul: x is (${m},${k}), y is (${inner},${n}): inner dimensions differ`);
  return {
    name: 'matmul',
    shape: [m, n],
    multiplyAdds: m * k * n,
    apply: (compute, terms, addend) =>
      compute.gemm({
        m,
        k,
        n,
        transposeA,
        transposeB,
        terms: terms.map(({ x: a, y: b }) => ({ a, b })),
        ...(addend === undefined ? {} : { addend }),
      }),
  };
}

/**
 * 2-D convolution and its two gradients: image x filter → output, error x filter → image, image x error → filter. The operands are the
 * tensors themselves, so what is masked and opened is the image, not its im2col expansion.
 */
export function convolution(map: ConvMap, shape: ConvShape, x: Shape, y: Shape): BilinearMap {
  const image = [shape.batch, shape.height, shape.width, shape.channels];
  const filter = [shape.kernelHeight, shape.kernelWidth, shape.channels, shape.filters];
  const output = [shape.batch, ...convOutput(shape), shape.filters];
  const [left, right, result] = {
    forward: [image, filter, output],
    inputGradient: [output, filter, image],
    weightGradient: [image, output, filter],
  }[map];
  for (const [name, found, expected] of [['x', x, left] as const, ['y', y, right] as const]) {
    if (!sameShape(found, expected)) {
      throw new RangeError(`conv ${map}: ${name} is [${found.join(',')}], expected [${expected.join(',')}]`);
    }
  }
  return {
    name: 'conv',
    shape: result,
    multiplyAdds: sizeOf(output) * sizeOf(filter.slice(0, 3)),
    apply: (compute, terms, addend) => compute.conv({ map, shape, terms, ...(addend === undefined ? {} : { addend }) }),
  };
}

/** Element product of equal shapes, or of (m,n) with a column (m,1) that is repeated along the row or a row (1,n) that is repeated below itself. */
export function elementwise(x: Shape, y: Shape): BilinearMap {
  const size = sizeOf(x);
  const matrices = x.length === 2 && y.length === 2;
  const column = matrices && y[0] === x[0] && y[1] === 1;
  const row = matrices && y[0] === 1 && y[1] === x[1];
  if (!column && !row && !sameShape(x, y)) {
    throw new RangeError(`mul: shapes [${x.join(',')}] and [${y.join(',')}] differ`);
  }
  const times = row && !column ? z64.multiplyRow : multiplyRepeated(column ? x[1] : 1);
  return {
    name: 'mul',
    shape: x,
    multiplyAdds: size,
    apply: async (_compute, terms, addend) => {
      const out = addend === undefined ? new BigUint64Array(size) : addend.slice();
      for (const term of terms) z64.accumulate(out, times(term.x, term.y));
      return Promise.resolve(out);
    },
  };
}

function multiplyRepeated(repeat: number): (x: BigUint64Array, y: BigUint64Array) => BigUint64Array {
  return (x, y) => z64.multiply(x, y, repeat);
}

/** Dot products of the columns of x (m,n) with those of y (m,n), in parts: row i counts in part i modulo `parts` → (parts,n). */
export function columnDots(x: Shape, y: Shape, parts: number): BilinearMap {
  const [m, n] = matrix('columnDots: x', x, false);
  if (!sameShape(x, y)) throw new RangeError(`columnDots: shapes [${x.join(',')}] and [${y.join(',')}] differ`);
  if (!(Number.isInteger(parts) && parts >= 1 && parts <= m))
    throw new RangeError(`columnDots: ${parts} parts of ${m} rows`);
  return {
    name: 'dots',
    shape: [parts, n],
    multiplyAdds: m * n,
    apply: async (_compute, terms, addend) => {
      const out = addend === undefined ? new BigUint64Array(parts * n) : addend.slice();
      for (const term of terms) z64.accumulateProducts(term.x, term.y, out);
      return Promise.resolve(out);
    },
  };
}
