/** Declared costs of a secure engine's operations, from those its protocols declare. */
import * as beaver from '../protocols/paper/beaver.ts';
import { type Cost, FREE, inSequence, repeated } from '../party/cost.ts';
import { follow, type ProductShape } from '../protocols/direct/productShape.ts';
import { DEFAULT_CHUNK } from '../party/party.ts';
import { suiteOf } from '../protocols/suite.ts';
import * as leftOpen from '../protocols/direct/leftOpen.ts';
import * as truncateOperand from '../protocols/direct/truncateOperand.ts';
import * as truncateProducts from '../protocols/direct/truncateProducts.ts';
import * as dealtTruncation from '../protocols/direct/dealtTruncation.ts';
import * as unitVectors from '../protocols/paper/unitVectors.ts';

/** What one engine's operations cost, by number of elements; made by `createCostModel` for given options. */
export interface CostModel {
  readonly fractionBits: number;
  readonly suite: 'direct' | 'paper';
  readonly truncation: 'dealt' | 'local';
  /** `drop`: surplus fractional bits of the operand. */
  relu(count: number, drop?: number): Cost;
  select(count: number): Cost;
  truncate(count: number, bits: number): Cost;
  truncateOperand(count: number, bits: number): Cost;
  truncateProducts(shape: ProductShape): Cost;
  /** `count` products of what truncations by `bits` have left, of sums of so many of their values (`leftOpen.ts`); of a square one number. */
  leftProduct(count: number, bits: number, terms: readonly number[]): Cost;
  truncateRelu(count: number, bits: number): Cost;
  /** Of `of` values. */
  largest(count: number, of: number, drop: number): Cost;
  /** Powers beyond the first may be left in three parts. */
  reluPowers(count: number, bits: number, degree: number): Cost;
  largerRelu(count: number, bits: number): Cost;
  truncateSelect(count: number, bits: number): Cost;
  /** One product that opens `opened` elements of operands; P2's part of it is dealt when something other than `truncate` uses it. */
  product(opened: number): Cost;
  unitVectors(count: number, n: number): Cost;
  /** Of x (rows, columns) with `drop` surplus fractional bits; absent as of the engine. */
  readonly argmax?: ((rows: number, columns: number, drop?: number) => Cost) | undefined;
  /** Dealing P2's part of `count` elements. */
  part(count: number): Cost;
}

export interface CostOptions {
  readonly suite: 'direct' | 'paper';
  readonly truncation: 'dealt' | 'local';
  readonly fractionBits: number;
  readonly compareBits: number;
  /** Absent: semi-honest. */
  readonly security?: 'private' | undefined;
  readonly chunk?: number;
}

export function createCostModel(options: CostOptions): CostModel {
  const chunk = options.chunk ?? DEFAULT_CHUNK;
  const suite = suiteOf(options, options.security);
  const fused = options.truncation === 'dealt' ? suite.fused : undefined;
  const truncate = (count: number, bits: number): Cost =>
    options.truncation === 'local' || count === 0 ? FREE : dealtTruncation.dealtCost(count, bits, chunk);
  const truncateRelu = (count: number, bits: number): Cost =>
    fused === undefined
      ? inSequence(truncate(count, bits), suite.reluCost(count, 0, chunk))
      : fused.reluCost(count, bits, chunk);
  return {
    fractionBits: options.fractionBits,
    suite: options.suite,
    truncation: options.truncation,
    relu: (count, drop = 0) => suite.reluCost(count, drop, chunk),
    select: (count) => suite.selectCost(count),
    truncate,
    truncateOperand: (count, bits) =>
      options.truncation === 'dealt' && truncateOperand.holds(bits)
        ? truncateOperand.cost(count, bits, chunk)
        : truncate(count, bits),
    truncateProducts: (shape) => {
      if (options.truncation === 'dealt') return truncateProducts.cost(shape, chunk);
      const products = shape.pairs.length * shape.columns;
      return products === 0 ? FREE : inSequence(beaver.maskCost(2 * products), beaver.partCost(products));
    },
    leftProduct: (count, bits, terms) => leftOpen.cost(count, bits, terms, chunk),
    truncateRelu,
    reluPowers: (count, bits, degree) => {
      if (fused !== undefined && follow(bits)) return fused.reluCost(count, bits, chunk, degree);
      const relu = bits > 0 ? truncateRelu(count, bits) : suite.reluCost(count, 0, chunk);
      const square = degree > 1 ? beaver.maskCost(count) : FREE;
      const more = inSequence(beaver.partCost(count), beaver.maskCost(count));
      return inSequence(relu, square, repeated(Math.max(0, degree - 2), more));
    },
    largest: (count, of, drop) =>
      suite.tree?.largestCost(count, of, drop, chunk) ?? repeated(of - 1, suite.reluCost(count, drop, chunk)),
    largerRelu: (count, bits) =>
      suite.tree === undefined || fused === undefined
        ? inSequence(suite.reluCost(count, 0, chunk), truncate(count, bits + 1), suite.reluCost(count, 0, chunk))
        : suite.tree.largerReluCost(count, bits, chunk),
    truncateSelect: (count, bits) =>
      fused === undefined
        ? inSequence(truncate(count, bits), suite.selectCost(count))
        : fused.selectCost(count, bits, chunk),
    product: beaver.maskCost,
    part: beaver.partCost,
    unitVectors: (count, n) => unitVectors.cost(count, n, chunk),
    argmax: suite.argmax && ((rows, columns, drop = 0) => suite.argmax!.cost(rows, columns, drop, chunk)),
  };
}

/** A product of `opened` elements of operands that is truncated at once: the dealt truncation takes P2's part up. */
export function truncatedProduct(model: CostModel, opened: number, result: number, bits: number): Cost {
  const dealt = model.truncation === 'local' ? model.part(result) : FREE;
  return inSequence(model.product(opened), dealt, model.truncate(result, bits));
}
