/** PrivateCompare, in TypeScript and in the kernels, what both suites build on it, and P2's bits. */
import { edit, VIEWS, type Weakening } from './weakening.ts';

const COMPARE = 'src/protocols/paper/privateCompare.ts';
const CONVERT = 'src/protocols/paper/shareConvert.ts';
const MSB = 'src/protocols/paper/computeMsb.ts';
const UNIT = 'src/protocols/paper/unitVectors.ts';
const DIRECT = 'src/protocols/direct/directRelu.ts';
const LARGEST = 'src/protocols/direct/largest.ts';
const KERNEL = 'runtime/wasm/assembly/compareShare.ts';

const PRIMES = 'PrivateCompare over Z_';

/** Changes what the workers draw, for comparisons over every field. */
function drawn(name: string, breaks: string, change: string): Weakening {
  return {
    name,
    breaks,
    edits: [
      edit(COMPARE, '  return {\n    beta: party', '  const drawn = {\n    beta: party'),
      edit(
        COMPARE,
        "rho: party.stream(party.peer, 'rho').below(code.digits, count),\n  };",
        `rho: party.stream(party.peer, 'rho').below(code.digits, count),\n  };\n  ${change}\n  return drawn;`,
      ),
    ],
    tests: [VIEWS],
    only: `${PRIMES}17, strict`,
  };
}

/** The same over one field alone. */
function over(prime: 17 | 31 | 67, name: string, breaks: string, change: string): Weakening {
  const all = drawn(`${name}, over Z_${prime} alone`, breaks, `if (code.prime === ${prime}) ${change}`);
  return { ...all, only: `${PRIMES}${prime}, strict` };
}

const REFRESH = 'P2 finds β and Y in milliseconds: it dealt the digits';
const ROTATION = 'the place of the zero tells where X and Y differ first';

function kernel(prime: 17 | 31 | 67, name: string, breaks: string, find: string, replace: string): Weakening {
  return {
    name: `the kernel over Z_${prime} ${name}`,
    breaks,
    edits: [edit(KERNEL, find, replace)],
    tests: [VIEWS],
    only: `${PRIMES}${prime}, strict`,
  };
}

/** Of the three places that look alike, the last but `after` … is found by what stands before it. */
const D17 = 'const d = add(mul17(v128.load(s), c), refresh(u, isP1, p), p);';
const D67 = 'const d = add(mul67(v128.load(s), c), refresh(u, isP1, p), p);';
const D31 = 'return add(mul31(v128.load(s), c), refresh(u, isP1, p), p);';

const SELF_R = "const r = party.stream(party.peer, 'r').z64(n);";
const SELF_R0 = "const r0 = party.stream(party.peer, 'r0').z64(n);";
const MSB_R = "const r = uniformOdd(party.stream('P2', 'r'), n);";
const MSB_HELPER =
  "const r = odd.accumulate(uniformOdd(party.stream('P0', 'r'), count), uniformOdd(party.stream('P1', 'r'), count));";
const UNIT_R = "const r = chunk.stream(chunk.peer, 'r').z64(count);";
const UNIT_U = "const u = chunk.stream(chunk.peer, 'u').z64(count);";
const Q = 'await party.slices(count, (from, to) => q.set(xorInto(q0.bits(to - from), q1.bits(to - from)), from));';

function convert(name: string, breaks: string, find: string, replace: string): Weakening {
  return {
    name: `ShareConvert’s ${name}`,
    breaks,
    edits: [edit(CONVERT, find, replace)],
    tests: [VIEWS],
    only: 'ShareConvert',
  };
}

function unit(name: string, breaks: string, find: string, replace: string): Weakening {
  return {
    name: `the index of a unit vector: ${name}`,
    breaks,
    edits: [edit(UNIT, find, replace)],
    tests: [VIEWS],
    only: 'unit vectors of length 3',
  };
}

function bitsOfP2(name: string, breaks: string, replace: string, only: string): Weakening {
  return { name, breaks, edits: [edit(DIRECT, Q, replace)], tests: [VIEWS], only };
}

export const COMPARING: readonly Weakening[] = [
  drawn('β is zero', 'P2 learns the comparison', 'drawn.beta.fill(0);'),
  drawn('one β for all comparisons', 'P2 learns which comparisons agree', 'drawn.beta.fill(drawn.beta[0]);'),
  drawn('s is 1', 'P2 learns c, how many digits differ', 'drawn.s.fill(1);'),
  drawn(
    'one s for a whole comparison',
    'P2 learns ratios of c',
    'drawn.s.forEach((_, i) => (drawn.s[i] = drawn.s[i - (i % code.digits)]));',
  ),
  drawn(
    'one s for all comparisons',
    'P2 learns ratios of c between comparisons',
    'drawn.s.copyWithin(code.digits, 0, code.digits);',
  ),
  drawn('s is below p / 2', 'products are not uniform', 'drawn.s.forEach((s, i) => (drawn.s[i] = Math.ceil(s / 2)));'),
  drawn('u is zero', REFRESH, 'drawn.u.fill(0);'),
  drawn('u is s: two uses of one draw', REFRESH, 'drawn.u.set(drawn.s);'),
  drawn(
    'one u for a whole comparison',
    REFRESH,
    'drawn.u.forEach((_, i) => (drawn.u[i] = drawn.u[i - (i % code.digits)]));',
  ),
  drawn('one u for two comparisons', REFRESH, 'drawn.u.copyWithin(code.digits, 0, code.digits);'),
  drawn(
    'u is never p − 1',
    'shares of d are not uniform',
    'drawn.u.forEach((u, i) => (drawn.u[i] = u % (code.prime - 1)));',
  ),
  drawn(
    'u is zero in every other comparison',
    REFRESH,
    'drawn.u.forEach((_, i) => { if (Math.floor(i / code.digits) % 2) drawn.u[i] = 0; });',
  ),
  drawn('the rotation is away', ROTATION, 'drawn.rho.fill(0);'),
  drawn('one rotation for all comparisons', ROTATION, 'drawn.rho.fill(drawn.rho[0]);'),
  drawn(
    'the rotation is by less than half a turn',
    ROTATION,
    'drawn.rho.forEach((rho, i) => (drawn.rho[i] = rho >> 1));',
  ),
  over(31, 'u is zero', REFRESH, 'drawn.u.fill(0);'),
  over(67, 'u is zero', REFRESH, 'drawn.u.fill(0);'),
  over(31, 'the rotation is away', ROTATION, 'drawn.rho.fill(0);'),
  over(67, 'the rotation is away', ROTATION, 'drawn.rho.fill(0);'),
  over(31, 's is 1', 'P2 learns c', 'drawn.s.fill(1);'),
  over(67, 's is 1', 'P2 learns c', 'drawn.s.fill(1);'),
  over(67, 'β is zero', 'P2 learns the comparison', 'drawn.beta.fill(0);'),
  {
    name: 's may be zero',
    breaks: 'zeros appear that no test has made',
    edits: [
      edit(
        COMPARE,
        '.zpStar(code.prime, values, scratch.take(values))',
        '.zp(code.prime, values, scratch.take(values))',
      ),
    ],
    tests: [VIEWS, 'test/protocols/comparison.test.ts'],
    only: `${PRIMES}17, strict|PrivateCompare`,
  },
  kernel(17, 'has no refresh', REFRESH, D17, 'const d = mul17(v128.load(s), c);'),
  kernel(31, 'has no refresh', REFRESH, D31, 'return mul31(v128.load(s), c);'),
  kernel(67, 'has no refresh', REFRESH, D67, 'const d = mul67(v128.load(s), c);'),
  kernel(17, 'has no multiplier', 'P2 learns c', D17, 'const d = add(c, refresh(u, isP1, p), p);'),
  kernel(31, 'has no multiplier', 'P2 learns c', D31, 'return add(c, refresh(u, isP1, p), p);'),
  kernel(67, 'has no multiplier', 'P2 learns c', D67, 'const d = add(c, refresh(u, isP1, p), p);'),
  kernel(17, 'does not rotate', ROTATION, 'v128.store(out, i8x16.swizzle(d, turn));', 'v128.store(out, d);'),
  kernel(
    31,
    'does not rotate',
    ROTATION,
    'const from = row + load<u8>(rho + i);\n      v128.store(out, v128.load(from));\n      v128.store(out, v128.load(from, 16), 16);\n      row += 64;',
    'const from = row;\n      v128.store(out, v128.load(from));\n      v128.store(out, v128.load(from, 16), 16);\n      row += 64;',
  ),
  kernel(
    67,
    'does not rotate',
    ROTATION,
    'const from = row + load<u8>(rho + i);\n      v128.store(out, v128.load(from));\n      v128.store(out, v128.load(from, 16), 16);\n      v128.store(out, v128.load(from, 32), 32);',
    'const from = row;\n      v128.store(out, v128.load(from));\n      v128.store(out, v128.load(from, 16), 16);\n      v128.store(out, v128.load(from, 32), 32);',
  ),
  kernel(
    31,
    'rotates a block of comparisons alike',
    ROTATION,
    'const from = row + load<u8>(rho + i);\n      v128.store(out, v128.load(from));\n      v128.store(out, v128.load(from, 16), 16);\n      row += 64;',
    'const from = row + load<u8>(rho + start);\n      v128.store(out, v128.load(from));\n      v128.store(out, v128.load(from, 16), 16);\n      row += 64;',
  ),
  kernel(
    17,
    'refreshes half of the digits',
    REFRESH,
    D17,
    'const d = add(mul17(v128.load(s), c), v128.and(refresh(u, isP1, p), i64x2(0, -1)), p);',
  ),

  convert('r is zero', 'P2 sees the value', SELF_R, `${SELF_R}\n  r.fill(0n);`),
  convert('r_0 is zero', 'P2 sees P0’s share, of which it may know the rest', SELF_R0, `${SELF_R0}\n  r0.fill(0n);`),
  convert('r_0 is r: two uses of one draw', 'P2 sees P1’s share', SELF_R0, 'const r0 = r.slice();'),
  convert(
    'r has no lowest bit',
    'P2 sees the value’s lowest bit',
    SELF_R,
    `${SELF_R}\n  r.forEach((word, i) => (r[i] = (word >> 1n) << 1n));`,
  ),
  convert(
    'r is below 2^63',
    'P2 sees something of the top bit',
    SELF_R,
    `${SELF_R}\n  r.forEach((word, i) => (r[i] = word >> 1n));`,
  ),
  {
    name: 'ComputeMSB’s r is zero',
    breaks: 'the workers open 2a',
    edits: [
      edit(MSB, MSB_R, 'const r = new BigUint64Array(n);'),
      edit(MSB, MSB_HELPER, 'const r = new BigUint64Array(count);'),
    ],
    tests: [VIEWS],
    only: 'ComputeMSB',
  },
  {
    name: 'ComputeMSB’s r is known to P0',
    breaks: 'P1 sends its share of 2a in the clear',
    edits: [
      edit(
        MSB,
        MSB_R,
        `const r = party.worker === 1 ? new BigUint64Array(n) : uniformOdd(party.stream('P2', 'r'), n);`,
      ),
      edit(MSB, MSB_HELPER, "const r = uniformOdd(party.stream('P0', 'r'), count);"),
    ],
    tests: [VIEWS],
    only: 'ComputeMSB',
  },
  unit('not masked', 'P2 learns the index', UNIT_R, `${UNIT_R}\n    r.fill(0n);`),
  unit(
    'not refreshed',
    'P2 learns P1’s share, of which it may have dealt the parts',
    UNIT_U,
    `${UNIT_U}\n    u.fill(0n);`,
  ),
  unit('one mask for all', 'P2 learns which indices are alike', UNIT_R, `${UNIT_R}\n    r.fill(r[0]);`),
  unit('refreshed by the mask: two uses of one draw', 'P2 learns a sum of shares', UNIT_U, 'const u = r.slice();'),
  unit('refreshed alike', 'P2 learns differences of shares', UNIT_U, `${UNIT_U}\n    u.fill(u[0]);`),

  bitsOfP2('q is zero', 'the workers learn every sign', `await Promise.resolve([q0, q1]);`, 'ReLU and select, k = 33'),
  bitsOfP2(
    'q is known to P0',
    'P0 learns every sign',
    'await party.slices(count, (from, to) => q.set(q0.bits(to - from), from));',
    'ReLU and select, k = 61',
  ),
  bitsOfP2(
    'q is known to P1',
    'P1 learns every sign',
    'await party.slices(count, (from, to) => q.set(q1.bits(to - from), from));',
    'truncate-and-ReLU and truncate-and-select, k = 33',
  ),
  bitsOfP2(
    'one q for all comparisons',
    'the workers learn which signs are alike',
    `${Q}\n  q.fill(q[0]);`,
    'ReLU of values with 2f fractional bits, k = 33',
  ),
  bitsOfP2(
    'q repeats every four comparisons',
    'the workers learn which signs are alike',
    `${Q}\n  for (let i = 4; i < count; i++) q[i] = q[i - 4];`,
    'the larger of two products, k = 33',
  ),
  {
    name: 'q_3 is q_1: two uses of one draw',
    breaks: 'the workers learn whether x ≥ 0 goes with x ≥ y',
    edits: [
      edit(
        'src/protocols/direct/largerRelu.ts',
        'const q3 = q.subarray(2 * n);',
        'const q3 = q.subarray(2 * n);\n    q3.set(q.subarray(0, n));',
      ),
    ],
    tests: [VIEWS],
    only: 'larger of two values and zero',
  },
  {
    name: 'P2’s bits of two pairs are one: two uses of one draw',
    breaks: 'the workers learn whether x ≥ z goes with y ≥ z',
    edits: [
      edit(
        LARGEST,
        'const q = await helperBits(chunk, R.length);',
        'const q = await helperBits(chunk, R.length);\n    q.copyWithin(n, 0, n);',
      ),
    ],
    tests: [VIEWS],
    only: 'largest of three values, k = 33',
  },
  {
    name: 'differences to the last value under one mask',
    breaks: 'each worker learns the difference of two of them',
    edits: [
      edit(
        LARGEST,
        "chunk.stream('P2', 'R').z64((of - 1) * n)",
        "chunk.stream('P2', 'R').z64((of - 1) * n).copyWithin(n, 0, n)",
      ),
    ],
    tests: [VIEWS],
    only: 'largest of three values, k = 61',
  },
];
