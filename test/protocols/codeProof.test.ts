/**
 * Dealt codes are proved (PROTOCOLS §10): what is right is accepted over every field, whatever is wrong is not, and the attack that the proof stops
 * reads a digit with certainty where nothing is proved. What parties see of a proof: `codeProofViews.test.ts`.
 */
import { describe, expect, it } from 'vitest';
import { codeLength, type DigitCode, ownMethods, P17, P31, P67 } from '../../runtime/compute.ts';
import { add, constant, extensionOf, multiply, reciprocal, STRIDE, times } from '../../runtime/extension.ts';
import type { RecordedMessage } from '../../src/channel/memory.ts';
import type { Security } from '../../src/party/party.ts';
import * as codeProof from '../../src/protocols/paper/codeProof.ts';
import * as privateCompare from '../../src/protocols/paper/privateCompare.ts';
import { atPoint, digitValues, tablesOf } from '../../src/protocols/paper/codePolynomials.ts';
import type { Stream } from '../../src/random/stream.ts';
import { PairStreams } from '../../src/random/streams.ts';
import { randomRing, ring, testRandom } from '../reference.ts';
import { thermometerReference } from '../reference/compare.ts';
import { pairKeys, simulate, type SimulationOptions, testCompute, withoutElements } from '../simulate.ts';

const CODES = [P17, P31, P67] as const;

/** What P2 deals in the place of codes: changes the workers' sums, comparison by comparison. */
type Lie = (codes: Uint8Array) => void;

/** P2 deals what `lie` makes of the codes of x, and proves it as if it were right. */
function lying(code: DigitCode, lie: Lie): Pick<SimulationOptions, 'compute'> {
  return {
    compute: (compute, id) =>
      id !== 2
        ? compute
        : {
            ...ownMethods(compute),
            thermometer: (_code, x, share0, out) => {
              const codes = Uint8Array.from([...x].flatMap((value) => thermometerReference(code, value)));
              lie(codes);
              const share1 = codes.map((value, i) => (value + code.prime - share0[i]) % code.prime);
              out?.set(share1);
              return Promise.resolve(out ?? share1);
            },
          },
  };
}

/** The digits that the workers hold once they have accepted them. */
async function prove(code: DigitCode, x: BigUint64Array, options: SimulationOptions = {}): Promise<Uint8Array> {
  const { results } = await simulate<Uint8Array>(
    async (party) => {
      if (party.id === 2) {
        await codeProof.deal(party, 'digits', code, x);
        return new Uint8Array();
      }
      const { g, accepted } = await codeProof.dealt(party, 'digits', code, x.length)();
      expect(accepted).toBeDefined();
      await accepted;
      return g;
    },
    { security: 'private', ...options },
  );
  return results[0].map((value, i) => (value + results[1][i]) % code.prime);
}

const NO_CODE = /what P2 dealt is no code of digits/;

describe('the extensions', () => {
  it.each(CODES)('of Z_$prime are fields', ({ prime }) => {
    const field = extensionOf(prime);
    const { degree, root } = field;
    const random = testRandom(prime);
    const element = (): Uint8Array => constant(field, 0).map((_, j) => (j < degree ? Math.floor(prime * random()) : 0));
    const one = constant(field, 1);
    // X^degree = root, whose order no prime factor of degree may lose: then the binomial is irreducible
    const X = constant(field, 0).map((_, j) => (j === 1 ? 1 : 0));
    let power = one;
    for (let i = 0; i < degree; i++) power = multiply(field, power, X);
    expect(power).toEqual(constant(field, root));
    const orders = Array.from({ length: prime - 1 }, (_, i) => powerOf(root, i + 1, prime));
    expect(orders.indexOf(1)).toBe(prime - 2);
    for (const factor of [2, 3, 5, 11].filter((q) => degree % q === 0)) expect((prime - 1) % factor).toBe(0);
    if (degree % 4 === 0) expect(prime % 4).toBe(1);
    for (let i = 0; i < 50; i++) {
      const [a, b, c] = [element(), element(), element()];
      expect(multiply(field, a, reciprocal(field, a))).toEqual(one);
      expect(multiply(field, a, b)).toEqual(multiply(field, b, a));
      expect(multiply(field, a, add(field, b, c))).toEqual(add(field, multiply(field, a, b), multiply(field, a, c)));
      expect(multiply(field, a, constant(field, i))).toEqual(times(field, a, i % prime));
      expect(multiply(field, multiply(field, a, b), c)).toEqual(multiply(field, a, multiply(field, b, c)));
    }
    expect(X.length).toBe(STRIDE);
  });
});

function powerOf(base: number, exponent: number, prime: number): number {
  return exponent === 0 ? 1 : (base * powerOf(base, exponent - 1, prime)) % prime;
}

describe.each(CODES)('over Z_$prime', (code) => {
  const length = codeLength(code);
  const values = ring([0n, 1n, -1n, 2n ** 31n, 2n ** 59n, ...randomRing(40)]);

  it.each([1, 7, 45])('codes of %i values are accepted, and are the values', async (count) => {
    const x = values.slice(0, count);
    const digits = await prove(code, x);
    expect([...digits]).toEqual([...x].flatMap((value) => thermometerReference(code, value)));
  });

  it('a single wrong byte is not, whichever and wherever it is', async () => {
    const random = testRandom(code.prime);
    const below = (n: number): number => Math.floor(n * random());
    for (let attempt = 0; attempt < 12; attempt++) {
      const place = below(values.length) * length + below(length);
      const by = 1 + below(code.prime - 1);
      const lie: Lie = (codes) => {
        const wrong = (codes[place] + by) % code.prime;
        codes[place] = Math.max(2, wrong); // 0 and 1 may be the code of another digit
      };
      await expect(prove(code, values, lying(code, lie)), `${place} by ${by}`).rejects.toThrow(NO_CODE);
    }
  });

  it('nor are codes in which every digit is wrong alike', async () => {
    await expect(
      prove(
        code,
        values,
        lying(code, (codes) => codes.fill(2)),
      ),
    ).rejects.toThrow(NO_CODE);
  });

  if (code.bits === 2)
    it.each([
      ['001', [0, 0, 1]],
      ['010', [0, 1, 0]],
      ['011', [0, 1, 1]],
      ['101', [1, 0, 1]],
    ])('nor is a digit of bits that do not fall, %s', async (_, bits) => {
      const lie: Lie = (codes) => bits.forEach((bit, v) => (codes[3 * length + v * code.digits + 5] = bit));
      await expect(prove(code, values, lying(code, lie))).rejects.toThrow(NO_CODE);
    });

  it('codes of other numbers are accepted: they tell P2 nothing', async () => {
    const other = values.map((value) => value ^ 0x1234_5678n);
    const lie: Lie = (codes) => codes.set([...other].flatMap((value) => thermometerReference(code, value)));
    // P2 proves what it has dealt
    const dealt = await prove(code, other, lying(code, lie));
    expect([...dealt]).toEqual([...other].flatMap((value) => thermometerReference(code, value)));
  });
});

describe('one wrong digit', () => {
  it('in a hundred thousand comparisons is found', async () => {
    const x = ring(Array.from({ length: 100_000 }, (_, i) => BigInt(i) * 40503n));
    await expect(
      prove(
        P17,
        x,
        lying(P17, (codes) => (codes[71_234 * 48 + 17] = 3)),
      ),
    ).rejects.toThrow(NO_CODE);
  });
});

it('P2 is told no challenge before the worker that it is sent to has the digits', async () => {
  const arrived: string[] = [];
  await prove(P17, randomRing(5), {
    compute: (compute, id) =>
      id !== 2
        ? compute
        : {
            ...ownMethods(compute),
            thermometer: async (...of) => {
              for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
              return compute.thermometer(...of);
            },
          },
    memory: () => ({ record: ({ from, label }) => arrived.push(`${from} ${label.slice(label.lastIndexOf(':') + 1)}`) }),
  });
  expect(arrived.slice(0, 2)).toEqual(['P2 digits', 'P1 seed']);
});

/** The same stream for all purposes but one. */
function other(streams: PairStreams, purpose: string): Pick<PairStreams, 'stream'> {
  return {
    stream: (path, asked): Stream => streams.stream(path, asked === purpose ? `${asked}, another` : asked),
  };
}

/** One worker, or P2, draws something else under a key than its peer. @param end how many ends of pairs were made before */
function differing(end: number, purpose: string): Pick<SimulationOptions, 'streams'> {
  let made = 0;
  return { streams: (streams) => (made++ === end ? other(streams, purpose) : streams) };
}

describe('who does not follow the protocol', () => {
  const values = randomRing(20);
  const labels = (seen: readonly RecordedMessage[], to: string): string[] =>
    seen
      .filter((message) => message.to === to)
      .map(({ from, label }) => `${from} ${label.slice(label.lastIndexOf(':') + 1)}`);

  // Ends are made in the order P0–P1, P1–P0, P0–P2, P2–P0, P1–P2, P2–P1; P0 draws, so P1 receives digits.
  it('a receiver that tells P2 another challenge than it has in common with the drawer is shown nothing', async () => {
    const seen: RecordedMessage[] = [];
    const memory = () => ({ record: (message: RecordedMessage) => seen.push(message) });
    await expect(prove(P17, values, { memory, ...differing(1, 'seed') })).rejects.toThrow(
      'P2 was told another challenge than P1 and P0 have',
    );
    expect(labels(seen, 'P1')).toEqual(expect.arrayContaining(['P2 digits', 'P2 dealt']));
    expect(labels(seen, 'P1')).not.toContain('P0 shares');
  });

  it.each([
    ['a drawer that shows other shares', 0, 'point'],
    ['a drawer whose mask is another', 2, 'mask'],
    ['a P2 that has another mask', 5, 'mask'],
    ['a P2 whose proof is another', 3, 'dealt'],
  ])('%s is found', async (_, end, purpose) => {
    await expect(prove(P17, values, differing(end, purpose))).rejects.toThrow(NO_CODE);
  });
});

/** The same streams, but that elements of Z_p for one purpose are zero. */
function masklessFor(streams: PairStreams, purpose: string): Pick<PairStreams, 'stream'> {
  return {
    stream: (path, asked): Stream => {
      const stream = streams.stream(path, asked);
      return asked === purpose ? withoutElements(stream) : stream;
    },
  };
}

/**
 * A drawer that wants to know whether x is what it guesses: it adds 1 to its f and w·(2F + 1) to its t, with the F that follows from the guess and from its
 * own part of the mask. Were there no other part, the receiver would go on if the guess is right, and stop if it is not.
 */
describe('the attack of a drawer that shows wrong shares', () => {
  const X = 0xc0ffeen;
  const keys = pairKeys(1, 2, 3);
  const path = '/proof/P1/17/1';

  async function accepted(guess: bigint, receiverMasks: boolean): Promise<boolean> {
    const compute = await testCompute();
    const field = extensionOf(17);
    const common = new PairStreams(keys[0]);
    const told = new PairStreams(common.stream(path, 'seed').bytes(16));
    const r = digitValues(P17, told.stream('', 'r').zp(17, 3 * STRIDE));
    const w = told.stream('', 'w').zp(17, STRIDE);
    const tables = tablesOf(compute, P17, r, atPoint(P17, common.stream(path, 'point').zp(17, STRIDE)));
    const F = new PairStreams(keys[1]).stream(path, 'mask').zp(17, STRIDE);
    compute.proofFold(P17, Uint8Array.from(thermometerReference(P17, guess)), tables, F, new Uint8Array(STRIDE));
    const one = constant(field, 1);
    const more = multiply(field, w, add(field, times(field, F, 2), one));
    const run = prove(P17, ring([X]), {
      keys,
      compute: (own, id) =>
        id !== 0
          ? own
          : {
              ...ownMethods(own),
              pack: (prime, shares) => {
                if (shares.length !== 2 * STRIDE) return own.pack(prime, shares); // digits
                shares.set(add(field, shares.subarray(0, STRIDE), one));
                shares.set(add(field, shares.subarray(STRIDE), more), STRIDE);
                return own.pack(prime, shares);
              },
            },
      streams: (streams, pair) => (pair === 2 && !receiverMasks ? masklessFor(streams, 'mask') : streams),
    });
    return run.then(
      () => true,
      (error: unknown) => {
        expect((error as Error).message).toMatch(NO_CODE);
        return false;
      },
    );
  }

  it('tells it nothing: it is found, be its guess right or wrong', async () => {
    expect(await accepted(X, true)).toBe(false);
    expect(await accepted(X + 1n, true)).toBe(false);
  });

  it('would, had the mask no part that it does not know', async () => {
    expect(await accepted(X, false)).toBe(true);
    expect(await accepted(X + 1n, false)).toBe(false);
  });
});

/**
 * P2 deals the top digit as g = (2, 2, 1), the others as zeros. Where Y's top digit is 2 and the rest 0, d has a zero whatever β is; where Y
 * is 0, none. So β' is Y's top bit.
 */
describe('the attack with digits that are none', () => {
  const COUNT = 64;
  const secret = Array.from({ length: COUNT }, (_, i) => (i * 7) % 3 === 1);
  const Y = ring(secret.map((isSet) => (isSet ? 2n ** 31n : 0n)));
  const lie: Lie = (codes) => {
    for (let i = 0; i < COUNT; i++) [2, 2, 1].forEach((value, v) => (codes[48 * i + 16 * v] = value));
  };

  /** What P2 reads, and what it was sent. */
  async function attack(security: Security): Promise<{ read: boolean[] | undefined; from: string[]; failed: string }> {
    let read: boolean[] | undefined;
    const from: string[] = [];
    const options = { code: P17, orEqual: false };
    const run = simulate(
      async (party) => {
        if (party.id === 2) {
          const [, found] = await Promise.all([
            codeProof.deal(party, 'digits', P17, new BigUint64Array(COUNT)),
            privateCompare.helper(party, options, COUNT),
          ]);
          read = Array.from(found, (bit) => bit === 1);
          return;
        }
        const random = privateCompare.draw(party, P17, COUNT);
        const digits = await codeProof.dealt(party, 'digits', P17, COUNT)();
        await privateCompare.workers(party, options, random, digits, Y);
      },
      {
        security,
        keys: pairKeys(1, 2, 3),
        ...lying(P17, lie),
        memory: () => ({
          record: (message) => {
            if (message.to === 'P2' && message.label.endsWith(':d')) from.push(message.from);
          },
        }),
      },
    );
    const failed = await run.then(
      () => '',
      (error: unknown) => (error as Error).message,
    );
    return { read, from: from.sort(), failed };
  }

  it('reads every digit where codes are not proved', async () => {
    expect(await attack('semi-honest')).toEqual({ read: secret, from: ['P0', 'P1'], failed: '' });
  });

  it('gets no answer where they are: the share that would tell is not sent', async () => {
    const { read, from, failed } = await attack('private');
    expect(read).toBeUndefined();
    expect(from).not.toContain('P1');
    expect(failed).toMatch(NO_CODE);
  });
});
