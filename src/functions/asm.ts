/**
 * ASM, the paper's replacement of softmax (PROTOCOLS §5): p_i = ReLU(u_i) / Σ_j ReLU(u_j), and 1/n where no u_j is positive.
 *
 * A sum of 0 is replaced without a branch: e = 1 − [Σ − 1 ulp ≥ 0] is one exactly then, every numerator takes e more ulps and the
 * denominator n·e, so the same division gives 1/n. Where the sum is positive nothing changes.
 *
 * p does not change with the scale of u, and δ = p − label does not shrink as Σ grows, so nothing holds Σ: after two epochs of
 * network A it is 27 at rate 2^-7 and 10^5 at 2^-5, beyond the default window. Small rates, or a wider one.
 *
 * Inputs (m,n), n · max u inside the comparison window; output (m,n) at the engine's fractional bits, rounded down by less than one ulp,
 * so a row sums to at most 1 and to more than 1 − n ulps.
 * Cost: ReLU of m·n, then of m, then one division of m·n.
 */
import type { CostModel } from '../engine/costModel.ts';
import { type Cost, inSequence } from '../party/cost.ts';
import { cost as divisionCost, divide } from './division.ts';
import type { Engine, Value } from '../engine/engine.ts';

export async function asm(engine: Engine, logits: Value): Promise<Value> {
  const [m, n] = logits.shape;
  const ulp = 2 ** -logits.fractionBits;
  const { y: positives } = await engine.relu(logits);
  const sum = engine.sumColumns(positives);
  const ulps = engine.constant([m, 1], new Float64Array(m).fill(ulp), logits.fractionBits);
  const { sign: nonEmpty } = await engine.relu(engine.sub(sum, ulps));
  const filled = engine.reinterpret(engine.bits(nonEmpty), logits.fractionBits); // 1 is one ulp
  const minusEmpty = engine.sub(filled, ulps);
  const denominator = engine.sub(sum, engine.scale(minusEmpty, BigInt(n)));
  return divide(
    engine,
    engine.subColumn(positives, minusEmpty),
    engine.concatColumns(Array.from({ length: n }, () => denominator)),
  );
}

export function asmCost(model: CostModel, m: number, n: number): Cost {
  return inSequence(model.relu(m * n), model.relu(m), divisionCost(model, m * n));
}
