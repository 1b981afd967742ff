/**
 * What a neural network may ask. `nn/` is written against this interface alone, so one training loop runs on shares (three
 * parties, `secure.ts`) and on clear ring values (`plain.ts`, the ideal twin).
 *
 * A Value is a tensor of fixed-point numbers over Z_{2^64}. It is immutable: an operand that enters several products is masked
 * and opened once and its opening reused (PROTOCOLS §1, "Masked operands").
 *
 * Operations of one engine run one after the other; operations that may overlap run under `all`, each on a fork of its own.
 */
import type { ConvMap, ConvShape } from '../../runtime/compute.ts';
import type { Border, Fill } from '../ring/pad.ts';
import type { Shape } from '../ring/shape.ts';
import type { WindowShape } from '../ring/windows.ts';

/** A number inside an engine: a share (worker), nothing but its shape (helper), or the clear value (plain). */
export interface Value {
  readonly shape: Shape;
  /** The value is the ring element, read as signed, over 2^fractionBits. */
  readonly fractionBits: number;
}

/** The bits [x ≥ 0] kept from a comparison, one per element, for use in backward passes. */
export interface Sign {
  readonly shape: Shape;
}

/** A level of a tree of maxima: `half` rows were compared with the `half` rows after them; the rows behind those waited. */
export interface Level {
  readonly sign: Sign;
  readonly half: number;
}

export interface MatmulOptions {
  /** x is stored (k,m). */
  readonly transposeX?: boolean;
  /** y is stored (n,k). */
  readonly transposeY?: boolean;
  /** A row of n numbers, of at most the product's fractional bits, that is added to every row of the product. */
  readonly bias?: Value;
}

export interface MulOptions {
  /** With dealt truncation one fractional bit more, as of `matmul`, for less work (`beaver.ts`). */
  readonly doubled?: boolean;
}

/** Begins a task on a fork of an engine that is still in use. */
export type Begin = (task: (fork: Engine) => Promise<void>) => void;

/** Samples from (inclusive) … to (exclusive) of a batch that is computed part by part. */
export interface BatchPart {
  readonly from: number;
  readonly to: number;
  /** Samples of the whole batch. */
  readonly of: number;
}

export interface Engine {
  /** Fractional bits of activations and weights. */
  readonly fractionBits: number;
  /** Which comparison protocols; decides between a tree and the paper's Maxpool. */
  readonly suite: 'direct' | 'paper';
  /** How products are brought back to fractionBits. Decides the working precision of approximations (PROTOCOLS §1). */
  readonly truncation: 'dealt' | 'local';

  /** Runs tasks that may overlap, each on a fork of this engine; they may not use this engine itself meanwhile. */
  all<T extends readonly unknown[]>(tasks: { readonly [K in keyof T]: (engine: Engine) => Promise<T[K]> }): Promise<T>;
  /**
   * Runs `body` on this engine itself. What it begins overlaps the rest, each task on a fork of its own; done when all is. However many steps
   * `body` has, paths stay short.
   */
  overlapping<T>(body: (begin: Begin) => Promise<T>): Promise<T>;
  /** A fork with a path of its own: `step/12`. Every address below it is unique while the label is (among its siblings). */
  scope<T>(label: string, task: (engine: Engine) => Promise<T>): Promise<T>;

  /**
   * Runs a task on some samples of a batch. The plain engine rounds a sample as it would in the whole batch: values of the task have a number of
   * elements for each sample, sample after sample (rows of `truncateProducts` each). Several may run side by side on one engine.
   */
  part<T>(samples: BatchPart, task: (engine: Engine) => Promise<T>): Promise<T>;
  /** Runs a task that concerns the whole batch, within a part or not. */
  together<T>(task: (engine: Engine) => Promise<T>): Promise<T>;
  /**
   * Runs a task that concerns the whole batch at an address that does not say who came to it, or when: under `label` below that of `place`, which
   * may be in use. It comes after what this engine has done.
   */
  under<T>(place: Engine, label: string, task: (engine: Engine) => Promise<T>): Promise<T>;
  /** What this engine does next comes after what the other one has done. */
  follow(other: Engine): void;

  /** A public tensor, rounded to nearest in `fractionBits` (default: the engine's). */
  constant(shape: Shape, values: ArrayLike<number>, fractionBits?: number): Value;
  /** Rows of a data set (first dimension): an operand of products that is open already (PROTOCOLS §1, "Owners' inputs"). */
  rows(dataset: Value, indices: readonly number[]): Value;

  /**
   * x, for products that come later and nothing else: `matmul`, `conv`, `columnDots` and doubled `mul`. What is held of x for all else goes
   * with x itself. A layer keeps for its way back what it needs of its input so.
   */
  operand(x: Value): Promise<Value>;
  /** (m,k) x (k,n) → (m,n); fractional bits add up, and with dealt truncation there is one more (`beaver.ts`). */
  matmul(x: Value, y: Value, options?: MatmulOptions): Promise<Value>;
  /** A convolution or one of its gradients; operands and result as `ConvMap` says, fractional bits as of `matmul`. `bias` has a number a channel. */
  conv(map: ConvMap, shape: ConvShape, x: Value, y: Value, bias?: Value): Promise<Value>;
  /**
   * Element product, whose fractional bits add up; y may also be a column (m,1) or a row (1,n) against x (m,n), and is then repeated. In no round where
   * both were left by `truncateProducts` of the same bits, or are slices of such values or sums over their columns, and y is no row.
   */
  mul(x: Value, y: Value, options?: MulOptions): Promise<Value>;
  /**
   * Dot products of the columns of x (m,n) with those of y (m,n), with fractional bits as of `matmul`, in parts that may be truncated before they
   * are added: row i counts in part i modulo `parts` (1) → (parts,n).
   */
  columnDots(x: Value, y: Value, parts?: number): Promise<Value>;
  /** Drops `bits` fractional bits, rounding stochastically to ±1 ulp. */
  truncate(x: Value, bits: number): Promise<Value>;
  /**
   * `truncate`, with dealt truncation to ±1.5 ulp, of a value that enters products next: its mask comes open, at less than half of what opening
   * it costs.
   */
  truncateOperand(x: Value, bits: number): Promise<Value>;
  /**
   * `truncate` of the rows of x (n,m) by at most 32 bits, and products of pairs of them, element by element (pairs,m), of twice the
   * fractional bits: with dealt truncation in the one round that the truncation takes. Without pairs: for `mul` later.
   */
  truncateProducts(
    x: Value,
    bits: number,
    pairs: readonly (readonly [i: number, j: number])[],
  ): Promise<{ readonly y: Value; readonly products: Value }>;
  /**
   * max(x, 0), and the sign bits for the backward pass. |x| must lie inside the comparison window. Of an x with more fractional bits than
   * the engine's, the direct suite compares what is left without them: the sign is right unless −2^-fractionBits < x < 0.
   */
  relu(x: Value): Promise<{ readonly y: Value; readonly sign: Sign }>;
  /**
   * max(x, y) with one fractional bit more than they have, and the bits [x ≥ y], both as right as those of `relu(x − y)`: doubled, the maximum
   * of products is had without what a share of x − y costs.
   */
  larger(x: Value, y: Value): Promise<{ readonly y: Value; readonly sign: Sign }>;
  /**
   * The largest of g values, with g − 1 fractional bits more than they have, without sign bits: as right as that of a tree of `larger`. With the
   * direct suite in the rounds of one ReLU, for 235 bytes of three and 581 of four where a tree sends 147 and 220. For few values.
   */
  largest(values: readonly Value[]): Promise<Value>;
  /**
   * `truncateRelu` of max(x, y), without sign bits: with dealt truncation and the direct suite in the rounds of one ReLU, for half as many bytes
   * again as `larger` and a ReLU send. For few values.
   */
  largerRelu(x: Value, y: Value, bits: number): Promise<Value>;
  /** An error (1,m) at the root of a tree of maxima, whose levels come from the leaves up → (n,m) at its leaves. */
  route(levels: readonly Level[], delta: Value): Promise<Value>;
  /** x where the kept bit is 1, else 0. */
  select(sign: Sign, x: Value): Promise<Value>;

  /**
   * Unit vectors of each row's maximum of x (m,n), 2 ≤ n ≤ 16, ties to the left, in four rounds. Of an x with more fractional bits than the
   * engine's those of x truncated are compared. Absent where the suite has no such protocol. Differences must lie inside the comparison window.
   */
  readonly argmax?: ((x: Value) => Promise<Value>) | undefined;
  /** Unit vectors (m,n) of secret indices (m), integers in [0, n). */
  unitVectors(index: Value, n: number): Promise<Value>;

  /** `relu` of `truncate`: a linear layer with its activation, in one opening where the suite has it. */
  truncateRelu(x: Value, bits: number): Promise<{ readonly y: Value; readonly sign: Sign }>;
  /**
   * y, y², … y^degree for the y of `truncateRelu` (of `relu`, where bits is 0), whose fractional bits add up. Of a truncation by at most 32 bits the
   * powers take no round where the suite has it in one opening.
   */
  reluPowers(x: Value, bits: number, degree: number): Promise<readonly Value[]>;
  /** `select` of `truncate`: the same on the way back. */
  truncateSelect(sign: Sign, x: Value, bits: number): Promise<Value>;

  // Local operations: no message.
  /** The kept bits as integers 0/1: the comparison's answer itself. */
  bits(sign: Sign): Value;
  add(x: Value, y: Value): Value;
  sub(x: Value, y: Value): Value;
  /** Subtracts a column (m,1) from every column of x (m,n). */
  subColumn(x: Value, column: Value): Value;
  /** Adds a row (1,n) to every row of x (m,n). As an operand of products the sum is opened by the openings of the two. */
  addRow(x: Value, row: Value): Value;
  /** x where the public byte is 1, else 0. */
  keep(x: Value, kept: Uint8Array): Value;
  /** x plus a public number, rounded to nearest in x's fractional bits. */
  addPublic(x: Value, number: number): Value;
  /** x times a public integer. */
  scale(x: Value, integer: bigint): Value;
  /**
   * Σ factor · x with public integers, read with `fractionBits`: the factor of an x with g fractional bits counts as factor · 2^(g − fractionBits).
   */
  combine(terms: readonly (readonly [factor: bigint, x: Value])[], fractionBits: number): Value;
  /** The same numbers with `bits` more fractional bits (a left shift). */
  extend(x: Value, bits: number): Value;
  /** The same ring elements read with other fractional bits: x · 2^(from − to), no arithmetic. */
  reinterpret(x: Value, fractionBits: number): Value;
  /** Sum over rows: (m,n) → (1,n). */
  sumRows(x: Value): Value;
  /** Sum over columns: (m,n) → (m,1). */
  sumColumns(x: Value): Value;
  /** Every `step`-th column from (inclusive) … to (exclusive) of x (m,n). */
  columns(x: Value, from: number, to: number, step?: number): Value;
  /** Rows from (inclusive) … to (exclusive), over the first dimension. */
  slice(x: Value, from: number, to: number): Value;
  /** Every window's elements, plane by plane: (batch, height, width, channels) → (window size, batch · outputs · channels). */
  windows(x: Value, shape: WindowShape): Promise<Value>;
  /** The transpose of `windows`: planes added up where windows overlap, zero where no window lies. */
  overlay(planes: Value, shape: WindowShape): Promise<Value>;
  /** Images (batch, height, width, channels) with a border. As operands of products they are opened by the opening of x. */
  pad(x: Value, border: Border, fill: Fill): Value;
  /** The transpose of `pad`: to images of this shape. */
  unpad(x: Value, shape: Shape, border: Border, fill: Fill): Value;
  /** Every element times a public integer of its own. */
  weigh(x: Value, integers: BigUint64Array): Value;
  /** Values with equal rows side by side: (m,n_1), (m,n_2) … → (m, Σn). */
  concatColumns(parts: readonly Value[]): Value;
  /** Values with equal trailing dimensions one below the other. */
  concatRows(parts: readonly Value[]): Value;
  reshape(x: Value, shape: Shape): Value;
  /** Its elements in runs of these shapes, one after the other. What was opened is in pieces that are. */
  split(x: Value, shapes: readonly Shape[]): Value[];
  /** What `split` was given; as an operand of products it is opened by the openings of the pieces. */
  join(pieces: readonly Value[], shape: Shape): Value;
  /** (m,n) → (n,m). */
  transpose(x: Value): Value;

  /**
   * The value, in two shares and under a mask addressed by `name` on the present path, if it is not opened yet: what follows no longer depends
   * on how the value came about, so a run that goes on from stored shares and openings draws the same random values (`nn/train.ts`).
   */
  carry(name: string, x: Value): Promise<Value>;

  /**
   * Nobody reads x any more, nor a value with the same elements (`reshape`, `slice`, …): a party gives its memory back, but for what `operand` was
   * given of it. Of an operand: no product takes it any more. Of a sign: nobody asks for its bits.
   */
  free(x: Value | Sign): void;

  /** Hands the value to the owner of the job: each worker sends its share; the servers learn nothing. */
  reveal(name: string, x: Value): Promise<void>;
  /** Resolves when everything issued so far has left this party (the helper runs ahead of the workers). */
  settle(): Promise<void>;
}
