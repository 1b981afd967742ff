/** What P2 deals, in both suites. */
import { edit, VIEWS, type Edit, type Weakening } from './weakening.ts';

const DEAL = 'src/party/deal.ts';
const DEALT = 'src/protocols/direct/dealtTruncation.ts';
const DIRECT = 'src/protocols/direct/directRelu.ts';
const OPERAND = 'src/protocols/direct/truncateOperand.ts';
const BEAVER = 'src/protocols/paper/beaver.ts';
const ARGMAX = 'src/protocols/direct/argmax.ts';

const P2_DEALS = 'const drawn = party.stream(party.drawer, purpose).z64(v.length);';
const DRAWER_HAS = "if (party.name === party.drawer) return party.stream('P2', purpose).z64(count);";

/** P2 sends v itself, and the other worker's share is 0: under one purpose. */
function dealtInClear(purpose: string, what: string, only: string, more: readonly Edit[] = []): Weakening {
  const test = `purpose === ${JSON.stringify(purpose)}`;
  return {
    name: `${what} dealt in the clear`,
    breaks: 'one worker knows what only P2 may know',
    edits: [
      edit(DEAL, P2_DEALS, `${P2_DEALS}\n  if (${test}) drawn.fill(0n);`),
      edit(
        DEAL,
        DRAWER_HAS,
        `if (party.name === party.drawer && ${test}) return new BigUint64Array(count);\n  ${DRAWER_HAS}`,
      ),
      ...more,
    ],
    tests: [VIEWS],
    only,
  };
}

/** Bits are packed in bytes; all else is words. */
function zero(part: string): string {
  return ['top', 'qTop', 'fields', 'r'].includes(part) ? '0' : '0n';
}

/** Of what P2 deals for a truncation, one part in the clear. */
function partInClear(part: string, what: string, only: string): Weakening {
  const clear = `.${part}.fill(${zero(part)});`;
  return {
    name: `${what} dealt in the clear`,
    breaks: 'one worker knows what only P2 may know of its mask, and so of what is opened',
    edits: [
      edit(
        DEALT,
        'const view = views(drawn, R.length, bits, what, more);',
        `const view = views(drawn, R.length, bits, what, more);\n  view${clear}`,
      ),
      edit(
        DEALT,
        'return views(await dealtZ64(party, PURPOSE, dealtWords(count, bits, what, more)), count, bits, what, more);',
        `const out = views(await dealtZ64(party, PURPOSE, dealtWords(count, bits, what, more)), count, bits, what, more);
  if (party.name === party.drawer) out${clear}
  return out;`,
      ),
    ],
    tests: [VIEWS],
    only,
  };
}

/** What P2 deals of a bit and a mask in one array: `range` of it in the clear. */
function selectedInClear(purpose: string, range: string, what: string, only: string): Weakening {
  const test = `purpose === ${JSON.stringify(purpose)}`;
  const drawn = 'const drawn = party.stream(party.drawer, purpose).z64(first + q.length);';
  return {
    name: `${what} dealt in the clear`,
    breaks: 'one worker knows P2’s bit or its mask, and so the sign or the value',
    edits: [
      edit(DIRECT, drawn, `${drawn}\n  if (${test}) drawn${range}.fill(0n);`),
      edit(
        DEAL,
        DRAWER_HAS,
        `if (party.name === party.drawer && ${test}) {
    const drawn = party.stream('P2', purpose).z64(count);
    drawn${range}.fill(0n);
    return drawn;
  }
  ${DRAWER_HAS}`,
      ),
    ],
    tests: [VIEWS],
    only,
  };
}

/** Of what P2 deals for the maxima of rows, one part in the clear. */
function unitsInClear(part: 'units' | 'q', what: string, breaks: string): Weakening {
  const zeros = part === 'q' ? '0' : '0n';
  return {
    name: `${what} dealt in the clear`,
    breaks,
    edits: [
      edit(
        ARGMAX,
        'const sent = viewsOf(drawn, rows, columns);',
        `const sent = viewsOf(drawn, rows, columns);\n  sent.${part}.fill(${zeros});`,
      ),
      edit(
        ARGMAX,
        'const one = chunk.worker === 0 ? 1 : 0;',
        `const one = chunk.worker === 0 ? 1 : 0;\n  if (chunk.name === chunk.drawer) ${part}.fill(${zeros});`,
      ),
    ],
    tests: [VIEWS],
    only: 'unit vectors of rows’ maxima, k = 33',
  };
}

const OPERAND_PART = (part: 'U' | 'r', what: string): Weakening => ({
  name: `${what} dealt in the clear`,
  breaks: 'one worker knows the mask of a weight, or whether it wraps',
  edits: [
    edit(
      OPERAND,
      'const { U: words, r: fields } = views(drawn, n, bits);',
      `const { U: words, r: fields } = views(drawn, n, bits);\n    ${part === 'U' ? 'words' : 'fields'}.fill(${zero(part)});`,
    ),
    edit(
      OPERAND,
      "return views(await dealtZ64(party, 'U', dealtWords(count, bits)), count, bits);",
      `const out = views(await dealtZ64(party, 'U', dealtWords(count, bits)), count, bits);\n  if (party.name === party.drawer) out.${part}.fill(${zero(part)});\n  return out;`,
    ),
  ],
  tests: [VIEWS],
  only: 'truncation into an operand',
});

export const DEALING: readonly Weakening[] = [
  dealtInClear('v', 'a vector over Z_2^64', 'deal over Z_2.64'),
  dealtInClear('r_0,Z', 'ComputeMSB’s r_0 and its part of a product', 'ComputeMSB'),
  dealtInClear("beta'", 'ComputeMSB’s β’', 'ComputeMSB'),
  dealtInClear('unit', 'a unit vector', 'unit vectors'),
  dealtInClear('q3', 'q_3 of the larger of two values and zero', 'larger of two values and zero'),
  {
    name: 'ShareConvert’s δ and η’ dealt in the clear',
    breaks: 'one worker learns the wrap of the masked shares, and the comparison under β',
    edits: [
      edit(
        DEAL,
        'const drawn = uniformOdd(party.stream(party.drawer, purpose), v.length);',
        'const drawn = new BigUint64Array(v.length);',
      ),
      edit(
        DEAL,
        "if (party.name === party.drawer) return uniformOdd(party.stream('P2', purpose), count);",
        'if (party.name === party.drawer) return new BigUint64Array(count);',
      ),
    ],
    tests: [VIEWS],
    only: 'Z_.2.64 − 1.|ShareConvert',
  },
  {
    name: 'the digits of P2’s number dealt in the clear',
    breaks: 'one worker reads R, and with c the value',
    edits: [
      edit(
        DEAL,
        'const drawn = party.stream(party.drawer, purpose).zp(code.prime, values, scratch.take(values));',
        'const drawn = scratch.take(values).fill(0);',
      ),
      edit(
        DEAL,
        "return party.stream('P2', purpose).zp(code.prime, values, party.scratch.take(values));",
        'return party.scratch.take(values).fill(0);',
      ),
    ],
    tests: [VIEWS],
    only: 'deal digits',
  },
  {
    name: 'the digits dealt under masks below p − 1',
    breaks: 'a share that is never p − 1 tells something of the digit',
    edits: [
      edit(
        DEAL,
        'const drawn = party.stream(party.drawer, purpose).zp(code.prime, values, scratch.take(values));',
        'const drawn = scratch.take(values);\n  drawn.set(party.stream(party.drawer, purpose).below(code.prime - 1, values));',
      ),
      edit(
        DEAL,
        "return party.stream('P2', purpose).zp(code.prime, values, party.scratch.take(values));",
        "{\n    const drawn = party.scratch.take(values);\n    drawn.set(party.stream('P2', purpose).below(code.prime - 1, values));\n    return drawn;\n  }",
      ),
    ],
    tests: [VIEWS],
    only: 'deal digits',
  },
  {
    name: 'one mask for the digits of all comparisons',
    breaks: 'differences of P2’s numbers show',
    edits: [
      edit(
        DEAL,
        'const drawn = party.stream(party.drawer, purpose).zp(code.prime, values, scratch.take(values));',
        'const drawn = party.stream(party.drawer, purpose).zp(code.prime, values, scratch.take(values));\n  const one = codeLength(code);\n  for (let at = one; at < values; at += one) drawn.copyWithin(at, 0, one);',
      ),
      edit(
        DEAL,
        "return party.stream('P2', purpose).zp(code.prime, values, party.scratch.take(values));",
        "{\n    const drawn = party.stream('P2', purpose).zp(code.prime, values, party.scratch.take(values));\n    const one = codeLength(code);\n    for (let at = one; at < values; at += one) drawn.copyWithin(at, 0, one);\n    return drawn;\n  }",
      ),
    ],
    tests: [VIEWS],
    only: 'deal digits',
  },
  {
    name: 'a draw of 2^64 − 1 taken for an element of Z_(2^64 − 1)',
    breaks: 'masks over the odd ring are not exactly uniform',
    edits: [
      edit(
        DEAL,
        'while (x[2 * i] === 0xffffffff && x[2 * i + 1] === 0xffffffff) out.set(stream.z64(1), i);',
        'if (x[2 * i] > 0xffffffff) out.set(stream.z64(1), i);',
      ),
    ],
    tests: ['test/party/deal.test.ts'],
  },
  partInClear('shift', 'R >> f', 'dealt truncation'),
  partInClear('top', 'R_63', 'dealt truncation'),
  partInClear('qShift', 'q·(R >> f)', 'truncate-and-ReLU and truncate-and-select, k = 33'),
  partInClear('qTop', 'q·R_63', 'truncate-and-ReLU and truncate-and-select, k = 33'),
  partInClear('q', 'q of a fused comparison', 'truncate-and-ReLU and truncate-and-select, k = 33'),
  partInClear('words', 'products of R >> f', 'truncation and products|truncations have left|with powers, k = 33'),
  partInClear('fields', 'wraps of products', 'truncation and products|truncations have left|with powers, k = 33'),
  selectedInClear('q,qR', '.subarray(0, drawn.length / 2)', 'q', 'ReLU and select, k = 33'),
  selectedInClear('q,qR', '.subarray(drawn.length / 2)', 'q·R', 'ReLU and select, k = 33'),
  selectedInClear('q,qR', '.subarray(drawn.length / 2)', 'the larger’s (2q − 1)·R', 'larger of two products, k = 61'),
  selectedInClear('qV', '', 'q·V', 'ReLU and select, k = 61'),
  selectedInClear('qU', '', 'q·U of an error down a tree', 'error down a tree'),
  unitsInClear('units', 'unit vectors of the masks of losses', 'one worker knows the mask of losses, and so the class'),
  unitsInClear('q', 'the bits of comparisons of scores', 'one worker knows P2’s bits, and so who is larger'),
  {
    name: 'P2’s part of a product dealt in the clear',
    breaks: 'one worker knows U * V',
    edits: [
      edit(
        BEAVER,
        "const drawn = party.stream('P2', 'Z');",
        'const drawn = { z64: (n: number) => new BigUint64Array(n) };',
      ),
      edit(
        BEAVER,
        "const drawn = party.stream(party.drawer, 'Z');",
        'const drawn = { z64: (n: number) => new BigUint64Array(n) };',
      ),
    ],
    tests: [VIEWS],
    only: 'element product|SelectShare|twice the matrix',
  },
  OPERAND_PART('U', 'the mask of a truncated operand'),
  OPERAND_PART('r', 'the wrap of a truncated operand'),
];
