/** Values brought to the fractional bits that they are needed with, and comparisons that do so on the way. */
import type { Engine, Sign, Value } from '../engine/engine.ts';
import { MOST_BITS } from '../protocols/direct/productShape.ts';

/** x with the engine's fractional bits, or fewer. */
export async function truncated(engine: Engine, x: Value): Promise<Value> {
  const surplus = surplusOf(engine, x);
  return surplus > 0 ? engine.truncate(x, surplus) : x;
}

/** The same as an operand that comes open, where x had more. */
export async function truncatedOperand(engine: Engine, x: Value): Promise<Value> {
  const surplus = surplusOf(engine, x);
  return surplus > 0 ? engine.truncateOperand(x, surplus) : x;
}

/** x with `bits` fractional bits. */
export async function withBits(engine: Engine, x: Value, bits: number): Promise<Value> {
  const surplus = x.fractionBits - bits;
  return surplus > 0 ? engine.truncate(x, surplus) : engine.extend(x, -surplus);
}

/** The same numbers with the fractional bits of whoever has most. */
export function alike(engine: Engine, values: readonly Value[]): Value[] {
  const bits = Math.max(...values.map(({ fractionBits }) => fractionBits));
  return values.map((x) => engine.extend(x, bits - x.fractionBits));
}

/** max(x, 0) with the engine's fractional bits: x may have more. */
export async function reluOf(engine: Engine, x: Value): Promise<{ readonly y: Value; readonly sign: Sign }> {
  const surplus = surplusOf(engine, x);
  return surplus > 0 ? engine.truncateRelu(x, surplus) : engine.relu(x);
}

/** x where the kept bit is 1, else 0, with the engine's fractional bits: x may have more. */
export async function selected(engine: Engine, sign: Sign, x: Value): Promise<Value> {
  const surplus = surplusOf(engine, x);
  return surplus > 0 ? engine.truncateSelect(sign, x, surplus) : engine.select(sign, x);
}

/**
 * Fractional bits that a value below 1 may have at the beginning of a chain of products (`truncateProducts`) of w bits: so that it fits, and what its
 * first truncation leaves is multiplied and then has w bits.
 */
export function chainBits(w: number): number {
  return Math.min(61, MOST_BITS + ((MOST_BITS + w) >> 1));
}

/** How many bits each of `count` truncations with products drops of a value with `bits`, and the last one of its product. */
export function chainDrops(bits: number, w: number, count: number): number[] {
  let has = bits;
  const drops = Array.from({ length: count }, () => {
    const drop = Math.min(MOST_BITS, has - w);
    has = 2 * (has - drop);
    return drop;
  });
  return [...drops, has - w];
}

function surplusOf(engine: Engine, x: Value): number {
  return x.fractionBits - engine.fractionBits;
}
