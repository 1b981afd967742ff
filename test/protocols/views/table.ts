/**
 * Every protocol, as the test of views runs it: on VECTOR values in shares that are the same in every run, for P2 may have dealt all that they are
 * made of. One line each: what the workers do with their share of the values, what P2 does.
 */
import { type DigitCode, P17, P31, P67 } from '../../../runtime/compute.ts';
import {
  dealDigits,
  dealOdd,
  dealtDigits,
  dealtOdd,
  dealtZ64,
  dealZ64,
  tellBits,
  toldBits,
} from '../../../src/party/deal.ts';
import type { Party } from '../../../src/party/party.ts';
import * as argmax from '../../../src/protocols/direct/argmax.ts';
import * as conjunctions from '../../../src/protocols/direct/conjunctions.ts';
import * as dealtTruncation from '../../../src/protocols/direct/dealtTruncation.ts';
import * as directRelu from '../../../src/protocols/direct/directRelu.ts';
import { FunctionKeys } from '../../../src/protocols/direct/functionKeys.ts';
import * as larger from '../../../src/protocols/direct/larger.ts';
import * as largest from '../../../src/protocols/direct/largest.ts';
import * as largerRelu from '../../../src/protocols/direct/largerRelu.ts';
import * as leftOpen from '../../../src/protocols/direct/leftOpen.ts';
import * as treeRoute from '../../../src/protocols/direct/treeRoute.ts';
import * as truncateOperand from '../../../src/protocols/direct/truncateOperand.ts';
import * as truncateProducts from '../../../src/protocols/direct/truncateProducts.ts';
import * as truncateRelu from '../../../src/protocols/direct/truncateRelu.ts';
import * as beaver from '../../../src/protocols/paper/beaver.ts';
import {
  type BilinearMap,
  columnDots,
  convolution,
  elementwise,
  matmul,
} from '../../../src/protocols/paper/bilinear.ts';
import * as computeMsb from '../../../src/protocols/paper/computeMsb.ts';
import * as privateCompare from '../../../src/protocols/paper/privateCompare.ts';
import * as relu from '../../../src/protocols/paper/relu.ts';
import * as selectShare from '../../../src/protocols/paper/selectShare.ts';
import * as shareConvert from '../../../src/protocols/paper/shareConvert.ts';
import * as unitVectors from '../../../src/protocols/paper/unitVectors.ts';
import * as z64 from '../../../src/ring/z64.ts';
import { ring } from '../../reference.ts';

/** Values that a protocol is run on: as many as fill whole bytes and groups of packed elements. */
export const VECTOR = 8;

/** Two inputs, alike in their signs: what a comparison of one would tell, that of the other tells. */
export const INPUTS: readonly [BigUint64Array, BigUint64Array] = [
  ring([5n * 2n ** 16n, -3n * 2n ** 16n, 0n, 1n, -1n, 1000n * 2n ** 16n, 7n, -(2n ** 20n)]),
  ring([9n * 2n ** 16n, -2n, 1n, 2n ** 20n, -8n * 2n ** 16n, 1n, 2n ** 17n + 3n, -77n]),
];

export interface Protocol {
  readonly name: string;
  /** Over which Z_p it compares, if it does. */
  readonly code?: DigitCode;
  /** Fractional bits of its inputs beyond 16. */
  readonly scale?: number;
  /** Shares are over Z_{2^64 − 1}. */
  readonly odd?: boolean;
  readonly workers: (party: Party, share: BigUint64Array) => Promise<unknown>;
  readonly helper: (party: Party) => Promise<unknown>;
  /** Words that a worker makes of all that it sees: of the result of `workers`. They too must be uniform to it. */
  readonly made?: (result: unknown) => readonly BigUint64Array[];
  /** Functions of what a worker sees opened that the protocol goes on with. */
  readonly derived?: (opened: BigUint64Array) => BigUint64Array;
}

/** What P2 deals here, and its part of products: the same in every run. */
const DEALT = ring([0n, 1n, 2n ** 63n, 5n, -1n, 2n ** 32n, 77n, -(2n ** 40n)]);
const PUBLIC = ring([0n, 1n, 2n ** 31n, 5n, 2n ** 32n - 1n, 3n, 77n, 2n ** 30n]);

/** Of a product in three parts: P2's part is DEALT. */
function inThree(party: Party, share: BigUint64Array): BigUint64Array {
  return party.id === 0 ? z64.sub(share, DEALT) : share;
}

/** `steps` of a party, one after the other. */
async function workersBits(party: Party, count: number): Promise<directRelu.WorkerSign> {
  const signed = await party.under('bits', (child) => directRelu.workers(child, new BigUint64Array(count), 33));
  return signed.sign;
}

async function helperBits(party: Party, count: number): Promise<Uint8Array> {
  return party.under('bits', async (child) => {
    const q = await directRelu.helperBits(child, count);
    await directRelu.helper(child, q, 33);
    return q;
  });
}

/** Both operands are masked, multiplied, and P2's part is dealt; the product of x with another value uses the same mask of x. */
function product(name: string, map: BilinearMap, factor: 1 | 2, bias = false): Protocol {
  return {
    name,
    workers: async (party, share) => {
      const x = await beaver.workersMask(party.fork('x'), share);
      for (const second of ['y', 'z']) {
        const y = await beaver.workersMask(party.fork(second), share);
        const W = await beaver.workers(party, map, x, y, factor);
        if (bias) await beaver.addBias(party, W, share.subarray(0, map.shape[map.shape.length - 1]), 3);
        await beaver.dealtPart(party.fork(`${second}W`), W);
      }
    },
    helper: async (party) => {
      const U = await beaver.helperMask(party.fork('x'), VECTOR);
      for (const second of ['y', 'z']) {
        const V = await beaver.helperMask(party.fork(second), VECTOR);
        await beaver.dealPart(party.fork(`${second}W`), await beaver.helper(party, map, U, V, factor));
      }
    },
  };
}

/** A row is added to a value that is opened, and the sum enters products. */
const ROWS: Protocol = {
  name: 'products of a value with a row added',
  workers: async (party, share) => {
    const x = await beaver.workersMask(party.fork('x'), share);
    const row = await beaver.workersMask(party.fork('row'), share.subarray(0, VECTOR / 2));
    const sum = await beaver.plusRow(party, x, row);
    const maps = [elementwise([2, 4], [2, 4]), columnDots([2, 4], [2, 4], 1)];
    for (const map of maps) await beaver.dealtPart(party.fork(map.name), await beaver.workers(party, map, sum, x));
    const scaled = await beaver.workers(party, elementwise([2, 4], [1, 4]), sum, row);
    await beaver.dealtPart(party.fork('scaled'), scaled);
  },
  helper: async (party) => {
    const U = await beaver.helperMask(party.fork('x'), VECTOR);
    const V = await beaver.helperMask(party.fork('row'), VECTOR / 2);
    const sum = await beaver.helperPlusRow(party, U, V);
    const maps = [elementwise([2, 4], [2, 4]), columnDots([2, 4], [2, 4], 1)];
    for (const map of maps) await beaver.dealPart(party.fork(map.name), await beaver.helper(party, map, sum, U, 1));
    const scaled = await beaver.helper(party, elementwise([2, 4], [1, 4]), sum, V, 1);
    await beaver.dealPart(party.fork('scaled'), scaled);
  },
};

const IMAGE = {
  batch: 1,
  height: 2,
  width: 4,
  channels: 1,
  kernelHeight: 2,
  kernelWidth: 4,
  filters: 1,
  stride: 1,
  padding: 0,
};

const comparing = (code: DigitCode, orEqual: boolean): Protocol => ({
  name: `PrivateCompare over Z_${code.prime}, ${orEqual ? 'weak' : 'strict'}`,
  code,
  workers: async (party) => {
    const random = privateCompare.draw(party, code, VECTOR);
    const g = await dealtDigits(party, 'digits', code, VECTOR);
    await privateCompare.workers(party, { code, orEqual }, random, { g }, PUBLIC);
  },
  helper: async (party) => {
    await dealDigits(party, 'digits', code, DEALT);
    await privateCompare.helper(party, { code, orEqual }, VECTOR);
  },
});

const codeOf = (compareBits: number): DigitCode => (compareBits <= 33 ? P17 : P31);

/** Compared by functions, whose keys are short ones. */
const BY_FUNCTIONS: readonly Protocol[] = [
  {
    name: 'ReLU by comparison functions',
    workers: (party, share) => directRelu.workers(party, share, 9, 0, new FunctionKeys(party, VECTOR)),
    helper: async (party) => {
      const q = await directRelu.helperBits(party, VECTOR);
      await directRelu.helper(party, q, 9, 0, { functions: new FunctionKeys(party, VECTOR) });
    },
  },
  {
    name: 'truncate-and-ReLU by comparison functions',
    scale: 16,
    workers: (party, share) =>
      truncateRelu.workers(party, inThree(party, share), 54, 33, new FunctionKeys(party, VECTOR)),
    helper: async (party) => {
      const q = await directRelu.helperBits(party, VECTOR);
      await truncateRelu.helper(party, q, 54, 33, DEALT, new FunctionKeys(party, VECTOR));
    },
  },
];

const CONJUNCTIONS: conjunctions.Conjunctions = {
  columns: 4,
  sets: [
    [
      { row: 0, bit: 1 },
      { row: 1, bit: 0 },
    ],
    [
      { row: 1, bit: 1 },
      { row: 0, bit: 1 },
    ],
  ],
};

/** Of as many comparisons as fill whole bytes. */
const argmaxIn = (k: number): argmax.Argmax => ({ columns: 4, drop: 16, compareBits: k });

/** The direct suite's, in both windows. */
const inWindow = (k: number): Protocol[] => [
  {
    name: `ReLU and select, k = ${k}`,
    code: codeOf(k),
    workers: async (party, share) => {
      const { sign } = await directRelu.workers(party, share, k);
      await directRelu.workersSelect(party.fork('select'), sign, share);
    },
    helper: async (party) => {
      const q = await directRelu.helperBits(party, VECTOR);
      await directRelu.helper(party, q, k);
      await directRelu.helperSelect(party.fork('select'), q);
    },
  },
  {
    name: `ReLU of values with 2f fractional bits, k = ${k}`,
    code: codeOf(k),
    scale: 16,
    workers: (party, share) => directRelu.workers(party, share, k, 16),
    helper: async (party) => directRelu.helper(party, await directRelu.helperBits(party, VECTOR), k, 16),
  },
  {
    name: `the larger of two products, k = ${k}`,
    code: codeOf(k),
    scale: 16,
    workers: (party, share) => larger.workers(party, [inThree(party, share), z64.shiftLeft(share, 1)], k, 16),
    helper: async (party) => larger.helper(party, await directRelu.helperBits(party, VECTOR), k, 16, DEALT),
  },
  {
    name: `the larger of two values and zero, k = ${k}`,
    code: codeOf(k),
    scale: 16,
    workers: (party, share) => largerRelu.workers(party, [inThree(party, share), z64.shiftLeft(share, 1)], 16, k),
    helper: (party) => largerRelu.helper(party, VECTOR, 16, k, [DEALT, undefined]),
    derived: (c) => {
      const C = dealtTruncation.shiftedOpening(c, 16);
      return z64.shiftLeft(z64.sub(C.subarray(0, VECTOR), C.subarray(VECTOR)), 64 - Math.min(k, 47));
    },
  },
  {
    name: `unit vectors of rows’ maxima, k = ${k}`,
    code: codeOf(k),
    scale: 16,
    workers: (party, share) => argmax.workers(party, z64.concat(inThree(party, share), share), argmaxIn(k)),
    helper: (party) => argmax.helper(party, 4, argmaxIn(k), z64.concat(DEALT, new BigUint64Array(VECTOR))),
    derived: (c) => z64.shiftLeft(argmax.differences(c, argmaxIn(k)), 64 - Math.min(k, 48)),
  },
  {
    name: `the largest of three values, k = ${k}`,
    code: codeOf(k),
    scale: 16,
    workers: (party, share) =>
      largest.workers(party, [inThree(party, share), z64.shiftLeft(share, 1), z64.shiftLeft(share, 2)], k, 16),
    helper: (party) => largest.helper(party, VECTOR, k, 16, [DEALT, undefined]),
    derived: (c) => z64.shiftLeft(z64.sub(c.subarray(0, VECTOR), c.subarray(VECTOR)), 48 - Math.min(k, 48)),
  },
  {
    name: `truncate-and-ReLU with powers, k = ${k}`,
    code: codeOf(k),
    scale: 16,
    workers: (party, share) => truncateRelu.workers(party, inThree(party, share), 16, k, undefined, 3),
    made: (result) => (result as { powers: BigUint64Array[] }).powers,
    helper: async (party) =>
      truncateRelu.helper(party, await directRelu.helperBits(party, VECTOR), 16, k, DEALT, undefined, 3),
  },
  {
    name: `truncate-and-ReLU and truncate-and-select, k = ${k}`,
    code: codeOf(k),
    scale: 16,
    workers: async (party, share) => {
      const { sign } = await truncateRelu.workers(party, inThree(party, share), 16, k);
      await truncateRelu.workersSelect(party.fork('select'), sign, inThree(party, share), 16);
    },
    helper: async (party) => {
      const q = await directRelu.helperBits(party, VECTOR);
      await truncateRelu.helper(party, q, 16, k, DEALT);
      await truncateRelu.helperSelect(party.fork('select'), q, 16, DEALT);
    },
  },
];

const truncations: Protocol[] = [1, 13, 60].map((bits) => ({
  name: `dealt truncation by ${bits} bits`,
  scale: bits === 60 ? 0 : bits,
  workers: (party, share) => dealtTruncation.workersDealt(party, inThree(party, share), bits),
  helper: (party) => dealtTruncation.helperDealt(party, VECTOR, bits, DEALT),
}));

const operands: Protocol[] = [8, 27, 56].map((bits) => ({
  name: `truncation into an operand by ${bits} bits`,
  scale: 16,
  workers: (party, share) => truncateOperand.workers(party, inThree(party, share), bits),
  made: (result) => [(result as beaver.Masked).opened],
  helper: (party) => truncateOperand.helper(party, VECTOR, bits, DEALT),
}));

const PRODUCTS = {
  rows: 2,
  columns: VECTOR / 2,
  bits: 16,
  pairs: [
    [0, 0],
    [0, 1],
  ] as const,
};

const LEFT = { rows: 1, columns: VECTOR, bits: 16, pairs: [] };

export const PROTOCOLS: readonly Protocol[] = [
  {
    name: 'deal over Z_2^64',
    workers: (party) => dealtZ64(party, 'v', VECTOR),
    helper: (party) => dealZ64(party, 'v', DEALT.slice()),
  },
  {
    name: 'deal over Z_(2^64 − 1)',
    workers: (party) => dealtOdd(party, 'v', VECTOR),
    helper: (party) => dealOdd(party, 'v', DEALT.slice()),
  },
  ...[P17, P31, P67].map((code) => ({
    name: `deal digits over Z_${code.prime}`,
    code,
    workers: (party: Party) => dealtDigits(party, 'digits', code, VECTOR),
    helper: (party: Party) => dealDigits(party, 'digits', code, DEALT),
  })),
  {
    name: 'tell bits',
    workers: (party) => toldBits(party, 'v', VECTOR),
    helper: async (party) => tellBits(party, 'v', await directRelu.helperBits(party, VECTOR)),
  },
  product('element product', elementwise([VECTOR], [VECTOR]), 1),
  product('matrix product', matmul([2, 4], [4, 2], false, false), 1),
  product('twice the matrix product, with a bias', matmul([2, 4], [2, 4], false, true), 2, true),
  product('twice the convolution', convolution('forward', IMAGE, [1, 2, 4, 1], [2, 4, 1, 1]), 2),
  ROWS,
  {
    name: 'SelectShare',
    workers: async (party, share) => {
      const alpha = await beaver.workersMask(party.fork('alpha'), share);
      await selectShare.workers(party, alpha, share);
    },
    helper: async (party) => selectShare.helper(party, await beaver.maskOf(party.fork('alpha'), VECTOR)),
  },
  ...[P17, P31, P67].flatMap((code) => [comparing(code, false), comparing(code, true)]),
  {
    name: 'ShareConvert',
    code: P67,
    workers: shareConvert.workers,
    helper: (party) => shareConvert.helper(party, VECTOR),
  },
  {
    name: 'ComputeMSB',
    code: P67,
    odd: true,
    workers: computeMsb.workers,
    helper: (party) => computeMsb.helper(party, VECTOR),
  },
  {
    name: 'DReLU, ReLU and select, paper suite',
    code: P67,
    workers: async (party, share) => {
      const { alpha } = await relu.workers(party, share);
      await relu.workersSelect(party.fork('later'), alpha, share);
    },
    helper: async (party) => {
      const bits = relu.helperBits(party, VECTOR);
      await relu.helper(party, bits);
      await relu.helperSelect(party.fork('later'), bits);
    },
  },
  ...[3, 8].map((n) => ({
    name: `unit vectors of length ${n}`,
    workers: (party: Party, share: BigUint64Array) => unitVectors.workers(party, share, n),
    helper: (party: Party) => unitVectors.helper(party, VECTOR, n),
  })),
  ...truncations,
  ...operands,
  {
    name: 'truncation and products',
    scale: 16,
    workers: (party, share) => truncateProducts.workers(party, inThree(party, share), PRODUCTS),
    helper: (party) => truncateProducts.helper(party, PRODUCTS, DEALT),
  },
  {
    name: 'products of what truncations have left',
    scale: 16,
    workers: async (party, share) => {
      const { left } = await truncateProducts.workers(party, inThree(party, share), LEFT);
      const sums = leftOpen.sums(left, 2);
      const square = await leftOpen.workers(party.fork('square'), [sums, sums]);
      return [square, await leftOpen.workers(party.fork('scaled'), [left, leftOpen.repeated(sums, 2)])];
    },
    made: (result) => result as BigUint64Array[],
    helper: async (party) => {
      const left = await truncateProducts.helper(party, LEFT, DEALT);
      const sums = leftOpen.sums(left, 2);
      await leftOpen.helper(party.fork('square'), [sums, sums]);
      await leftOpen.helper(party.fork('scaled'), [left, leftOpen.repeated(sums, 2)]);
    },
  },
  ...BY_FUNCTIONS,
  {
    name: 'products of kept bits',
    code: P17,
    workers: async (party) => {
      const { t } = await workersBits(party, VECTOR);
      await conjunctions.workers(party, t, CONJUNCTIONS);
    },
    helper: async (party) => conjunctions.helper(party, await helperBits(party, VECTOR), CONJUNCTIONS),
  },
  ...inWindow(33),
  ...inWindow(61),
  {
    name: 'an error down a tree of maxima',
    code: P17,
    workers: async (party, share) => {
      const { t, q } = await workersBits(party, VECTOR);
      const level = (count: number): treeRoute.Branching<directRelu.WorkerSign> => ({
        count,
        bit: { t: t.subarray(0, count), q: q.subarray(0, count) },
      });
      const delta = await beaver.workersMask(party, share.subarray(0, VECTOR / 2));
      const { open } = await treeRoute.workers(party, [level(VECTOR / 2), level(VECTOR)], delta);
      await open(party.fork('open'));
    },
    helper: async (party) => {
      const q = await helperBits(party, VECTOR);
      const level = (count: number): treeRoute.Branching<Uint8Array> => ({ count, bit: q.subarray(0, count) });
      const U = beaver.helperMask(party, VECTOR / 2);
      const { mask, done } = treeRoute.helper(party, [level(VECTOR / 2), level(VECTOR)], U);
      await done;
      await mask(party.fork('open'));
    },
  },
];
