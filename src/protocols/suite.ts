/** The two comparison suites behind one interface: the direct suite (PROTOCOLS §3, default) and the paper's (§2). */
import * as argmax from './direct/argmax.ts';
import type * as beaver from './paper/beaver.ts';
import type { Cost } from '../party/cost.ts';
import * as direct from './direct/directRelu.ts';
import * as larger from './direct/larger.ts';
import * as largerRelu from './direct/largerRelu.ts';
import * as largest from './direct/largest.ts';
import { openCost } from '../party/open.ts';
import { recycle } from '../ring/pool.ts';
import type { Functions } from './direct/openedSign.ts';
import * as paper from './paper/relu.ts';
import type { Party, Security } from '../party/party.ts';
import type { Stage } from '../party/steps.ts';
import type { Branching, HelperRouted, Routed } from './direct/treeRoute.ts';
import * as treeRoute from './direct/treeRoute.ts';
import * as fused from './direct/truncateRelu.ts';

/** ReLU and the product with its kept bit. `WorkerBit` and `HelperBit` are what each role keeps of a comparison. */
export interface Suite<WorkerBit, HelperBit> {
  readonly name: 'direct' | 'paper';
  /** `drop`: bits of a that need not be compared. */
  relu(party: Party, a: BigUint64Array, drop: number): Promise<{ y: BigUint64Array; bit: WorkerBit }>;
  /** What P2 knows of the bits of `count` comparisons before they are made. */
  helperBits(party: Party, count: number): HelperBit | Promise<HelperBit>;
  helperRelu(party: Party, bits: HelperBit, drop: number): Promise<void>;
  select(party: Party, bit: WorkerBit, x: BigUint64Array): Promise<BigUint64Array>;
  helperSelect(party: Party, bit: HelperBit): Promise<void>;
  /** This worker's shares of the bits over Z_{2^64}. Local. */
  bits(party: Party, bit: WorkerBit): BigUint64Array;
  /** Nobody asks for the bits any more: gives this worker's back. Absent where they are small. */
  free?(bit: WorkerBit): void;
  /** Truncation, comparison and product with one opening; absent where the suite has no such protocol. */
  readonly fused?: FusedSuite<WorkerBit, HelperBit>;
  /** What a tree of maxima takes; absent where the suite has the paper's Maxpool. */
  readonly tree?: TreeSuite<WorkerBit, HelperBit>;
  /** Unit vectors of rows' maxima by all pairs of columns at once; absent where the suite has no such protocol. */
  readonly argmax?: ArgmaxSuite;
  reluCost(count: number, drop: number, chunk: number): Cost;
  selectCost(count: number): Cost;
  reluStages(drop: number, count: number): Stage[];
  selectStages(): Stage[];
}

/** With the dealt truncation. The helper's `part` is what z lacks at the workers (`dealtTruncation.ts`). */
export interface FusedSuite<WorkerBit, HelperBit> {
  /** `powers`: of y, 2 … `degree` (1), of a truncation by at most 32 bits. */
  relu(
    party: Party,
    z: BigUint64Array,
    bits: number,
    degree?: number,
  ): Promise<{ y: BigUint64Array; bit: WorkerBit; powers: BigUint64Array[] }>;
  helperRelu(party: Party, kept: HelperBit, bits: number, part?: BigUint64Array, degree?: number): Promise<void>;
  select(party: Party, bit: WorkerBit, z: BigUint64Array, bits: number): Promise<BigUint64Array>;
  helperSelect(party: Party, bit: HelperBit, bits: number, part?: BigUint64Array): Promise<void>;
  reluCost(count: number, bits: number, chunk: number, degree?: number): Cost;
  selectCost(count: number, bits: number, chunk: number): Cost;
  reluStages(bits: number, count: number, degree?: number): Stage[];
  selectStages(bits: number): Stage[];
}

/** Each party's parts of x and y → of 2·max(x, y) (`larger.ts`); of more values (`largest.ts`); an error down the tree (`treeRoute.ts`). */
export interface TreeSuite<WorkerBit, HelperBit> {
  larger(
    party: Party,
    values: readonly [BigUint64Array, BigUint64Array],
    drop: number,
  ): Promise<{ y: BigUint64Array; bit: WorkerBit }>;
  helperLarger(party: Party, bits: HelperBit, drop: number, part?: BigUint64Array): Promise<void>;
  /** A worker's parts of g values → of 2^(g−1)·max (`largest.ts`). */
  largest(party: Party, values: readonly BigUint64Array[], drop: number): Promise<BigUint64Array>;
  /** `parts`: of all values but the last, less that of the last. */
  helperLargest(
    party: Party,
    count: number,
    drop: number,
    parts: readonly (BigUint64Array | undefined)[],
  ): Promise<void>;
  largestCost(count: number, of: number, drop: number, chunk: number): Cost;
  largestStages(of: number, drop: number, count: number): Stage[];
  /** A worker's parts of two values → of max(x, y, 0), truncated (`largerRelu.ts`). */
  largerRelu(party: Party, values: readonly [BigUint64Array, BigUint64Array], bits: number): Promise<BigUint64Array>;
  helperLargerRelu(
    party: Party,
    count: number,
    bits: number,
    parts: readonly [BigUint64Array | undefined, BigUint64Array | undefined],
  ): Promise<void>;
  largerReluCost(count: number, bits: number, chunk: number): Cost;
  largerReluStages(bits: number, count: number): Stage[];
  route(party: Party, levels: readonly Branching<WorkerBit>[], delta: beaver.Masked): Promise<Routed>;
  helperRoute(party: Party, levels: readonly Branching<HelperBit>[], U: Promise<beaver.HelperMask>): HelperRouted;
}

/** Of x (rows, columns), of which `drop` bits are dropped (`direct/argmax.ts`). */
export interface ArgmaxSuite {
  workers(party: Party, x: BigUint64Array, columns: number, drop: number): Promise<BigUint64Array>;
  helper(party: Party, rows: number, columns: number, drop: number, part?: BigUint64Array): Promise<void>;
  cost(rows: number, columns: number, drop: number, chunk: number): Cost;
  stages(rows: number, columns: number, drop: number): Stage[];
}

/** Where comparison functions (`dcf.ts`) take the place of PrivateCompare: in operations on at most so many values. */
export interface FewByFunctions {
  readonly most: number;
  readonly functions: Functions;
}

/**
 * Values of an operation that are few: one chunk. A function takes 0.8 kB where digits take 50 bytes, and a round where they take two; so for these the
 * rounds count, and for more the bytes.
 */
export const FEW_VALUES = 16_384;

/** @param security what is declared of its costs; what is done is the party's */
function directSuite(
  compareBits: number,
  few?: FewByFunctions,
  security: Security = 'semi-honest',
): Suite<direct.WorkerSign, Uint8Array> {
  direct.codeFor(compareBits); // refuses a window no code holds
  const by = (count: number): Functions | undefined =>
    few !== undefined && count <= few.most ? few.functions : security === 'private' ? 'proved' : undefined;
  const ofRows = (rows: number, columns: number, drop: number): argmax.Argmax => ({
    ...{ columns, drop, compareBits },
    functions: by(rows * argmax.pairsOf(columns)),
  });
  return {
    name: 'direct',
    relu: async (party, a, drop) => {
      const { y, sign } = await direct.workers(party, a, compareBits, drop, by(a.length));
      return { y, bit: sign };
    },
    helperBits: direct.helperBits,
    helperRelu: (party, q, drop) => direct.helper(party, q, compareBits, drop, { functions: by(q.length) }),
    select: direct.workersSelect,
    helperSelect: direct.helperSelect,
    bits: direct.workersBits,
    free: ({ t, q }) => recycle(t, q),
    reluCost: (count, drop, chunk) => direct.cost(count, compareBits, drop, chunk, by(count)),
    selectCost: direct.selectCost,
    reluStages: (drop, count) => direct.stages(compareBits, drop, by(count)),
    selectStages: direct.selectStages,
    fused: {
      relu: async (party, z, bits, degree) => {
        const { y, sign, powers } = await fused.workers(party, z, bits, compareBits, by(z.length), degree);
        return { y, bit: sign, powers };
      },
      helperRelu: (party, q, bits, part, degree) =>
        fused.helper(party, q, bits, compareBits, part, by(q.length), degree),
      select: fused.workersSelect,
      helperSelect: fused.helperSelect,
      reluCost: (count, bits, chunk, degree) => fused.cost(count, bits, compareBits, chunk, by(count), degree),
      selectCost: fused.selectCost,
      reluStages: (bits, count, degree) => fused.stages(bits, compareBits, by(count), degree),
      selectStages: fused.selectStages,
    },
    tree: {
      larger: async (party, values, drop) => {
        const { y, sign } = await larger.workers(party, values, compareBits, drop, by(values[0].length));
        return { y, bit: sign };
      },
      helperLarger: (party, q, drop, part) => larger.helper(party, q, compareBits, drop, part, by(q.length)),
      largest: (party, values, drop) => largest.workers(party, values, compareBits, drop, by(values[0].length)),
      helperLargest: (party, count, drop, parts) => largest.helper(party, count, compareBits, drop, parts, by(count)),
      largestCost: (count, of, drop, chunk) => largest.cost(count, of, compareBits, drop, chunk, by(count)),
      largestStages: (of, drop, count) => largest.stages(of, compareBits, drop, by(count)),
      largerRelu: (party, values, bits) => largerRelu.workers(party, values, bits, compareBits, by(values[0].length)),
      helperLargerRelu: (party, count, bits, parts) =>
        largerRelu.helper(party, count, bits, compareBits, parts, by(count)),
      largerReluCost: (count, bits, chunk) => largerRelu.cost(count, bits, compareBits, chunk, by(count)),
      largerReluStages: (bits, count) => largerRelu.stages(bits, compareBits, by(count)),
      route: treeRoute.workers,
      helperRoute: treeRoute.helper,
    },
    argmax: {
      workers: (party, x, columns, drop) => argmax.workers(party, x, ofRows(x.length / columns, columns, drop)),
      helper: (party, rows, columns, drop, part) => argmax.helper(party, rows, ofRows(rows, columns, drop), part),
      cost: (rows, columns, drop, chunk) => argmax.cost(rows, ofRows(rows, columns, drop), chunk),
      stages: (rows, columns, drop) => argmax.stages(ofRows(rows, columns, drop)),
    },
  };
}

/** @param security as of `directSuite` */
function paperSuite(security: Security = 'semi-honest'): Suite<beaver.Masked, paper.HelperBits> {
  return {
    name: 'paper',
    relu: async (party, a) => {
      const { y, alpha } = await paper.workers(party, a);
      return { y, bit: alpha };
    },
    helperBits: paper.helperBits,
    helperRelu: paper.helper,
    select: paper.workersSelect,
    helperSelect: paper.helperSelect,
    bits: (_party, alpha) => alpha.share,
    reluCost: (count, _drop, chunk) => paper.cost(count, chunk, security),
    selectCost: (count) => ({ rounds: 1, bytes: openCost(count).bytes + 8 * count }),
    reluStages: () => paper.stages(security),
    selectStages: paper.selectStages,
  };
}

/** The suite that options name. @param security as of `directSuite`, as `few` */
export function suiteOf(
  { suite, compareBits }: { readonly suite: 'direct' | 'paper'; readonly compareBits: number },
  security: Security | undefined,
  few?: FewByFunctions,
): Suite<unknown, unknown> {
  return suite === 'direct' ? directSuite(compareBits, few, security) : paperSuite(security);
}
