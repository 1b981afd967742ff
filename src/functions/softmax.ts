/**
 * Softmax and softmax cross-entropy (PROTOCOLS §5): subtract the row maximum, clip, exponentials, their sum in [1, n], its
 * reciprocal, one product.
 *
 * Logits that are products are compared as they are and truncated by the clip's ReLU: no round and no message for their truncation. The maximum is
 * one of them then, but may be some ulps below the largest one (`rowMaximum.ts`), so x − max may be as much above 0; exp and the sum are as right
 * there.
 *
 * crossEntropy: Σ over rows of ln Σ_j exp(x_j) − x_label on the shifted and clipped logits x, so one row's loss is at most
 * 16 + ln n. It is shown, never trained on. From 13 fractional bits on its mean errs by less than 0.005 whatever n: by 1.8e-3 because of ln
 * (`logarithm.ts`) and by 2e-3 because of the exponentials, which take more squarings for it where classes are many (`sumForLoss`).
 *
 * n is bounded by the reciprocal: `classLimit`.
 */
import { type CostModel, truncatedProduct } from '../engine/costModel.ts';
import { type Cost, FREE, inSequence, sideBySide } from '../party/cost.ts';
import type { Engine, Value } from '../engine/engine.ts';
import {
  approximation,
  type Base,
  CLIP,
  clip,
  cost as clippedCost,
  exponential,
  exponentialCost,
  firstBase,
  workingBits,
} from './exponential.ts';
import { alike, truncated } from './formats.ts';
import { logarithm, logarithmCost } from './logarithm.ts';
import { cost as reciprocalCost, holds, reciprocal } from './reciprocal.ts';
import { growth, inGroups, rowMaximum, rowMaximumCost } from './rowMaximum.ts';

export interface Softmax {
  /** (m,n) at the engine's fractional bits. */
  readonly probabilities: Value;
  /** Logits minus their row maximum, clipped, and powers of these as `exponential` takes them: (m,n), the engine's fractional bits. */
  readonly shifted: readonly Value[];
  /** Σ_j exp(shifted_j) in [1, n]: (m,1), `workingBits` fractional bits. */
  readonly sum: Value;
}

/** The most classes that the reciprocal of their sum holds for: 8191 at 16 fractional bits with dealt truncation. */
export function classLimit(engine: Pick<Engine, 'truncation' | 'fractionBits'>): number {
  const w = workingBits(engine);
  let [low, high] = [1, 2 ** 32];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (holds(engine, middle, w)) low = middle;
    else high = middle;
  }
  return low;
}

/** Logits (m,n) at the engine's fractional bits or more. */
export async function softmax(engine: Engine, logits: Value): Promise<Softmax> {
  const n = logits.shape[1];
  const scores = comparesProducts(engine, logits.fractionBits, n) ? logits : await truncated(engine, logits);
  const [x, maximum] = alike(engine, [scores, await rowMaximum(engine, scores)]);
  const base = softmaxBase(engine, n);
  const shifted = await clip(engine, engine.subColumn(x, maximum), base);
  const powers = await exponential(engine, shifted, base);
  const sum = engine.sumColumns(powers);
  const inverse = await reciprocal(engine, sum, n);
  const probabilities = await truncated(engine, await engine.mul(powers, inverse));
  return { probabilities, shifted, sum };
}

/** Whether logits with so many fractional bits are truncated by the clip alone: the clip's input must stay below 2^(32−f), as in any comparison. */
function comparesProducts(
  engine: Pick<Engine, 'suite' | 'truncation' | 'fractionBits'>,
  bits: number,
  n: number,
): boolean {
  return inGroups(engine) && bits + growth(engine, n) <= 30 + engine.fractionBits;
}

/** `surplus`: fractional bits beyond the engine's of logits that the clip truncates. */
export function softmaxCost(model: CostModel, m: number, n: number, surplus = 0): Cost {
  const w = workingBits(model);
  return inSequence(
    rowMaximumCost(model, m, n, surplus),
    clippedCost(model, m * n, softmaxBase(model, n), surplus + growth(model, n)),
    reciprocalCost(model, m, n, w, n),
    model.truncation === 'local'
      ? truncatedProduct(model, m * n + m, m * n, 2 * w - model.fractionBits)
      : inSequence(model.leftProduct(m * n, w, [1, 1]), model.truncate(m * n, 2 * w - model.fractionBits)),
  );
}

/** Sum over the batch of the cross-entropy, a (1,1) value at the engine's fractional bits. labels: one-hot integers (m,n). */
export async function crossEntropy(engine: Engine, { shifted, sum }: Softmax, labels: Value): Promise<Value> {
  const [x] = shifted;
  const [logOfSum, atLabel] = await engine.all([
    async (fork) => logarithm(fork, await sumForLoss(fork, shifted, sum), x.shape[1]),
    (fork) => fork.mul(x, labels),
  ]);
  return engine.sumRows(engine.sub(logOfSum, engine.sumColumns(atLabel)));
}

/** Σ_j exp(shifted_j), near enough for ln: that of the softmax, or of better exponentials. */
async function sumForLoss(engine: Engine, shifted: readonly Value[], sum: Value): Promise<Value> {
  const base = lossBase(engine, shifted[0].shape[1]);
  return base === undefined ? sum : engine.sumColumns(await exponential(engine, shifted, base));
}

type Precision = Pick<Engine, 'truncation' | 'fractionBits'>;

/** What ln of a sum of exponentials may err by because these do: where p, and so its relative error, is all that counts, and where it is shown. */
const SOFTMAX_ERROR = 2e-2;
const LOSS_ERROR = 2e-3;

/** Bases that were found, by precision and classes: each step of a training asks for the same. */
const bases = new Map<string, Base>();

/** Of the exponentials of softmax. Local truncation spares itself squarings. */
function softmaxBase({ truncation, fractionBits }: Precision, n: number): Base {
  const key = `${truncation}/${fractionBits}/${n}`;
  const base =
    bases.get(key) ??
    firstBase({ truncation, fractionBits }, (of) => truncation === 'local' || sumError(of, n) <= SOFTMAX_ERROR);
  bases.set(key, base);
  return base;
}

/** Of those for the loss, if they need be better. */
function lossBase(engine: Precision, n: number): Base | undefined {
  if (sumError(softmaxBase(engine, n), n) <= LOSS_ERROR) return undefined;
  return firstBase(engine, (base) => sumError(base, n) <= LOSS_ERROR);
}

/** Largest error of ln Σ_j exp(x_j) of n classes, one of which is at 0: it is largest when all the others are equal. */
function sumError(base: Base, n: number): number {
  let largest = 0; // of x = 0
  for (let i = 1; i < 20 * CLIP; i++) {
    const x = -i / 20;
    const error = Math.log((1 + (n - 1) * approximation(base, x)) / (1 + (n - 1) * Math.exp(x)));
    largest = Math.max(largest, Math.abs(error));
  }
  return largest;
}

/** Of `crossEntropy` after `softmax`, before the sum is revealed. */
export function crossEntropyCost(model: CostModel, m: number, n: number): Cost {
  const base = lossBase(model, n);
  const sum = base === undefined ? FREE : exponentialCost(model, m * n, base);
  const ln = inSequence(sum, logarithmCost(model, m, n));
  // Both are opened; P2's part of the product is dealt once it is summed up.
  const atLabel = inSequence(model.product(2 * m * n), model.part(1));
  return sideBySide(ln, atLabel);
}
