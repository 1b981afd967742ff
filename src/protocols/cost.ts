/**
 * What a protocol declares: online rounds (longest chain of dependent messages) and payload bytes sent by all parties together.
 * Declared beside each protocol, measured by the channel, compared in a test.
 */
import type { ProductShape } from './productShape.ts';

export interface Cost {
  readonly rounds: number;
  readonly bytes: number;
}

export const FREE: Cost = { rounds: 0, bytes: 0 };

/** What one engine's operations cost, by number of elements; made by `costModel.ts` for given options. */
export interface CostModel {
  readonly fractionBits: number;
  readonly truncation: 'dealt' | 'local';
  /** `drop`: surplus fractional bits of the operand. */
  relu(count: number, drop?: number): Cost;
  select(count: number): Cost;
  truncate(count: number, bits: number): Cost;
  truncateOperand(count: number, bits: number): Cost;
  truncateProducts(shape: ProductShape): Cost;
  truncateRelu(count: number, bits: number): Cost;
  largerRelu(count: number, bits: number): Cost;
  truncateSelect(count: number, bits: number): Cost;
  /** One product that opens `opened` elements of operands; P2's part of it is dealt when something other than `truncate` uses it. */
  product(opened: number): Cost;
  unitVectors(count: number, n: number): Cost;
  /** Dealing P2's part of `count` elements. */
  part(count: number): Cost;
}

/** One after the other. */
export function inSequence(...costs: readonly Cost[]): Cost {
  return { rounds: costs.reduce((r, c) => r + c.rounds, 0), bytes: costs.reduce((b, c) => b + c.bytes, 0) };
}

/** Times in sequence. */
export function repeated(times: number, cost: Cost): Cost {
  return { rounds: times * cost.rounds, bytes: times * cost.bytes };
}

/** The cost of `count` elements that flow in chunks: bytes are summed chunk by chunk (packing rounds up in each). */
export function chunked(count: number, chunk: number, cost: (elements: number) => Cost): Cost {
  const whole = Math.floor(count / chunk);
  const rest = count % chunk;
  const one = cost(chunk);
  const last = rest > 0 ? cost(rest) : FREE;
  return {
    rounds: Math.max(whole > 0 ? one.rounds : 0, last.rounds),
    bytes: whole * one.bytes + last.bytes,
  };
}

/** A product of `opened` elements of operands that is truncated at once: the dealt truncation takes P2's part up. */
export function truncatedProduct(model: CostModel, opened: number, result: number, bits: number): Cost {
  const dealt = model.truncation === 'local' ? model.part(result) : FREE;
  return inSequence(model.product(opened), dealt, model.truncate(result, bits));
}
