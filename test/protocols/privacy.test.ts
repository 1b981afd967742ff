/**
 * What each party may see (PROTOCOLS §7), checked on recorded views, and for every check the proof that it bites: with the refresh,
 * the rotation, the multipliers or the masks taken away, it fails.
 */
import { describe, expect, it } from 'vitest';
import { ownMethods, P17, type CompareJob, type Compute } from '../../runtime/compute.ts';
import * as beaver from '../../src/protocols/paper/beaver.ts';
import * as directRelu from '../../src/protocols/direct/directRelu.ts';
import * as larger from '../../src/protocols/direct/larger.ts';
import * as largerRelu from '../../src/protocols/direct/largerRelu.ts';
import * as largest from '../../src/protocols/direct/largest.ts';
import type { Party } from '../../src/party/party.ts';
import * as treeRoute from '../../src/protocols/direct/treeRoute.ts';
import * as truncateOperand from '../../src/protocols/direct/truncateOperand.ts';
import * as truncateRelu from '../../src/protocols/direct/truncateRelu.ts';
import type { Stream } from '../../src/random/stream.ts';
import { PairStreams } from '../../src/random/streams.ts';
import * as z64 from '../../src/ring/z64.ts';
import { chiSquare, chiSquareLimit, looksUniform, ring, shares } from '../reference.ts';
import { pairKeys, simulate, testCompute, withoutMask } from '../simulate.ts';

const { prime, digits } = P17;
const K = 33;

interface HelperView {
  /** The digits it dealt: both shares. */
  g: [Uint8Array, Uint8Array];
  d: [Uint8Array, Uint8Array];
  betaPrime: Uint8Array;
  /** For the attack's check alone: what P2 does not see. */
  beta: Uint8Array;
  y: BigUint64Array;
}

/** The protocols that compare in the direct suite, on inputs of 16 fractional bits. */
const RELU = {
  scale: 0,
  workers: async (party: Party, share: BigUint64Array): Promise<unknown> => directRelu.workers(party, share, K),
  helper: async (party: Party, count: number): Promise<unknown> =>
    directRelu.helper(party, await directRelu.helperBits(party, count), K),
};
/** Of a product in three parts: P2 holds one of them, here uniform. */
const TRUNCATE_RELU = {
  scale: 16,
  workers: async (party: Party, share: BigUint64Array): Promise<unknown> =>
    truncateRelu.workers(party, party.id === 0 ? z64.sub(share, partOf(share.length)) : share, 16, K),
  helper: async (party: Party, count: number): Promise<unknown> =>
    truncateRelu.helper(party, await directRelu.helperBits(party, count), 16, K, partOf(count)),
};

/** Of values with more fractional bits, whose low bits the comparison drops. */
const WIDE_RELU = {
  scale: 16,
  workers: async (party: Party, share: BigUint64Array): Promise<unknown> => directRelu.workers(party, share, K, 16),
  helper: async (party: Party, count: number): Promise<unknown> =>
    directRelu.helper(party, await directRelu.helperBits(party, count), K, 16),
};

/** The larger of a product and zero. */
const LARGER = {
  scale: 16,
  workers: async (party: Party, share: BigUint64Array): Promise<unknown> => {
    const part = party.id === 0 ? z64.sub(share, partOf(share.length)) : share;
    return larger.workers(party, [part, new BigUint64Array(part.length)], K, 16);
  },
  helper: async (party: Party, count: number): Promise<unknown> =>
    larger.helper(party, await directRelu.helperBits(party, count), K, 16, partOf(count)),
};

/** The larger of a product, of a value in two shares, and zero: three comparisons. */
const LARGER_RELU = {
  scale: 16,
  workers: async (party: Party, share: BigUint64Array): Promise<unknown> => {
    const part = party.id === 0 ? z64.sub(share, partOf(share.length)) : share;
    return largerRelu.workers(party, [part, share], 16, K);
  },
  helper: async (party: Party, count: number): Promise<unknown> =>
    largerRelu.helper(party, count, 16, K, [partOf(count), new BigUint64Array(count)]),
};

/** The largest of a product, of a value in two shares, and zero: three comparisons, too. */
const LARGEST = {
  scale: 16,
  workers: async (party: Party, share: BigUint64Array): Promise<unknown> => {
    const part = party.id === 0 ? z64.sub(share, partOf(share.length)) : share;
    return largest.workers(party, [part, share, new BigUint64Array(share.length)], K, 16);
  },
  helper: async (party: Party, count: number): Promise<unknown> =>
    largest.helper(party, count, K, 16, [partOf(count), undefined]),
};

function partOf(count: number): BigUint64Array {
  return new PairStreams(new Uint8Array(16).fill(9)).stream('part', 'Z').z64(count);
}

/** P2's view of one ReLU on fixed inputs; `spoil` changes what the workers put into PrivateCompare. */
async function helperView(
  inputs: BigUint64Array,
  spoil: (job: CompareJob) => Partial<CompareJob> = () => ({}),
  protocol: typeof RELU = RELU,
): Promise<HelperView> {
  const view = {} as HelperView;
  const parts = shares(z64.shiftLeft(inputs, protocol.scale));
  const watch = (compute: Compute, id: number): Compute => ({
    ...ownMethods(compute),
    compareShare: (job) => {
      view.beta = job.beta;
      view.y = job.y;
      return compute.compareShare({ ...job, ...spoil(job) });
    },
    thermometer: async (code, x, share0) => {
      const share1 = await compute.thermometer(code, x, share0);
      if (id === 2) view.g = [share0, share1];
      return share1;
    },
    compareTest: async (code, d0, d1) => {
      view.d = [d0, d1];
      view.betaPrime = await compute.compareTest(code, d0, d1);
      return view.betaPrime.slice(); // the protocol goes on with it in place
    },
  });
  await simulate(
    async (party) => {
      if (party.id === 2) await protocol.helper(party, inputs.length);
      else await protocol.workers(party, parts[party.id]);
    },
    { compute: watch, chunk: inputs.length, keys: KEYS },
  );
  return view;
}

function histogram(values: Iterable<number>, cells: number): number[] {
  const counts = new Array<number>(cells).fill(0);
  for (const value of values) counts[value]++;
  return counts;
}

/** d = d₀ + d₁ mod p, and where each comparison has its zero (−1: none). */
function zeros(view: HelperView): { d: Uint8Array; places: number[]; most: number } {
  const d = view.d[0].map((value, i) => (value + view.d[1][i]) % prime);
  const places: number[] = [];
  let most = 0;
  for (let i = 0; i < d.length; i += digits) {
    const found = Array.from(d.subarray(i, i + digits).keys()).filter((j) => d[i + j] === 0);
    most = Math.max(most, found.length);
    places.push(found[0] ?? -1);
  }
  return { d, places, most };
}

const checks: Record<string, (view: HelperView) => boolean> = {
  'each share of d is uniform at every place': (view) =>
    view.d.every((share) =>
      Array.from({ length: digits }, (_, j) =>
        looksUniform(
          histogram(
            share.filter((_v, i) => i % digits === j),
            prime,
          ),
        ),
      ).every(Boolean),
    ),
  'at most one zero': (view) => zeros(view).most <= 1,
  'all other entries are uniform and nonzero': (view) =>
    looksUniform(
      histogram(
        zeros(view).d.filter((value) => value !== 0),
        prime,
      ).slice(1),
    ),
  'the place of the zero is uniform': (view) =>
    looksUniform(
      histogram(
        zeros(view).places.filter((place) => place >= 0),
        digits,
      ),
    ),
  'the places of neighbouring comparisons are independent': (view) => {
    const { places } = zeros(view);
    const counts = new Array<number>(digits * digits).fill(0);
    for (let i = 0; i + 1 < places.length; i++) {
      if (places[i] >= 0 && places[i + 1] >= 0) counts[places[i] * digits + places[i + 1]]++;
    }
    return looksUniform(counts);
  },
  "β' is unbiased": (view) => looksUniform(histogram(view.betaPrime, 2)),
};

const COUNT = 32768;
/** Fixed, so that a check at the 99.99 % point passes or fails for good; the views depend on keys alone. */
const KEYS = pairKeys(1, 2, 3);
/** The same input everywhere: any structure in the view comes from the protocol, not from the data. */
const fixed = ring(Array.from({ length: COUNT }, () => 5 * 2 ** 16));

describe("P2's view of PrivateCompare", () => {
  it.each([
    ['ReLU', RELU],
    ['ReLU of values with 2f fractional bits', WIDE_RELU],
    ['truncate-and-ReLU of a product', TRUNCATE_RELU],
    ['the larger of two products', LARGER],
    ['the larger of two values and zero', LARGER_RELU],
    ['the largest of three values', LARGEST],
  ])('is as the proof says, in %s', async (_name, protocol) => {
    const view = await helperView(fixed, undefined, protocol);
    for (const [what, holds] of Object.entries(checks)) expect(holds(view), what).toBe(true);
  });

  it('is seen to be wrong without the rotation', async () => {
    // Inputs that differ from R in the low digits alone put the hit at a place that depends on them.
    const view = await helperView(fixed, () => ({ rho: new Uint8Array(COUNT) }));
    expect(checks['the place of the zero is uniform'](view)).toBe(false);
  });

  it('is seen to be wrong when neighbours share one rotation', async () => {
    const view = await helperView(fixed, ({ rho }) => ({ rho: rho.map((_, i) => rho[i - (i % 8)]) }));
    expect(checks['the places of neighbouring comparisons are independent'](view)).toBe(false);
  });

  it('is seen to be wrong with constant multipliers', async () => {
    const view = await helperView(fixed, ({ s }) => ({ s: new Uint8Array(s.length).fill(1) }));
    expect(checks['all other entries are uniform and nonzero'](view)).toBe(false);
  });

  it("is seen to be wrong with a constant β: β' would be the comparison itself", async () => {
    // Y just above X nearly always: β' of a fixed β is then nearly constant.
    const large = ring(Array.from({ length: COUNT }, () => 2n ** 32n - 2n));
    const view = await helperView(large, () => ({ beta: new Uint8Array(COUNT) }));
    expect(checks["β' is unbiased"](view)).toBe(false);
    expect(checks["β' is unbiased"](await helperView(large))).toBe(true);
  });
});

/**
 * The attack that the refresh stops. P2 dealt the digits, so for a guess of (β, Y, ρ) it can compute both workers' shares of
 * c; without ±u it holds d_{i,0} = s·c_{i,0}, d_{i,1} = s·c_{i,1} and tests d_{i,0}·c_{i,1} = d_{i,1}·c_{i,0}, digit by digit
 * from the top: each wrong digit survives with probability 1/17.
 */
function attack(view: HelperView, comparison: number): { beta: number; y: number }[] {
  const levels = 3;
  const found: { beta: number; y: number }[] = [];
  const g = (share: 0 | 1, v: number, digit: number): number => {
    if (v === 0) return share === 0 ? 1 : 0; // public constants are P0's
    if (v > levels) return 0;
    return view.g[share][comparison * digits * levels + (v - 1) * digits + digit];
  };
  for (let rho = 0; rho < digits; rho++) {
    for (const beta of [0, 1]) {
      const search = (digit: number, y: number, above: [number, number]): void => {
        if (digit === digits) {
          found.push({ beta, y: y >>> 0 });
          return;
        }
        for (let guess = 0; guess < 4; guess++) {
          const c = ([0, 1] as const).map((share) => {
            const one = share === 0 ? 1 : 0;
            const last = digit === digits - 1;
            const hit = beta === 0 ? g(share, guess + 1, digit) : one - g(share, last ? guess + 1 : guess, digit);
            return (((one - hit + above[share]) % prime) + prime) % prime;
          });
          const place = comparison * digits + ((digit - rho + digits) % digits);
          if ((view.d[0][place] * c[1] - view.d[1][place] * c[0]) % prime !== 0) continue;
          const next = ([0, 1] as const).map((share) => {
            const one = share === 0 ? 1 : 0;
            return above[share] + one - (g(share, guess, digit) - g(share, guess + 1, digit));
          }) as [number, number];
          search(digit + 1, (y << 2) | guess, next);
        }
      };
      search(0, 0, [0, 0]);
    }
  }
  return found;
}

describe('the search for (β, Y) from d₀/d₁', () => {
  const few = ring([0n, 5n, -5n, 2n ** 31n, -(2n ** 31n), 123456789n, -1n, 77n]);

  it('finds nothing', async () => {
    const view = await helperView(few);
    for (let i = 0; i < few.length; i++) expect(attack(view, i)).toEqual([]);
  });

  it('finds exactly the secret once the refresh is removed', async () => {
    const view = await helperView(few, ({ u }) => ({ u: new Uint8Array(u.length) }));
    for (let i = 0; i < few.length; i++) {
      const secret = { beta: view.beta[i], y: Number(BigInt.asUintN(32, view.y[i])) };
      expect(attack(view, i)).toContainEqual(secret);
    }
  });
});

describe("the workers' openings", () => {
  /** Chi-square over the bytes of what the workers open, for one fixed input. */
  async function openingLooksUniform(
    protocol: typeof RELU,
    streams?: (streams: PairStreams) => Pick<PairStreams, 'stream'>,
  ): Promise<boolean> {
    const parts = shares(z64.shiftLeft(fixed, protocol.scale));
    const opened: BigUint64Array[] = [];
    await simulate(
      async (party) => {
        return party.id === 2 ? protocol.helper(party, COUNT) : protocol.workers(party, parts[party.id]);
      },
      {
        chunk: COUNT,
        keys: KEYS,
        ...(streams === undefined ? {} : { streams }),
        compute: (compute, id) => ({
          ...ownMethods(compute),
          compareShare: (job) => {
            if (id === 0) opened.push(job.y.slice());
            return compute.compareShare(job);
          },
        }),
      },
    );
    const bytes = new Uint8Array(opened[0].buffer, opened[0].byteOffset, opened[0].byteLength);
    // y is c mod 2^32: its four low bytes
    return [0, 1, 2, 3].every((b) =>
      looksUniform(
        histogram(
          bytes.filter((_v, i) => i % 8 === b),
          256,
        ),
      ),
    );
  }

  it.each([
    ['ReLU', RELU],
    ['ReLU of values with 2f fractional bits', WIDE_RELU],
    ['truncate-and-ReLU of a product', TRUNCATE_RELU],
    ['the larger of two products', LARGER],
    ['the larger of two values and zero', LARGER_RELU],
    ['the largest of three values', LARGEST],
  ])('are uniform for fixed inputs, in %s', async (_name, protocol) => {
    expect(await openingLooksUniform(protocol)).toBe(true);
  });

  it('are seen not to be when the masks are constant', async () => {
    const constant = (streams: PairStreams): Pick<PairStreams, 'stream'> => ({
      stream: (path, purpose) => {
        const stream = streams.stream(path, purpose);
        return purpose === 'R' ? withoutMask(stream) : stream;
      },
    });
    expect(await openingLooksUniform(RELU, constant)).toBe(false);
  });
});

describe("P2's answer to the workers", () => {
  /** t of DReLU = t ⊕ q at one worker, and the part of q that it can draw itself. */
  async function answers(
    protocol: typeof RELU,
    spoil: (stream: Stream, purpose: string) => Stream = (stream) => stream,
  ): Promise<{ t: Uint8Array; mine: Uint8Array }> {
    const parts = shares(z64.shiftLeft(fixed, protocol.scale));
    const seen: Uint8Array[] = [];
    await simulate(
      async (party) => (party.id === 2 ? protocol.helper(party, COUNT) : protocol.workers(party, parts[party.id])),
      {
        chunk: COUNT,
        keys: KEYS,
        streams: (streams) => ({ stream: (path, purpose) => spoil(streams.stream(path, purpose), purpose) }),
        compute: (compute, id) => ({
          ...ownMethods(compute),
          select: (job, ...of) => {
            if (id === 0) seen.push(job.t);
            return compute.select(job, ...of);
          },
          selectLarger: (party, job, ...of) => {
            if (id === 0) seen.push(job.t);
            return compute.selectLarger(party, job, ...of);
          },
          truncateSelect: (party, job, ...of) => {
            if (id === 0) seen.push(job.t);
            return compute.truncateSelect(party, job, ...of);
          },
        }),
      },
    );
    let mine: Uint8Array = new Uint8Array();
    await simulate(
      (party) => {
        if (party.id === 0) mine = party.stream('P2', 'q').bits(COUNT);
        return Promise.resolve();
      },
      { keys: KEYS },
    );
    return { t: seen[0], mine };
  }

  it.each([
    ['ReLU', RELU],
    ['ReLU of values with 2f fractional bits', WIDE_RELU],
    ['truncate-and-ReLU of a product', TRUNCATE_RELU],
    ['the larger of two products', LARGER],
  ])('leaves t uniform, also beside the worker’s part of q, in %s', async (_name, protocol) => {
    const { t, mine } = await answers(protocol);
    expect(t.length).toBe(COUNT);
    expect(
      looksUniform(
        histogram(
          t.map((bit, i) => 2 * bit + mine[i]),
          4,
        ),
      ),
    ).toBe(true);
  });

  it('is seen to be the comparison itself when q is constant', async () => {
    const { t } = await answers(RELU, (stream, purpose) => (purpose === 'q' ? withoutMask(stream) : stream));
    expect(new Set(t)).toEqual(new Set([1])); // every input is positive
  });
});

describe("the workers' openings of an error that goes down a tree", () => {
  /** Chi-square over the bytes of E_left below the root, of errors that are all alike. */
  async function looksMasked(
    spoil: (stream: Stream, purpose: string) => Stream = (stream) => stream,
  ): Promise<boolean> {
    const delta = shares(fixed);
    const levels = [COUNT, 2 * COUNT].map((count) => ({ count, q: new Uint8Array(count) }));
    const opened: BigUint64Array[] = [];
    await simulate(
      async (party) => {
        if (party.id === 2) {
          const U = beaver.helperMask(party, COUNT);
          return treeRoute.helper(
            party,
            levels.map(({ count, q: bit }) => ({ count, bit })),
            U,
          ).done;
        }
        const masked = await beaver.workersMask(party, delta[party.id]);
        // q = 0 and t = 1 everywhere: the left halves get all.
        const signs = levels.map(({ count }) => ({
          count,
          bit: { t: new Uint8Array(count).fill(1), q: new BigUint64Array(count) },
        }));
        await treeRoute.workers(party, signs, masked);
      },
      {
        keys: KEYS,
        streams: (streams) => ({ stream: (path, purpose) => spoil(streams.stream(path, purpose), purpose) }),
        compute: (compute, id) => ({
          ...ownMethods(compute),
          select: (job, x) => {
            if (id === 0) opened.push(job.opened);
            return compute.select(job, x);
          },
        }),
      },
    );
    const below = opened.slice(Math.ceil(COUNT / 16384)); // after the chunks of the root
    const bytes = below.flatMap((chunk) => Array.from(new Uint8Array(chunk.slice().buffer)));
    return looksUniform(histogram(bytes, 256));
  }

  it('are uniform for fixed inputs', async () => {
    expect(await looksMasked()).toBe(true);
  });

  it('are seen not to be when the masks are constant', async () => {
    expect(await looksMasked((stream, purpose) => (purpose === 'U' ? withoutMask(stream) : stream))).toBe(false);
  });
});

describe("the workers' openings of a truncation into an operand", () => {
  /** Chi-square over the bytes of what both rounds open, of values that are all alike. */
  async function looksMasked(
    spoil: (stream: Stream, purpose: string) => Stream = (stream) => stream,
  ): Promise<boolean> {
    const parts = shares(z64.shiftLeft(fixed, 16));
    const opened: Uint8Array[] = [];
    await simulate(
      async (party) => {
        if (party.id === 2) await truncateOperand.helper(party, fixed.length, 27);
        else await truncateOperand.workers(party, parts[party.id], 27);
      },
      {
        keys: KEYS,
        streams: (streams) => ({ stream: (path, purpose) => spoil(streams.stream(path, purpose), purpose) }),
        compute: (compute, id) => ({
          ...ownMethods(compute),
          operandOpen: (bits, c, halves) => {
            compute.operandOpen(bits, c, halves);
            if (id === 0) opened.push(new Uint8Array(c.slice().buffer));
          },
        }),
      },
    );
    expect(opened.length).toBeGreaterThan(0);
    return looksUniform(histogram(Buffer.concat(opened), 256));
  }

  it('are uniform for fixed inputs', async () => {
    expect(await looksMasked()).toBe(true);
  });

  it('are seen not to be when the masks are constant, in their high bits or in their low bits', async () => {
    expect(await looksMasked((stream, purpose) => (purpose === 'S' ? withoutMask(stream) : stream))).toBe(false);
    for (const [from, up] of [
      [0, 37],
      [27, 27],
    ])
      expect(
        await looksMasked((stream, purpose) => {
          if (purpose !== 'S') return stream;
          const part = (words: BigUint64Array): BigUint64Array => z64.shiftLeft(z64.shiftRight(words, from), up);
          return { ...withoutMask(stream), z64: (n) => part(stream.z64(n)) };
        }),
      ).toBe(false);
  });

  it('and what is dealt for them are uniform', async () => {
    const dealt: Uint8Array[] = [];
    await simulate(
      async (party) => {
        const zeros = new BigUint64Array(COUNT);
        if (party.id === 2) await truncateOperand.helper(party, COUNT, 27);
        else await truncateOperand.workers(party, zeros, 27);
      },
      {
        keys: KEYS,
        memory: () => ({
          record: ({ from, label, data }) => {
            if (from === 'P2' && label.endsWith(':U')) dealt.push(new Uint8Array(data.slice().buffer));
          },
        }),
      },
    );
    const bytes = Buffer.concat(dealt);
    expect(bytes.length).toBeGreaterThan(8 * COUNT);
    expect(looksUniform(histogram(bytes, 256))).toBe(true);
  });
});

describe('the statistics', () => {
  it('reject a biased die and accept a fair one', async () => {
    await testCompute();
    expect(chiSquare([100, 100, 100])).toBe(0);
    expect(looksUniform([1000, 1200, 800])).toBe(false);
    expect(looksUniform([1000, 1010, 990])).toBe(true);
    expect(chiSquareLimit(16)).toBeGreaterThan(39);
    expect(chiSquareLimit(16)).toBeLessThan(47);
  });
});
