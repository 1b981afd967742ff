/**
 * Division (Alg. 8): bit-serial long division, one DReLU and one select a bit.
 *
 * Inputs:  ⟨x⟩, ⟨y⟩ of one shape and one scale, 0 ≤ x < 2y, y < 2^(k−1) ulps (the comparison window).
 * Output:  ⟨q⟩ with f fractional bits, q = ⌊x · 2^f / y⌋ ulps exactly: the error is below one ulp, always downwards.
 *
 * As printed, for i = f … 0 and u_{f+1} = 0, with x standing for x · 2^f:
 *   z_i = x − u_{i+1} − 2^i·y;  β_i = DReLU(z_i);  v_i = β_i·2^i·y;  k_i = β_i·2^i;  u_i = u_{i+1} + v_i;  q = Σ k_i
 * There z_i has f bits more than y and leaves a comparison window that y fits. Here the same steps run on the remainder
 * r_i = (x − u_{i+1}) / 2^i, an integer because x ends in f zeros: z_i / 2^i = r_i − y and r_{i−1} = 2(r_i − β_i·y). The sign is the same,
 * and |r_i − y| ≤ y throughout. There is no truncation, so nothing is rounded before the end.
 *
 * Outside the domain: for y = 0 every comparison says yes and q is 2^(f+1) − 1 ulps; for x ≥ 2y the remainder grows out of the window.
 * Cost: f + 1 times ReLU, a select after each but the last; k_i is the bit itself, in shares. The engine's comparison is ReLU: its product
 * with z_i is not used.
 */
import type { CostModel } from '../engine/costModel.ts';
import { type Cost, inSequence, repeated } from '../party/cost.ts';
import type { Engine, Value } from '../engine/engine.ts';

export async function divide(engine: Engine, x: Value, y: Value): Promise<Value> {
  const f = engine.fractionBits;
  let r = x; // r_f: u_{f+1} = 0
  for (let i = f, q: Value | undefined; ; i--) {
    const { sign } = await engine.relu(engine.sub(r, y)); // β_i = DReLU(z_i)
    const k = engine.reinterpret(engine.scale(engine.bits(sign), 1n << BigInt(i)), f); // k_i = β_i·2^i
    q = q === undefined ? k : engine.add(q, k); // q = Σ k_i
    if (i === 0) return q;
    const v = await engine.select(sign, y); // v_i = β_i·2^i·y, over 2^i
    r = engine.scale(engine.sub(r, v), 2n); // u_i = u_{i+1} + v_i
  }
}

/** Of `count` quotients. */
export function cost(model: CostModel, count: number): Cost {
  const step = inSequence(model.relu(count), model.select(count));
  return inSequence(repeated(model.fractionBits, step), model.relu(count));
}
