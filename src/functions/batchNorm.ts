/**
 * Batch normalisation of m rows by column (Ioffe, Szegedy 2015): y = γ·(x − μ) / √(σ² + ε) + β with the rows' own mean and variance.
 *
 * Forward. x is truncated into an operand, which opens it, and −μ too, so d = x − μ is open without a message (`addRow`): all further
 * products of rows send nothing but what is of a row's size. They are doubled, so of d 8 bytes an element are all that is kept. With s = Σd² / 2^K, K bits being more than Σd² may need, the mean over m is no
 * division: r = 1/√(σ² + ε) = √m·2^(−K/2) / √(s + m·ε / 2^K), whose public factor goes into the root's. y = d·a + β with a = γ·r.
 * Backward. β's gradient is Σδ, γ's Σδ·x̂ = r·Q with Q = Σδ·d; dx = γ·r/m·(m·δ − Σδ − x̂·Σδ·x̂) = δ·a − d·B − a·P with P = Σδ/m and
 * B = a·r²·Q/m. δ is opened; d is open.
 *
 * Formats, f being the engine's fractional bits: x, d, δ have f; r, a, B have w = min(f + 4, 20); y and dx leave with f + w + 1, like doubled products.
 * Means keep so many bits that m times their rounding is no more than an ulp: Σ dx is 0 to m·2^−(f+w).
 * Domain: 2 ≤ m ≤ 2^26; |μ| < 2^12, σ² + ε < 2^12, and as much for Σ|δ·d| / m; |γ| < 2^4; ε ≥ 2^−34; |mean δ| < 2^6. Where Σd² would not
 * fit the ring (f above 16), rows are added up in parts that do, which are truncated: of each Σd² < 2^(61 − 2f), and Σ|δ·d|.
 * Errors. Of y: 4e-4·|y − β| (`inverseSqrtFew.ts`), |γ|·r·(4·2^−f + |μ|·2^(f−45)) by those of x and μ, 2·|d|·2^−w by the rounding of a.
 * Of dx: 1e-3 of each of its terms, (|δ| + 2·|d|)·2^−w by the rounding of a and B. Only with dealt truncation.
 *
 * Cost beside what is of a row's size: forward, of a product x, the truncation into an operand, 24 + (x's surplus)/8 bytes an element; backward
 * 16 for the opening of δ. Rounds in the direct suite: 19 forward for ε = 1e-5 (18 of up to 2^10 rows), 6 backward.
 */
import type { CostModel } from '../engine/costModel.ts';
import { type Cost, FREE, inSequence, sideBySide } from '../party/cost.ts';
import type { Engine, Value } from '../engine/engine.ts';
import { truncatedOperand, withBits } from './formats.ts';
import { cost as rootCost, FEW_BITS, inverseSqrtOfFew, ROOT_BITS } from './inverseSqrtFew.ts';

/** Variances and means are below 2^RANGE_BITS. */
export const RANGE_BITS = 12;
/** What is truncated stays below 2^RING_BITS. */
const RING_BITS = 62;
/** Most that a truncation with products drops. */
const DROP = 32;
/** Fractional bits of T and beyond f of P (below). */
const SLOPE_BITS = 20;
const MEAN_GUARD = 12;
const MOST_MEAN_BITS = 28;
/** Of r times the bits by which it is scaled. */
const SCALE_BITS = 20;
const MOST_ROWS = 2 ** 26;

interface Formats {
  readonly f: number;
  readonly m: number;
  /** Fractional bits of r, a and B. */
  readonly w: number;
  /** ⌈log2 m⌉ */
  readonly L: number;
  /** Σd² < 2^K. */
  readonly K: number;
  /** In which products of rows are added up, each below the ring. */
  readonly parts: number;
}

function formats(engine: Pick<Engine, 'fractionBits' | 'truncation'>, m: number): Formats {
  const f = engine.fractionBits;
  checkTruncation(engine);
  if (m < 2 || m > MOST_ROWS)
    throw new RangeError(`batch normalisation: of ${m} numbers a channel, expected 2 … ${MOST_ROWS}`);
  const L = Math.ceil(Math.log2(m));
  const K = L + RANGE_BITS;
  const parts = Math.ceil(2 ** (dotBits(f) + K - RING_BITS) * (m / 2 ** L));
  return { f, m, w: rootBits(f), L, K, parts: Math.max(1, parts) };
}

export function checkTruncation({ truncation }: Pick<Engine, 'truncation'>): void {
  if (truncation !== 'dealt')
    throw new RangeError('batch normalisation: needs dealt truncation, found local; give --truncation dealt');
}

/** Fractional bits of Σd² and Σδ·d. */
function dotBits(f: number): number {
  return 2 * f + 1;
}

/** Fractional bits of r, a and B. */
export function rootBits(f: number): number {
  return Math.min(f + 4, 20);
}

/** number ≈ c · 2^−e with c of so many bits. */
function scaled(number: number, bits: number): { c: bigint; e: number } {
  const e = bits - 1 - Math.floor(Math.log2(number));
  return { c: BigInt(Math.round(number * 2 ** e)), e };
}

/** What a batch's rows were like. */
export interface Statistics {
  /** −μ (1,n), f fractional bits. */
  readonly negativeMean: Value;
  /** Σd² / 2^K (1,n), FEW_BITS fractional bits. */
  readonly squares: Value;
  /** K */
  readonly bits: number;
  /** m */
  readonly count: number;
}

/** What the way back needs. */
export interface Normalized {
  /** x − μ (m,n), for products alone. */
  readonly centred: Value;
  /** r, and r·2^L/m (1,n), w fractional bits. */
  readonly root: Value;
  readonly rootOfMean: Value;
  /** a = γ·r (1,n), w fractional bits. */
  readonly slope: Value;
}

export interface BatchNorm {
  /** (m,n), f + w + 1 fractional bits. */
  readonly y: Value;
  readonly kept: Normalized;
}

/** x (m,n) with f or more fractional bits; γ and β (1,n) with f. What is made of the statistics is made beside the rest. */
export async function batchNorm<T>(
  engine: Engine,
  x: Value,
  scale: Value,
  shift: Value,
  epsilon: number,
  observe: (engine: Engine, statistics: Statistics) => Promise<T>,
): Promise<[BatchNorm, T]> {
  const format = formats(engine, x.shape[0]);
  const { m, K } = format;
  const [rows, negativeMean] = await operands(engine, x, format);
  const centred = await engine.operand(engine.addRow(rows, negativeMean));
  const dots = await engine.columnDots(centred, centred, format.parts);
  const squares = await total(engine, engine.reinterpret(dots, dots.fractionBits + K), FEW_BITS);
  const statistics = { negativeMean, squares, bits: K, count: m };
  return engine.all([
    (fork) => normalized(fork, format, { centred, squares, scale, shift }, epsilon),
    (fork) => observe(fork, statistics),
  ]);
}

async function normalized(
  engine: Engine,
  { f, m, w, L, K }: Formats,
  { centred, squares, scale, shift }: Record<'centred' | 'squares' | 'scale' | 'shift', Value>,
  epsilon: number,
): Promise<BatchNorm> {
  const floor = (m * epsilon) / 2 ** K;
  const root = await inverseSqrtOfFew(engine, engine.addPublic(squares, floor), lowOf(floor));
  const factor = Math.sqrt(m / 2 ** K);
  const {
    roots: [r, rootOfMean],
    slope,
  } = await scaledRoots(engine, root, [factor, (factor * 2 ** L) / m], scale, w);
  const a = await engine.truncateOperand(slope, w);
  const product = await engine.mul(centred, a, { doubled: true });
  const y = engine.addRow(product, engine.extend(shift, product.fractionBits - f));
  return { y, kept: { centred, root: r, rootOfMean, slope: a } };
}

/** The lower end of what is at least `floor` rounded. */
export function lowOf(floor: number): number {
  return floor * (1 - 2 ** -10);
}

/** x with f fractional bits, and −μ, both as operands that come open. */
function operands(engine: Engine, x: Value, format: Formats): Promise<[rows: Value, negativeMean: Value]> {
  const surplus = x.fractionBits - format.f;
  const open = (fork: Engine): Promise<Value> => truncatedOperand(fork, x);
  if (sumFits(surplus, format)) return engine.all([open, (fork) => negativeMeanOf(fork, x, format)]);
  return open(engine).then(async (rows) => [rows, await negativeMeanOf(engine, rows, format)]);
}

/** Whether x may be added up before it is truncated. */
function sumFits(surplus: number, { f, K }: Formats): boolean {
  return surplus === 0 || f + surplus + K <= RING_BITS;
}

/** Fractional bits of Σx, and the factor that makes it a mean. */
function meanFormat({ f, m, L, K }: Formats): { bits: number; c: bigint; e: number } {
  const bits = Math.max(0, Math.min(f, f + 5 - L));
  return { bits, ...scaled(1 / m, RING_BITS - bits - K) };
}

async function negativeMeanOf(engine: Engine, x: Value, format: Formats): Promise<Value> {
  const { f } = format;
  const { bits, c, e } = meanFormat(format);
  const sum = await withBits(engine, engine.sumRows(x), bits);
  return engine.truncateOperand(engine.reinterpret(engine.scale(sum, -c), bits + e), bits + e - f);
}

/** Parts of a sum (parts,n), added up and brought to `bits` fractional bits: in one truncation at most. */
async function total(engine: Engine, parts: Value, bits: number): Promise<Value> {
  return engine.sumRows(await withBits(engine, parts, bits));
}

/** r = factor · root for each public factor (1,n) with w fractional bits, and scale · r of the first with 2w. */
export async function scaledRoots(
  engine: Engine,
  root: Value,
  factors: readonly number[],
  scale: Value,
  w: number,
): Promise<{ roots: Value[]; slope: Value }> {
  const bits = ROOT_BITS + SCALE_BITS;
  const scaled = factors.map((factor) =>
    engine.reinterpret(engine.scale(root, BigInt(Math.round(factor * 2 ** SCALE_BITS))), bits),
  );
  const rows = engine.concatRows([...scaled, engine.extend(scale, bits - scale.fractionBits)]);
  const { y, products } = await engine.truncateProducts(rows, bits - w, [[0, factors.length]]);
  return { roots: factors.map((_, i) => engine.slice(y, i, i + 1)), slope: products };
}

/** What gradients and the error at the input both need of δ (m,n), f fractional bits. */
export interface ErrorSums {
  /** Σδ (1,n), f fractional bits. */
  readonly sum: Value;
  /** Σδ·x̂ (1,n) */
  readonly ofNormalized: Value;
  /** T = Σδ·x̂ / m (1,n) */
  readonly mean: Value;
}

/** Of Q: the fractional bits that it meets r with, and how many are dropped before. T then leaves by 28 bits at most, beside a. */
function dotFormat({ f, w, L, K, parts }: Formats): { bits: number; first: number } {
  const bits = Math.max(0, Math.min(2 * f - 1, SLOPE_BITS + 28 - w - L));
  return { bits, first: Math.max(0, parts > 1 ? dotBits(f) + K - RING_BITS : 0, dotBits(f) - bits - DROP) };
}

export async function errorSums(engine: Engine, norm: Normalized, delta: Value): Promise<ErrorSums> {
  const format = formats(engine, delta.shape[0]);
  const { w, L, parts } = format;
  const { bits, first } = dotFormat(format);
  const dots = await engine.columnDots(delta, norm.centred, parts);
  const Q = await total(engine, dots, dots.fractionBits - first);
  const drop = Q.fractionBits - bits;
  const roots = [norm.rootOfMean, norm.root].map((r) => engine.reinterpret(engine.extend(r, drop), Q.fractionBits));
  const rows = engine.concatRows([Q, ...roots]);
  const { products } = await engine.truncateProducts(rows, drop, [
    [0, 1],
    [0, 2],
  ]);
  return {
    sum: engine.sumRows(delta),
    mean: engine.reinterpret(engine.slice(products, 0, 1), bits + w + L),
    ofNormalized: engine.reinterpret(engine.slice(products, 1, 2), bits + w),
  };
}

/** Fractional bits of P. */
function meanBitsOf(f: number): number {
  return Math.min(f + MEAN_GUARD, MOST_MEAN_BITS);
}

/** The error at x (m,n), f + w + 1 fractional bits. */
export async function inputError(engine: Engine, norm: Normalized, delta: Value, sums: ErrorSums): Promise<Value> {
  const { f, m, w } = formats(engine, delta.shape[0]);
  const drop = sums.mean.fractionBits - SLOPE_BITS;
  const meanBits = meanBitsOf(f);
  // Rows that leave with SLOPE_BITS, w and meanBits.
  const alike = (x: Value): Value => engine.reinterpret(x, sums.mean.fractionBits);
  const P = engine.scale(sums.sum, -BigInt(Math.round(2 ** (meanBits + drop - f) / m)));
  const rows = engine.concatRows([sums.mean, alike(engine.extend(norm.slope, drop)), alike(P)]);
  const { products } = await engine.truncateProducts(rows, drop, [
    [0, 1],
    [1, 2],
  ]);
  const aT = engine.reinterpret(engine.slice(products, 0, 1), SLOPE_BITS + w);
  const aP = engine.reinterpret(engine.slice(products, 1, 2), w + meanBits);
  const [B, row] = await engine.all([
    async (fork) => {
      const r = fork.reinterpret(fork.extend(norm.root, w), aT.fractionBits);
      const pair = fork.concatRows([fork.scale(aT, -1n), r]);
      const { products: aTr } = await fork.truncateProducts(pair, w, [[0, 1]]);
      return fork.truncateOperand(fork.reinterpret(aTr, SLOPE_BITS + w), SLOPE_BITS);
    },
    (fork) => withBits(fork, aP, f + w + 1),
  ]);
  const [first, second] = await engine.all([
    (fork) => fork.mul(delta, norm.slope, { doubled: true }),
    (fork) => fork.mul(norm.centred, B, { doubled: true }),
  ]);
  return engine.addRow(engine.add(first, second), row);
}

function dropped(model: CostModel, count: number, bits: number): Cost {
  return bits > 0 ? model.truncate(count, bits) : FREE;
}

/** Of x (m,n) with `surplus` fractional bits beyond f; P2's part of y is not dealt yet. */
export function forwardCost(model: CostModel, m: number, n: number, surplus: number, epsilon: number): Cost {
  const format = formats(model, m);
  const { f, w, K, parts } = format;
  const { bits, e } = meanFormat(format);
  const early = sumFits(surplus, format);
  const mean = inSequence(dropped(model, n, f + (early ? surplus : 0) - bits), model.truncateOperand(n, bits + e - f));
  const opened = surplus > 0 ? model.truncateOperand(m * n, surplus) : FREE;
  const drop = dotBits(f) + K - FEW_BITS;
  return inSequence(
    early ? sideBySide(opened, mean) : inSequence(opened, mean),
    surplus > 0 ? FREE : model.product(m * n),
    drop > 0 ? model.truncate(parts * n, drop) : model.part(n),
    rootCost(model, n, lowOf((m * epsilon) / 2 ** K)),
    scaledCost(model, n, 2, w),
    model.truncateOperand(n, w),
  );
}

/** Of `scaledRoots` for so many factors. */
export function scaledCost(model: CostModel, n: number, factors: number, w: number): Cost {
  const bits = ROOT_BITS + SCALE_BITS - w;
  return model.truncateProducts({ rows: factors + 1, columns: n, bits, pairs: [[0, factors]] });
}

/** Of `errorSums`, of a δ that is not open yet. */
export function sumsCost(model: CostModel, m: number, n: number): Cost {
  const format = formats(model, m);
  const { bits, first } = dotFormat(format);
  const pairs = [
    [0, 1],
    [0, 2],
  ] as const;
  return inSequence(
    model.product(m * n),
    dropped(model, format.parts * n, first),
    model.truncateProducts({ rows: 3, columns: n, bits: dotBits(format.f) - first - bits, pairs }),
  );
}

/** Of `inputError`; P2's part is not dealt yet. */
export function errorCost(model: CostModel, m: number, n: number): Cost {
  const format = formats(model, m);
  const { f, w, L } = format;
  const drop = dotFormat(format).bits + w + L - SLOPE_BITS;
  const pairs = [
    [0, 1],
    [1, 2],
  ] as const;
  return inSequence(
    model.truncateProducts({ rows: 3, columns: n, bits: drop, pairs }),
    sideBySide(
      inSequence(
        model.truncateProducts({ rows: 2, columns: n, bits: w, pairs: [[0, 1]] }),
        model.truncateOperand(n, SLOPE_BITS),
      ),
      model.truncate(n, meanBitsOf(f) - f - 1),
    ),
  );
}
