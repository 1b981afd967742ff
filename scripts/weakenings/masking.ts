/** The masks of what the workers open, in both suites. */
import { edit, VIEWS, type Weakening } from './weakening.ts';

const DEALT = 'src/protocols/direct/dealtTruncation.ts';
const DIRECT = 'src/protocols/direct/directRelu.ts';
const OPERAND = 'src/protocols/direct/truncateOperand.ts';
const BEAVER = 'src/protocols/paper/beaver.ts';
const ARGMAX = 'src/protocols/direct/argmax.ts';

const TOLD_R = edit(
  DEALT,
  "const S = z64.absorb(chunk.stream('P0', 'R').z64(to - from), chunk.stream('P1', 'R').z64(to - from));",
  "const S = change(chunk.stream('P0', 'R').z64(to - from), 0);\n  z64.accumulate(S, change(chunk.stream('P1', 'R').z64(to - from), 1));",
);
const CHANGE = 'function change(R: BigUint64Array, worker: 0 | 1): BigUint64Array';

/** R as `body` changes it, in truncations and comparisons, at the workers and at P2. */
function maskR(name: string, breaks: string, body: string): Weakening {
  const define = `export ${CHANGE} {\n  ${body}\n}\n\n/** P2: R of elements`;
  return {
    name,
    breaks,
    edits: [
      TOLD_R,
      edit(DEALT, '/** P2: R of elements', define),
      edit(
        DEALT,
        "return z64.accumulate(chunk.stream('P2', 'R').z64(z.length), z,",
        "return z64.accumulate(change(chunk.stream('P2', 'R').z64(z.length), chunk.worker), z,",
      ),
      edit(
        DIRECT,
        "import { helperMask } from './dealtTruncation.ts';",
        "import { change, helperMask } from './dealtTruncation.ts';",
      ),
      edit(
        DIRECT,
        "const masked = addTo(chunk.stream('P2', 'R').z64(n), from, to);",
        "const masked = addTo(change(chunk.stream('P2', 'R').z64(n), chunk.worker), from, to);",
      ),
    ],
    tests: [VIEWS],
    only: 'dealt truncation|truncation and products|the larger of two products, k = 33',
  };
}

const BEAVER_DRAWS = 'const U = await party.vector(share.length, (from, to) => drawn.z64(to - from));';
const HELPER_DRAWS = 'const shares = [U0, U1].map((drawn) => party.vector(count, (from, to) => drawn.z64(to - from)));';
const HELPER_SUMS = 'return party.vector(count, (from, to) => z64.absorb(U0.z64(to - from), U1.z64(to - from)));';

/** The mask of an operand, as `body` changes each worker's share of it. */
function maskU(name: string, breaks: string, body: string, only = 'element product|SelectShare|ComputeMSB'): Weakening {
  return {
    name,
    breaks,
    edits: [
      edit(
        BEAVER,
        '/** P0, P1: masks and opens a shared value. */',
        `function change(U: BigUint64Array, worker: 0 | 1): BigUint64Array {\n  ${body}\n}\n\n/** P0, P1: masks and opens a shared value. */`,
      ),
      edit(
        BEAVER,
        BEAVER_DRAWS,
        `const U = change(await party.vector(share.length, (from, to) => drawn.z64(to - from)), party.worker);`,
      ),
      edit(
        BEAVER,
        HELPER_DRAWS,
        'const shares = [U0, U1].map(async (drawn, i) => change(await party.vector(count, (from, to) => drawn.z64(to - from)), i as 0 | 1));',
      ),
      edit(
        BEAVER,
        HELPER_SUMS,
        'const of = (drawn: typeof U0, i: 0 | 1): Promise<BigUint64Array> => party.vector(count, (from, to) => drawn.z64(to - from)).then((U) => change(U, i));\n  return z64.accumulate(await of(U0, 0), await of(U1, 1));',
      ),
      edit(BEAVER, 'export function maskOf(', 'export async function maskOf('),
    ],
    tests: [VIEWS],
    only,
  };
}

const SOURCE_S = "const S = chunk.stream('P2', 'S').z64(to - from);";
const HELPER_S = "const masks = [chunk.stream('P0', 'S').z64(n), chunk.stream('P1', 'S').z64(n)] as const;";

function maskS(name: string, breaks: string, body: string): Weakening {
  return {
    name,
    breaks,
    edits: [
      edit(
        OPERAND,
        '/** Whether words split so:',
        `function change(S: BigUint64Array, worker: 0 | 1, bits: number): BigUint64Array {\n  ${body}\n}\n\n/** Whether words split so:`,
      ),
      edit(OPERAND, SOURCE_S, "const S = change(chunk.stream('P2', 'S').z64(to - from), chunk.worker, bits);"),
      edit(
        OPERAND,
        HELPER_S,
        "const masks = [change(chunk.stream('P0', 'S').z64(n), 0, bits), change(chunk.stream('P1', 'S').z64(n), 1, bits)] as const;",
      ),
    ],
    tests: [VIEWS],
    only: 'truncation into an operand',
  };
}

/** The masks of scores and of their losses (`argmax.ts`), as `body` changes each worker's share of them. */
function maskScores(mask: 'R' | 'r', name: string, breaks: string, body: string): Weakening {
  const [ofWorker, ofP2] =
    mask === 'R'
      ? (['rows * columns', []] as const)
      : ([
          'wordsOf(columns * rows)',
          ([0, 1] as const).map((i) =>
            edit(
              ARGMAX,
              `chunk.stream('P${i}', 'r').z64(wordsOf(columns * rows))`,
              `change(chunk.stream('P${i}', 'r').z64(wordsOf(columns * rows)), ${i})`,
            ),
          ),
        ] as const);
  return {
    name,
    breaks,
    edits: [
      edit(
        ARGMAX,
        '/** P2: e_r for every element',
        `function change(${mask}: BigUint64Array, worker: 0 | 1): BigUint64Array {\n  ${body}\n}\n\n/** P2: e_r for every element`,
      ),
      edit(
        ARGMAX,
        `chunk.stream('P2', '${mask}').z64(${ofWorker})`,
        `change(chunk.stream('P2', '${mask}').z64(${ofWorker}), chunk.worker)`,
      ),
      ...ofP2,
    ],
    tests: [VIEWS],
    only: 'unit vectors of rows’ maxima, k = 33',
  };
}

const SCORES = 'scores are opened';
const LOSSES = 'the workers see which class loses how often: with it the class itself';

const LOW = 'return S.map((s) => s & ((1n << BigInt(bits)) - 1n)) as BigUint64Array;';
const HIGH = 'return S.map((s) => (s >> BigInt(bits)) << BigInt(bits)) as BigUint64Array;';
const KNOWN = (worker: 0 | 1, mask: string): string => `return worker === ${worker} ? ${mask}.fill(0n) : ${mask};`;

export const MASKING: readonly Weakening[] = [
  maskR('R is zero', 'the workers open the values themselves', 'return R.fill(0n);'),
  maskR('R is known to P0', 'P1 sends its share in the clear', KNOWN(1, 'R')),
  maskR('R is known to P1', 'P0 sends its share in the clear', KNOWN(0, 'R')),
  maskR(
    'R has 32 random bits',
    'the upper half of every value is opened',
    'return R.map((r) => r & 0xffffffffn) as BigUint64Array;',
  ),
  maskR(
    'R has no lowest bit',
    'the lowest bit of every value is opened',
    'return R.map((r) => (r >> 1n) << 1n) as BigUint64Array;',
  ),
  maskR(
    'one R for two neighbours',
    'their difference is opened',
    'for (let i = 1; i < R.length; i += 2) R[i] = R[i - 1];\n  return R;',
  ),
  maskR('one R for a whole chunk', 'differences are opened', 'return R.fill(R[0]);'),
  maskU('the mask of an operand is zero', 'operands are opened', 'return U.fill(0n);'),
  maskU('the mask of an operand is known to P0', 'P1 sends its share in the clear', KNOWN(1, 'U')),
  maskU('the mask of an operand is known to P1', 'P0 sends its share in the clear', KNOWN(0, 'U')),
  maskU(
    'the mask of an operand is constant',
    'operands are opened to whoever has seen one run',
    'return U.fill(0x123456789abcdef1n);',
  ),
  maskU(
    'one mask for both halves of an operand',
    'their difference is opened, as γ and δ of ComputeMSB',
    'U.copyWithin(U.length / 2, 0, U.length / 2);\n  return U;',
  ),
  maskS('S of a truncated operand is zero', 'weights are opened', 'return S.fill(0n);'),
  maskS('S of a truncated operand is known to P0', 'P1 sends its share in the clear', KNOWN(1, 'S')),
  maskS('S of a truncated operand is known to P1', 'P0 sends its share in the clear', KNOWN(0, 'S')),
  maskS('S of a truncated operand has no high bits', 'weights are opened', LOW),
  maskS(
    'S of a truncated operand has no low bits',
    'the second opening shows the wrap, and the mask has no high bits',
    HIGH,
  ),
  maskScores('R', 'the mask of scores is zero', SCORES, 'return R.fill(0n);'),
  maskScores('R', 'the mask of scores is known to P0', 'P1 sends its share in the clear', KNOWN(1, 'R')),
  maskScores('R', 'the mask of scores is known to P1', 'P0 sends its share in the clear', KNOWN(0, 'R')),
  maskScores('R', 'one mask for all scores', 'differences of scores are opened', 'return R.fill(R[0]);'),
  maskScores('r', 'the mask of losses is zero', LOSSES, 'return r.fill(0n);'),
  maskScores('r', 'the mask of losses is known to P0', 'P1 sends its share in the clear', KNOWN(1, 'r')),
  maskScores('r', 'the mask of losses is known to P1', 'P0 sends its share in the clear', KNOWN(0, 'r')),
  maskScores(
    'r',
    'the mask of losses has no high bits',
    'what stands above it tells of the losses',
    'return r.map((word) => word & 0x0f0f0f0f0f0f0f0fn) as BigUint64Array;',
  ),
  maskScores(
    'r',
    'one mask for the losses of several rows',
    'differences of losses are opened',
    'return r.fill(r[0]);',
  ),
  {
    name: 'V of a select is zero',
    breaks: 'errors are opened on the way back',
    edits: [
      edit(
        DIRECT,
        "const masked = z64.accumulate(chunk.stream('P2', 'V').z64(n), share);",
        'const masked = share.slice();',
      ),
      edit(
        DIRECT,
        "const V = z64.absorb(chunk.stream('P0', 'V').z64(n), chunk.stream('P1', 'V').z64(n));",
        'const V = new BigUint64Array(n);',
      ),
    ],
    tests: [VIEWS],
    only: 'ReLU and select, k = 33',
  },
  {
    name: 'V of a select is known to P0',
    breaks: 'P1 sends its share of the error in the clear',
    edits: [
      edit(
        DIRECT,
        "const masked = z64.accumulate(chunk.stream('P2', 'V').z64(n), share);",
        "const masked = chunk.worker === 1 ? share.slice() : z64.accumulate(chunk.stream('P2', 'V').z64(n), share);",
      ),
      edit(
        DIRECT,
        "const V = z64.absorb(chunk.stream('P0', 'V').z64(n), chunk.stream('P1', 'V').z64(n));",
        "const V = chunk.stream('P0', 'V').z64(n);",
      ),
    ],
    tests: [VIEWS],
    only: 'ReLU and select, k = 33',
  },
  {
    name: 'an error’s left halves go under the mask of the whole',
    breaks: 'the workers see the right halves: two values under one mask',
    edits: [
      edit(
        'src/protocols/direct/treeRoute.ts',
        'place(mask, count, from, drawn.z64(to - from))',
        'place(mask, count, from, mask.slice(from, to))',
      ),
      edit(
        'src/protocols/direct/treeRoute.ts',
        'place(masks[j], count, from, drawn.z64(to - from))',
        'place(masks[j], count, from, masks[j].slice(from, to))',
      ),
    ],
    tests: [VIEWS],
    only: 'error down a tree',
  },
];
