/** Declared costs of a secure engine's operations, from those its protocols declare. */
import * as beaver from './beaver.ts';
import { type Cost, type CostModel, FREE, inSequence } from './cost.ts';
import { DEFAULT_CHUNK } from './party.ts';
import { directSuite, paperSuite } from './suite.ts';
import * as truncateOperand from './truncateOperand.ts';
import * as truncateProducts from './truncateProducts.ts';
import * as truncation from './truncation.ts';
import * as unitVectors from './unitVectors.ts';

export interface CostOptions {
  readonly suite: 'direct' | 'paper';
  readonly truncation: 'dealt' | 'local';
  readonly fractionBits: number;
  readonly compareBits: number;
  readonly chunk?: number;
}

export function createCostModel(options: CostOptions): CostModel {
  const chunk = options.chunk ?? DEFAULT_CHUNK;
  const suite = options.suite === 'direct' ? directSuite(options.compareBits) : paperSuite;
  const fused = options.truncation === 'dealt' ? suite.fused : undefined;
  const truncate = (count: number, bits: number): Cost =>
    options.truncation === 'local' || count === 0 ? FREE : truncation.dealtCost(count, bits, chunk);
  return {
    fractionBits: options.fractionBits,
    truncation: options.truncation,
    relu: (count, drop = 0) => suite.reluCost(count, drop, chunk),
    select: (count) => suite.selectCost(count),
    truncate,
    truncateOperand: (count, bits) =>
      options.truncation === 'dealt' && truncateOperand.holds(bits)
        ? truncateOperand.cost(count, bits, chunk)
        : truncate(count, bits),
    truncateProducts: (shape) =>
      options.truncation === 'local'
        ? inSequence(
            beaver.maskCost(2 * shape.pairs.length * shape.columns),
            beaver.partCost(shape.pairs.length * shape.columns),
          )
        : truncateProducts.cost(shape, chunk),
    truncateRelu: (count, bits) =>
      fused === undefined
        ? inSequence(truncate(count, bits), suite.reluCost(count, 0, chunk))
        : fused.reluCost(count, bits, chunk),
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
  };
}
