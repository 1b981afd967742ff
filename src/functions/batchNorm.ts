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
import type { BatchPart, Engine, Value } from '../engine/engine.ts';
import { truncatedOperand, withBits } from './formats.ts';
import { cost as rootCost, FEW_BITS, inverseSqrtOfFew, ROOT_BITS } from './inverseSqrtFew.ts';
import { aside, UNCUT, type WholeBatch } from './wholeBatch.ts';

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
  /** Rows of the whole batch. */
  readonly m: number;
  /** Fractional bits of r, a and B. */
  readonly w: number;
  /** ⌈log2 m⌉ */
  readonly L: number;
  /** Σd² < 2^K. */
  readonly K: number;
  /** In which products of the rows that are here are added up, each below the ring. */
  readonly parts: number;
}

/** @param part of the batch, whose rows these are */
function formats(engine: Pick<Engine, 'fractionBits' | 'truncation'>, rows: number, part?: BatchPart): Formats {
  const f = engine.fractionBits;
  const m = part === undefined ? rows : (rows / (part.to - part.from)) * part.of;
  checkTruncation(engine);
  if (m < 2 || m > MOST_ROWS)
    throw new RangeError(`batch normalisation: of ${m} numbers a channel, expected 2 … ${MOST_ROWS}`);
  const L = Math.ceil(Math.log2(m));
  const K = L + RANGE_BITS;
  const parts = Math.ceil(2 ** (dotBits(f) + K - RING_BITS) * (rows / 2 ** L));
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

/** What statistics give (1,n), w fractional bits. */
interface Roots {
  /** r, and r·2^L/m */
  readonly root: Value;
  readonly rootOfMean: Value;
  /** a = γ·r */
  readonly slope: Value;
}

/** What the way back needs. */
export interface Normalized {
  /** x − μ (m,n), for products alone. */
  readonly centred: Value;
  /** a = γ·r (1,n), w fractional bits, for doubled products alone. */
  readonly slope: Value;
  /** Where statistics of the whole batch are. */
  readonly roots: Roots | undefined;
}

/** Rows (1,n) with f fractional bits that are made of the statistics, so many. */
export interface Observer {
  readonly rows: number;
  readonly observe: (engine: Engine, statistics: Statistics) => Promise<readonly Value[]>;
}

export interface BatchNorm {
  /** (m,n), f + w + 1 fractional bits. */
  readonly y: Value;
  readonly kept: Normalized;
}

/**
 * x (m,n) with f or more fractional bits; γ and β (1,n) with f. What is made of the statistics is made beside the rest.
 * @param batch of which x is a part
 */
export async function batchNorm(
  engine: Engine,
  x: Value,
  scale: Value,
  shift: Value,
  epsilon: number,
  { rows: observed, observe }: Observer,
  batch: WholeBatch = UNCUT,
): Promise<[BatchNorm, readonly Value[]]> {
  const format = formats(engine, x.shape[0], batch.part);
  const { f, m, K } = format;
  const [rows, negativeMean] = await operands(engine, x, format, batch);
  const centred = await engine.operand(engine.addRow(rows, negativeMean));
  const dots = await engine.columnDots(centred, centred, format.parts);
  const scaled = engine.reinterpret(dots, dots.fractionBits + K);
  const own = await aside(engine, batch, 'squares', (fork) => total(fork, scaled, FEW_BITS));
  const { kept: squares } = await batch.once(engine, 'squares', {
    terms: [own],
    handed: [],
    compute: (_fork, [sum]) => Promise.resolve({ handed: [], kept: sum }),
  });
  const row = { shape: negativeMean.shape, fractionBits: f, use: 'added' } as const;
  return engine.all([
    (fork) => normalized(fork, format, { centred, squares, scale, shift }, epsilon, batch),
    async (fork) => {
      const { handed } = await batch.once(fork, 'observed', {
        terms: [],
        handed: new Array<typeof row>(observed).fill(row),
        compute: async (lead) => {
          const statistics = { negativeMean, squares: squares!, bits: K, count: m };
          return { handed: await observe(lead, statistics), kept: undefined };
        },
      });
      return handed;
    },
  ]);
}

/** @param squares where statistics of the whole batch are */
async function normalized(
  engine: Engine,
  { f, m, w, L, K }: Formats,
  { centred, squares, scale, shift }: Record<'centred' | 'scale' | 'shift', Value> & { squares: Value | undefined },
  epsilon: number,
  batch: WholeBatch,
): Promise<BatchNorm> {
  const floor = (m * epsilon) / 2 ** K;
  const factor = Math.sqrt(m / 2 ** K);
  const {
    handed: [slope],
    kept: roots,
  } = await batch.once(engine, 'slope', {
    terms: [],
    handed: [{ shape: scale.shape, fractionBits: w, use: 'operand' }],
    compute: async (lead) => {
      const inverse = await inverseSqrtOfFew(lead, lead.addPublic(squares!, floor), lowOf(floor));
      const {
        roots: [root, rootOfMean],
        slope,
      } = await scaledRoots(lead, inverse, [factor, (factor * 2 ** L) / m], scale, w);
      const a = await lead.truncateOperand(slope, w);
      return { handed: [a], kept: { root, rootOfMean, slope: a } };
    },
  });
  const product = await engine.mul(centred, slope, { doubled: true });
  const y = engine.addRow(product, engine.extend(shift, product.fractionBits - f));
  return { y, kept: { centred, slope, roots } };
}

/** The lower end of what is at least `floor` rounded. */
export function lowOf(floor: number): number {
  return floor * (1 - 2 ** -10);
}

/** x with f fractional bits, and −μ, both as operands that come open. */
function operands(
  engine: Engine,
  x: Value,
  format: Formats,
  batch: WholeBatch,
): Promise<[rows: Value, negativeMean: Value]> {
  const surplus = x.fractionBits - format.f;
  const open = (fork: Engine): Promise<Value> => truncatedOperand(fork, x);
  const mean = async (fork: Engine, rows: Value): Promise<Value> => {
    const { handed } = await batch.once(fork, 'mean', {
      terms: [fork.sumRows(rows)],
      handed: [{ shape: [1, x.shape[1]], fractionBits: format.f, use: 'opened' }],
      compute: async (lead, [sum]) => ({ handed: [await negativeMeanOf(lead, sum, format)], kept: undefined }),
    });
    return handed[0];
  };
  if (sumFits(surplus, format)) return engine.all([open, (fork) => mean(fork, x)]);
  return open(engine).then(async (rows) => [rows, await mean(engine, rows)]);
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

/** @param rows added up */
async function negativeMeanOf(engine: Engine, rows: Value, format: Formats): Promise<Value> {
  const { f } = format;
  const { bits, c, e } = meanFormat(format);
  const sum = await withBits(engine, rows, bits);
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

/** What gradients and the error at the input both need of δ (m,n), f fractional bits, of the whole batch. */
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

/** @returns Σδ (1,n) of the rows that are here and, where statistics of the whole batch are, `all` */
export async function errorSums(
  engine: Engine,
  norm: Normalized,
  delta: Value,
  batch: WholeBatch = UNCUT,
): Promise<{ readonly own: Value; readonly all: ErrorSums | undefined }> {
  const format = formats(engine, delta.shape[0], batch.part);
  const { w, L, parts } = format;
  const { bits, first } = dotFormat(format);
  const dots = await engine.columnDots(delta, norm.centred, parts);
  const Q = await aside(engine, batch, 'dots', (fork) => total(fork, dots, dots.fractionBits - first));
  const own = engine.sumRows(delta);
  const { kept } = await batch.once(engine, 'errors', {
    terms: [Q, own],
    handed: [],
    compute: async (lead, [Q, sum]) => {
      const drop = Q.fractionBits - bits;
      const roots = [norm.roots!.rootOfMean, norm.roots!.root];
      const extended = roots.map((r) => lead.reinterpret(lead.extend(r, drop), Q.fractionBits));
      const { products } = await lead.truncateProducts(lead.concatRows([Q, ...extended]), drop, [
        [0, 1],
        [0, 2],
      ]);
      const mean = lead.reinterpret(lead.slice(products, 0, 1), bits + w + L);
      const ofNormalized = lead.reinterpret(lead.slice(products, 1, 2), bits + w);
      return { handed: [], kept: { sum, mean, ofNormalized } };
    },
  });
  return { own, all: kept };
}

/** Fractional bits of P. */
function meanBitsOf(f: number): number {
  return Math.min(f + MEAN_GUARD, MOST_MEAN_BITS);
}

/**
 * The error at x (m,n), f + w + 1 fractional bits.
 * @param sums where statistics of the whole batch are
 */
export async function inputError(
  engine: Engine,
  norm: Normalized,
  delta: Value,
  sums: ErrorSums | undefined,
  batch: WholeBatch = UNCUT,
): Promise<Value> {
  const format = formats(engine, delta.shape[0], batch.part);
  const { shape } = norm.slope;
  const { handed } = await batch.once(engine, 'slopes', {
    terms: [],
    handed: [
      { shape, fractionBits: format.w, use: 'operand' },
      { shape, fractionBits: format.f + format.w + 1, use: 'added' },
    ],
    compute: async (lead) => ({ handed: await errorSlopes(lead, format, norm.roots!, sums!), kept: undefined }),
  });
  const [B, row] = handed;
  const [first, second] = await engine.all([
    (fork) => fork.mul(delta, norm.slope, { doubled: true }),
    (fork) => fork.mul(norm.centred, B, { doubled: true }),
  ]);
  return engine.addRow(engine.add(first, second), row);
}

/** −B with w fractional bits, opened, and −a·P with f + w + 1. */
async function errorSlopes(
  engine: Engine,
  { f, m, w }: Formats,
  roots: Roots,
  sums: ErrorSums,
): Promise<readonly [Value, Value]> {
  const drop = sums.mean.fractionBits - SLOPE_BITS;
  const meanBits = meanBitsOf(f);
  // Rows that leave with SLOPE_BITS, w and meanBits.
  const alike = (x: Value): Value => engine.reinterpret(x, sums.mean.fractionBits);
  const P = engine.scale(sums.sum, -BigInt(Math.round(2 ** (meanBits + drop - f) / m)));
  const rows = engine.concatRows([sums.mean, alike(engine.extend(roots.slope, drop)), alike(P)]);
  const { products } = await engine.truncateProducts(rows, drop, [
    [0, 1],
    [1, 2],
  ]);
  const aT = engine.reinterpret(engine.slice(products, 0, 1), SLOPE_BITS + w);
  const aP = engine.reinterpret(engine.slice(products, 1, 2), w + meanBits);
  return engine.all([
    async (fork) => {
      const r = fork.reinterpret(fork.extend(roots.root, w), aT.fractionBits);
      const pair = fork.concatRows([fork.scale(aT, -1n), r]);
      const { products: aTr } = await fork.truncateProducts(pair, w, [[0, 1]]);
      return fork.truncateOperand(fork.reinterpret(aTr, SLOPE_BITS + w), SLOPE_BITS);
    },
    (fork) => withBits(fork, aP, f + w + 1),
  ]);
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
