/**
 * What the public seed fixes: initial weights and batch order. Both are known to every party; nothing secret depends on them.
 * Only integer and exactly rounded operations are used, so every machine computes the same.
 */
import { sizeOf } from '../ring/shape.ts';
import type { ParameterSpec } from './network.ts';
import { publicStream, uint32 } from './publicStream.ts';

/** He initialisation, uniform in ±√(6 / fanIn), variance 2 / fanIn; or a constant. */
export function initialValues(spec: Pick<ParameterSpec, 'name' | 'shape' | 'initial'>, seed: number): Float64Array {
  const out = new Float64Array(sizeOf(spec.shape));
  if (typeof spec.initial === 'number') return out.fill(spec.initial);
  const bound = Math.sqrt(6 / spec.initial.fanIn);
  const words = uint32(publicStream(seed, `weights/${spec.name}`), out.length);
  for (let i = 0; i < out.length; i++) out[i] = (words[i] / 2 ** 31 - 1) * bound;
  return out;
}

/** A uniform permutation of 0 … count − 1 (Fisher–Yates) for one epoch. */
export function batchOrder(count: number, seed: number, epoch: number): Uint32Array {
  const order = Uint32Array.from({ length: count }, (_, i) => i);
  const stream = publicStream(seed, `order/${epoch}`);
  let words = uint32(stream, count);
  let next = 0;
  for (let i = count - 1; i > 0; i--) {
    const limit = 2 ** 32 - (2 ** 32 % (i + 1)); // draws at or above it would favour small indices
    let draw: number;
    do {
      if (next === words.length) {
        words = uint32(stream, 1024);
        next = 0;
      }
      draw = words[next++];
    } while (draw >= limit);
    const j = draw % (i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
