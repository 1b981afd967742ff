/**
 * Local arithmetic of one party. Knows no protocol, no peer and no randomness: values in, values out. Implemented by `wasm/`
 * (AssemblyScript SIMD, worker pool). Every method may run its work on another thread; inputs must not change until it settles.
 *
 * Ring elements are little-endian u64 in a BigUint64Array; elements of Z_p are one byte each, always canonical (< p).
 */
import { windowCount } from '../src/ring/windows.ts';
import type { Scratch } from './scratch.ts';

/**
 * How values are compared: `digits` digits of `bits` bits, top digit first, each shared over Z_p as its thermometer code
 * (PROTOCOLS §1, PrivateCompare). p > digits.
 */
export interface DigitCode {
  readonly name: 'p17' | 'p31' | 'p67';
  readonly prime: 17 | 31 | 67;
  readonly digits: 16 | 30 | 64;
  readonly bits: 2 | 1;
}

/** Direct suite, windows up to k = 33: values below 2^32. */
export const P17: DigitCode = { name: 'p17', prime: 17, digits: 16, bits: 2 };
/** Direct suite, wide, windows up to k = 61: values below 2^60. */
export const P31: DigitCode = { name: 'p31', prime: 31, digits: 30, bits: 2 };
/** Paper suite: all 64 bits, single-bit digits (`g_1` is the bit). */
export const P67: DigitCode = { name: 'p67', prime: 67, digits: 64, bits: 1 };

/** Thermometer values dealt per comparison: digits · (2^bits − 1). */
export function codeLength(code: DigitCode): number {
  return code.digits * ((1 << code.bits) - 1);
}

export interface GemmJob {
  /** out (m,n) = Σ_terms op(a) · op(b) + addend over Z_{2^64}. */
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** a is stored (m,k), or (k,m) when transposeA. */
  readonly transposeA?: boolean;
  /** b is stored (k,n), or (n,k) when transposeB. */
  readonly transposeB?: boolean;
  /** One or two terms; two terms are one product of twice the inner dimension (fused Beaver product). */
  readonly terms: readonly { readonly a: BigUint64Array; readonly b: BigUint64Array }[];
  /** (m,n), added to the product. */
  readonly addend?: BigUint64Array;
}

/**
 * Sizes of a 2-D convolution (cross-correlation, the kernel is not mirrored). Tensors are channels-last: image (batch, height, width,
 * channels), filter (kernelHeight, kernelWidth, channels, filters), output (batch, outHeight, outWidth, filters). Zero padding on all
 * sides.
 */
export interface ConvShape {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly kernelHeight: number;
  readonly kernelWidth: number;
  readonly filters: number;
  readonly stride: number;
  readonly padding: number;
}

/** (height + 2·padding − kernelHeight) / stride rounded down, + 1; likewise the width. */
export function convOutput(shape: ConvShape): [height: number, width: number] {
  const { height, width, kernelHeight, kernelWidth, stride, padding } = shape;
  return [windowCount(height, kernelHeight, stride, padding), windowCount(width, kernelWidth, stride, padding)];
}

/** The convolution and its two adjoints. */
export type ConvMap = 'forward' | 'inputGradient' | 'weightGradient';

export interface ConvJob {
  readonly map: ConvMap;
  readonly shape: ConvShape;
  /**
   * One or two terms (fused Beaver product): out = Σ_terms x * y + addend over Z_{2^64}. forward: x image, y filter, out output;
   * inputGradient: x output error, y filter, out image; weightGradient: x image, y output error, out filter. Pixels that no window
   * reaches have gradient 0.
   */
  readonly terms: readonly { readonly x: BigUint64Array; readonly y: BigUint64Array }[];
  /** As out, added to it. */
  readonly addend?: BigUint64Array;
}

/** What the workers put into PrivateCompare, per comparison i of n. Arrays over Z_p are comparison-major. */
export interface CompareJob {
  readonly code: DigitCode;
  /** 0 for P0 (adds constants and +u), 1 for P1 (subtracts u). */
  readonly party: 0 | 1;
  /** false: tests X > Y. true: tests X ≥ Y. */
  readonly orEqual: boolean;
  /** This party's shares of the thermometer code of X: n · codeLength; per comparison all g_1 (top digit first), then all g_2, then all g_3. */
  readonly g: Uint8Array;
  /** The public Y, n values (only the low digits·bits bits are read). */
  readonly y: BigUint64Array;
  /** β, n bytes 0/1. */
  readonly beta: Uint8Array;
  /** Nonzero multipliers s, n·digits, in [1, p). */
  readonly s: Uint8Array;
  /** Refresh u, n·digits, in [0, p). */
  readonly u: Uint8Array;
  /** Rotation ρ, n bytes in [0, digits): output position j holds digit (j + ρ) mod digits. */
  readonly rho: Uint8Array;
}

/** A dealt truncation by `bits`, 1 … 61: what its mask R is dealt as (PROTOCOLS §1). Bits are packed (`src/ring/fields.ts`). */
export interface DealtShift {
  readonly bits: number;
  /** Share of R >> bits. */
  readonly shift: BigUint64Array;
  /** Share of R_63 over Z_{2^bits}. */
  readonly top: Uint8Array;
}

/** A worker's product of x with the bit t ⊕ q, t public to the workers (PROTOCOLS §3). All of n elements. */
export interface SelectJob {
  /** n bytes 0/1. */
  readonly t: Uint8Array;
  /** x + R; with a truncation, z + 2^62 + R for x = z / 2^bits. */
  readonly opened: BigUint64Array;
  /** Share of q. */
  readonly q: BigUint64Array;
  /** Share of q·R, with a truncation that of q·(R >> bits). */
  readonly qMask: BigUint64Array;
}

/** A worker's share of ShareConvert at its last step (PROTOCOLS §2, Alg. 4). All of n elements. */
export interface ConvertJob {
  readonly party: 0 | 1;
  /** Share over Z_{2^64}. */
  readonly a: BigUint64Array;
  /** The common mask and P0's share of it. */
  readonly r: BigUint64Array;
  readonly r0: BigUint64Array;
  /** Shares over Z_{2^64 − 1} of δ and η'. */
  readonly delta: BigUint64Array;
  readonly etaPrime: BigUint64Array;
  /** η'', n bytes 0/1. */
  readonly etaMask: Uint8Array;
}

/** P2's part: turns what one worker draws into what the other one is sent, in place. All of n elements. */
export interface DealJob {
  /** R. */
  readonly mask: BigUint64Array;
  /** Bits to shift by; 0 without a truncation. */
  readonly bits: number;
  /** q, n bytes 0/1; absent: all 1. */
  readonly keep?: Uint8Array;
  /** (2q − 1) in the place of q for `words`. */
  readonly signed?: boolean;
  /** ← q·(R >> bits) − words. */
  readonly words: BigUint64Array;
  /** ← q − bitWords. */
  readonly bitWords?: BigUint64Array;
  /** ← q·R_63 − top over Z_{2^bits}, packed. */
  readonly top?: Uint8Array;
}

/** P2's part of a truncation into an operand, by 8 … 56 bits (PROTOCOLS §1). All of n elements. */
export interface OperandDeal {
  readonly bits: number;
  /** The workers' shares of S. */
  readonly masks: readonly [BigUint64Array, BigUint64Array];
  /** What z lacks at the workers. */
  readonly part: BigUint64Array | undefined;
  /** ← U − words. */
  readonly words: BigUint64Array;
  /** ← r − fields, over Z_{2^bits}, packed. */
  readonly fields: Uint8Array;
}

/** What P2 counts of n codes whose digits have B = 2^bits values: sums over F of weights w and of values y, one a code (PROTOCOLS §10). */
export interface CodeCounts {
  /** For every two digits k < l, in order, and every two values a < b, in order: Σ w_i where one of v_k, v_l is a and the other b. */
  readonly pairs: Uint8Array;
  /** Σ w_i where v_k = a, at k·B + a. */
  readonly weights: Uint8Array;
  /** Σ y_i where v_k = a, at k·B + a. */
  readonly values: Uint8Array;
}

export interface Compute {
  readonly name: 'wasm' | 'webgpu';
  /** Arrays of bytes that this backend need not copy. */
  readonly scratch: Scratch;

  /** Matrix product over Z_{2^64}; returns (m,n). */
  gemm(job: GemmJob): Promise<BigUint64Array>;
  /** 2-D convolution over Z_{2^64}, or a gradient of one. */
  conv(job: ConvJob): Promise<BigUint64Array>;

  /** These values do not change any more: a backend may keep a copy where it computes, for products to come. */
  keep(values: BigUint64Array): void;

  /** P1's share of the thermometer code of x: g(x) − share0 mod p, in `out` if given. Layout as CompareJob.g. */
  thermometer(code: DigitCode, x: BigUint64Array, share0: Uint8Array, out?: Uint8Array): Promise<Uint8Array>;
  /** The masked, refreshed and rotated d of PrivateCompare for one worker: n·digits values of Z_p, in `out` if given. */
  compareShare(job: CompareJob, out?: Uint8Array): Promise<Uint8Array>;
  /** For each comparison: 1 when some d0 + d1 ≡ 0 mod p, else 0. n bytes. */
  compareTest(code: DigitCode, d0: Uint8Array, d1: Uint8Array): Promise<Uint8Array>;

  /** Z_p values (one byte each) to the wire: p=17 eight values in 33 bits (64 values in 33 bytes), p=31 5 bits, p=67 7 bits. Length packedLength(prime, n). */
  pack(prime: 17 | 31 | 67, values: Uint8Array): Uint8Array;
  /** Inverse of pack, in `out` if given; throws RangeError when the length does not fit count or a value is not below p. */
  unpack(prime: 17 | 31 | 67, packed: Uint8Array, count: number, out?: Uint8Array): Uint8Array;

  /**
   * Uniform samples of offset … offset + bound − 1 (in a byte, bound ≥ 16) from uniform bytes: a byte below the largest multiple of the
   * bound is taken mod the bound, any other dropped. Writes them to `out` from `at` (room for one sample a byte) and returns the new end.
   */
  sample(bound: number, offset: number, source: Uint8Array, out: Uint8Array, at: number): number;

  /** `count` uniform samples of 1…16 from the nibbles of ⌈count / 2⌉ uniform bytes, low nibble first, in `out` from `at`. */
  sampleNibbles(source: Uint8Array, count: number, out: Uint8Array, at: number): void;

  /** Local truncation (Alg. 11): P0 ⌊z/2^bits⌋ logical, P1 −⌊(−z)/2^bits⌋. */
  truncateLocal(party: 0 | 1, z: BigUint64Array, bits: number): BigUint64Array;
  /**
   * Step 2 of the dealt truncation: (c >> bits) − shift + top·(1 − c_63)·2^(64−bits) − 2^(62−bits), public terms only for P0. c is the opened
   * z + 2^62 + R. In `out` if given.
   */
  truncateDealt(party: 0 | 1, c: BigUint64Array, dealt: DealtShift, out?: BigUint64Array): BigUint64Array;
  /** Step 5 of ShareConvert: this worker's share over Z_{2^64 − 1}. */
  convertShare(job: ConvertJob): BigUint64Array;
  /** ⟨(t ⊕ q)·x⟩ from this worker's share of x. In `out` if given. */
  select(job: SelectJob, x: BigUint64Array, out?: BigUint64Array): BigUint64Array;
  /** ⟨x + y + (2(t ⊕ q) − 1)·(x − y)⟩ of what was opened as x − y, with the share of (2q − 1)·R as `qMask`. In `out` if given. */
  selectLarger(
    party: 0 | 1,
    job: SelectJob,
    x: BigUint64Array,
    y: BigUint64Array,
    out?: BigUint64Array,
  ): BigUint64Array;
  /** ⟨(t ⊕ q)·z / 2^bits⟩: truncation and product by one opening. `qTop`: share of q·R_63, as `dealt.top`. In `out` if given. */
  truncateSelect(
    party: 0 | 1,
    job: SelectJob,
    dealt: DealtShift,
    qTop: Uint8Array,
    out?: BigUint64Array,
  ): BigUint64Array;
  /** Writes into the arrays of the job. */
  deal(job: DealJob): void;
  /**
   * Truncation into an operand, by 8 … 56 bits (PROTOCOLS §1; `src/protocols/direct/truncateOperand.ts`). What is sent is packed: of n elements of w bits,
   * ⌈nw/8⌉ bytes. First this worker's part of c: the high 64 − bits bits of z + S, public terms only for P0.
   */
  operandMask(party: 0 | 1, bits: number, z: BigUint64Array, S: BigUint64Array): Uint8Array;
  /** c ← both parts of it; returns this worker's part of e, given its share of r. */
  operandLift(
    bits: number,
    S: BigUint64Array,
    r: Uint8Array,
    parts: readonly [Uint8Array, Uint8Array],
    c: BigUint64Array,
  ): Uint8Array;
  /** c ← E, from both parts of e. */
  operandOpen(bits: number, c: BigUint64Array, parts: readonly [Uint8Array, Uint8Array]): void;
  /** Writes into the arrays of the job what the other worker is sent. */
  operandDeal(job: OperandDeal): void;
  /**
   * What proves dealt codes (PROTOCOLS §10), over extensions F of Z_p; vectors are 16 bytes an element (`extension.ts`). Sums, element by element,
   * in `out` if given, which may be one of the two.
   */
  proofAdd(prime: 17 | 31 | 67, a: Uint8Array, b: Uint8Array, out?: Uint8Array): Uint8Array;
  /** Products, element by element. In `out` if given. */
  proofProducts(prime: 17 | 31 | 67, a: Uint8Array, b: Uint8Array, out?: Uint8Array): Uint8Array;
  /** Σ a_i · b_i. */
  proofInner(prime: 17 | 31 | 67, a: Uint8Array, b: Uint8Array): Uint8Array;
  /**
   * Sums of table entries over the bytes of each code, layout as CompareJob.g: f_i += Σ_j first[g_j][j], squares_i = Σ_j second[g_j][j]. A table has
   * codeLength elements for each value of Z_p.
   */
  proofFold(
    code: DigitCode,
    g: Uint8Array,
    tables: readonly [first: Uint8Array, second: Uint8Array],
    f: Uint8Array,
    squares: Uint8Array,
  ): void;
  /** P2: of x, one value a code (only its low digits·bits bits). */
  proofCount(code: DigitCode, x: BigUint64Array, w: Uint8Array, y: Uint8Array): CodeCounts;
  /** Σ_t coefficients[row][t] · vectors[t][c] for each row and column c: coefficients in Z_p, a byte each; `terms` of them a row, as many vectors. */
  proofSums(prime: 17 | 31 | 67, terms: number, coefficients: Uint8Array, vectors: Uint8Array): Uint8Array;
  /** wrap(a, b) = [a + b ≥ 2^64], one byte each. */
  wrap(a: BigUint64Array, b: BigUint64Array): Uint8Array;

  /** Nanoseconds that the GPU spent on a result this backend returned, where it measured them. Asked at most once a result. */
  gpuNanoseconds?(result: BigUint64Array | Uint8Array): number | undefined;

  /** Stops the workers; pending calls reject. */
  close(): Promise<void>;
}

/** A compute whose methods are properties of its own, so that a spread of it can replace some. */
export function ownMethods(compute: Compute): Compute {
  return {
    name: compute.name,
    scratch: compute.scratch,
    gemm: (...of) => compute.gemm(...of),
    conv: (...of) => compute.conv(...of),
    keep: (...of) => compute.keep(...of),
    thermometer: (...of) => compute.thermometer(...of),
    compareShare: (...of) => compute.compareShare(...of),
    compareTest: (...of) => compute.compareTest(...of),
    pack: (...of) => compute.pack(...of),
    unpack: (...of) => compute.unpack(...of),
    sample: (...of) => compute.sample(...of),
    sampleNibbles: (...of) => compute.sampleNibbles(...of),
    truncateLocal: (...of) => compute.truncateLocal(...of),
    truncateDealt: (...of) => compute.truncateDealt(...of),
    convertShare: (...of) => compute.convertShare(...of),
    select: (...of) => compute.select(...of),
    selectLarger: (...of) => compute.selectLarger(...of),
    truncateSelect: (...of) => compute.truncateSelect(...of),
    deal: (...of) => compute.deal(...of),
    operandMask: (...of) => compute.operandMask(...of),
    operandLift: (...of) => compute.operandLift(...of),
    operandOpen: (...of) => compute.operandOpen(...of),
    operandDeal: (...of) => compute.operandDeal(...of),
    proofAdd: (...of) => compute.proofAdd(...of),
    proofProducts: (...of) => compute.proofProducts(...of),
    proofInner: (...of) => compute.proofInner(...of),
    proofFold: (...of) => compute.proofFold(...of),
    proofCount: (...of) => compute.proofCount(...of),
    proofSums: (...of) => compute.proofSums(...of),
    wrap: (...of) => compute.wrap(...of),
    close: (...of) => compute.close(...of),
  };
}

/** Bytes that `count` packed values of Z_p take on the wire. */
export function packedLength(prime: 17 | 31 | 67, count: number): number {
  switch (prime) {
    case 17:
      return Math.ceil(count / 64) * 33;
    case 31:
      return Math.ceil((count * 5) / 8);
    case 67:
      return Math.ceil((count * 7) / 8);
  }
}
