/** Comparisons by functions: the same results as by digits, bit for bit, in a round less, and nothing is said to P2. */
import { describe, expect, it } from 'vitest';
import * as directRelu from '../../src/protocols/direct/directRelu.ts';
import { FunctionKeys, keyMessages } from '../../src/protocols/direct/functionKeys.ts';
import * as larger from '../../src/protocols/direct/larger.ts';
import * as largerRelu from '../../src/protocols/direct/largerRelu.ts';
import * as largest from '../../src/protocols/direct/largest.ts';
import type { Functions } from '../../src/protocols/direct/openedSign.ts';
import * as truncateRelu from '../../src/protocols/direct/truncateRelu.ts';
import type { RecordedMessage } from '../../src/channel/memory.ts';
import { unpackFields } from '../../src/ring/fields.ts';
import * as functionSign from '../../src/protocols/direct/functionSign.ts';
import type { Cost } from '../../src/party/cost.ts';
import type { Party, Security } from '../../src/party/party.ts';
import * as z64 from '../../src/ring/z64.ts';
import { randomRing, ring, shares, signed } from '../reference.ts';
import { pairKeys, simulate, type Simulation } from '../simulate.ts';

interface Compared {
  readonly y: BigUint64Array;
  /** The bits [… ≥ 0] in shares. */
  readonly bits?: BigUint64Array;
}

interface Protocol {
  readonly name: string;
  readonly workers: (party: Party, share: BigUint64Array, functions?: Functions) => Promise<Compared>;
  readonly helper: (party: Party, count: number, functions?: Functions) => Promise<void>;
  readonly cost: (count: number, chunk: number, functions?: Functions) => Cost;
  /** Comparisons, and bits of each. */
  readonly each: number;
  readonly bits: number;
}

const CHUNK = 200;

async function bitsOf(
  party: Party,
  compared: Promise<{ y: BigUint64Array; sign: directRelu.WorkerSign }>,
): Promise<Compared> {
  const { y, sign } = await compared;
  return { y, bits: directRelu.workersBits(party, sign) };
}

const protocols = (k: number): Protocol[] => [
  {
    name: `ReLU, k = ${k}`,
    workers: (party, share, by) => bitsOf(party, directRelu.workers(party, share, k, 0, by)),
    helper: async (party, count, functions) =>
      directRelu.helper(party, await directRelu.helperBits(party, count), k, 0, { functions }),
    cost: (count, chunk, by) => directRelu.cost(count, k, 0, chunk, by),
    each: 1,
    bits: k - 1,
  },
  {
    name: `the larger of two, k = ${k}`,
    workers: (party, share, by) => bitsOf(party, larger.workers(party, [share, z64.scale(share, 3n)], k, 8, by)),
    helper: async (party, count, functions) =>
      larger.helper(party, await directRelu.helperBits(party, count), k, 8, undefined, functions),
    cost: (count, chunk, by) => directRelu.cost(count, k, 8, chunk, by),
    each: 1,
    bits: Math.min(k, 56) - 1,
  },
  {
    name: `truncate-and-ReLU, k = ${k}`,
    workers: (party, share, by) => bitsOf(party, truncateRelu.workers(party, share, 8, k, by)),
    helper: async (party, count, functions) =>
      truncateRelu.helper(party, await directRelu.helperBits(party, count), 8, k, undefined, functions),
    cost: (count, chunk, by) => truncateRelu.cost(count, 8, k, chunk, by),
    each: 1,
    bits: Math.min(k, 55) - 1,
  },
  {
    name: `the larger of two and zero, k = ${k}`,
    workers: async (party, share, by) => ({
      y: await largerRelu.workers(party, [share, z64.scale(share, 3n)], 8, k, by),
    }),
    helper: (party, count, functions) => largerRelu.helper(party, count, 8, k, [undefined, undefined], functions),
    cost: (count, chunk, by) => largerRelu.cost(count, 8, k, chunk, by),
    each: 3,
    bits: Math.min(k, 55) - 1,
  },
  {
    name: `the largest of three, k = ${k}`,
    workers: async (party, share, by) => ({
      y: await largest.workers(party, [share, z64.scale(share, 3n), new BigUint64Array(share.length)], k, 8, by),
    }),
    helper: (party, count, functions) => largest.helper(party, count, k, 8, [undefined, undefined], functions),
    cost: (count, chunk, by) => largest.cost(count, 3, k, 8, chunk, by),
    each: 3,
    bits: Math.min(k, 56) - 1,
  },
];

/** Values inside the window of three times as much, truncated by 8 bits. */
function inputs(k: number, count: number): BigUint64Array {
  const limit = 1n << BigInt(Math.min(k - 1, 58));
  const edges = [0n, 1n, -1n, 255n, -256n, limit / 4n, -(limit / 4n)].filter((v) => v < limit && v >= -limit);
  return ring([...edges, ...Array.from(randomRing(count - edges.length), (v) => (v % (limit / 2n)) - limit / 4n)]);
}

function run(
  { workers, helper }: Protocol,
  values: BigUint64Array,
  byFunctions: boolean,
): Promise<Simulation<Compared | undefined>> {
  const first = values.map((_, i) => BigInt(i) * 0x9e3779b97f4a7c15n);
  const parts = [first, z64.sub(values, first)];
  return simulate<Compared | undefined>(
    async (party) => {
      const functions = byFunctions ? new FunctionKeys(party) : undefined;
      const operation = party.fork('compare');
      const result =
        party.id === 2
          ? void (await helper(operation, values.length, functions))
          : await workers(operation, parts[party.id], functions);
      party.join(operation);
      return result;
    },
    { chunk: CHUNK, keys: pairKeys(1, 2, 3) },
  );
}

describe.each([6, 33, 61].flatMap(protocols))('$name', (protocol) => {
  const count = 450;
  const { cost, each, bits } = protocol;

  it('gives what digits give, and P2 hears nothing', async () => {
    const values = inputs(bits + 1, count);
    const [digits, functions] = [await run(protocol, values, false), await run(protocol, values, true)];
    expect(functions.results).toEqual(digits.results);
    for (const worker of [0, 1]) expect(functions.sent[worker].get('P2')).toMatchObject({ messages: 0 });
    expect(digits.sent[0].get('P2')?.messages).toBeGreaterThan(0);
    const signs = functions.results.slice(0, 2).map((result) => result?.bits);
    if (signs[0] !== undefined && protocol.name.startsWith('ReLU'))
      z64.add(signs[0], signs[1]!).forEach((bit, i) => expect(bit).toBe(signed(values[i]) >= 0n ? 1n : 0n));
  });

  it('costs what it declares', async () => {
    const { rounds, bytes } = await run(protocol, inputs(bits + 1, count), true);
    const declared = cost(count, CHUNK, 'counted');
    const keys = [...keyMessages(bits, 0, each * count)].reduce((sum, [, length]) => sum + 2 * length, 0);
    expect({ rounds, bytes }).toEqual({ rounds: declared.rounds, bytes: declared.bytes + keys });
    expect(declared.rounds).toBe(cost(count, CHUNK).rounds - 1);
  });
});

it.each([2, 3, 4, 5, 6])('the sign of every value of a window of %i bits, under many masks', async (k) => {
  const half = 2 ** (k - 1);
  const values = ring(Array.from({ length: 64 * 2 * half }, (_, i) => BigInt((i % (2 * half)) - half)));
  const parts = shares(values);
  const { results } = await simulate<BigUint64Array | undefined>(async (party) => {
    const keys = new FunctionKeys(party);
    if (party.id === 2) {
      const q = await directRelu.helperBits(party, values.length);
      await directRelu.helper(party, q, k, 0, { functions: keys });
      return undefined;
    }
    const { sign } = await directRelu.workers(party, parts[party.id], k, 0, keys);
    return directRelu.workersBits(party, sign);
  });
  expect(Array.from(z64.add(results[0]!, results[1]!))).toEqual(Array.from(values, (v) => (signed(v) >= 0n ? 1n : 0n)));
});

describe('what a worker puts together', () => {
  const RUNS = 4000;
  /** P1 sees c, Δ and t of as many comparisons of one value. */
  async function seen(a: bigint, k: number): Promise<{ x: bigint[]; t: Uint8Array; shifts: bigint[] }> {
    const values = ring(new Array<bigint>(RUNS).fill(a));
    const parts = shares(values);
    const said = new Map<string, RecordedMessage['data']>();
    let t = new Uint8Array();
    await simulate(
      async (party) => {
        const keys = new FunctionKeys(party);
        const compare = party.fork('compare');
        if (party.id === 2) {
          const q = await directRelu.helperBits(compare, RUNS);
          await directRelu.helper(compare, q, k, 0, { functions: keys });
          return;
        }
        const { sign } = await directRelu.workers(compare, parts[party.id], k, 0, keys);
        if (party.id === 1) t = sign.t.slice();
      },
      { memory: () => ({ record: ({ from, label, data }) => said.set(`${from} ${label}`, data.slice()) }) },
    );
    const c = z64.add(said.get('P0 /compare/0:c') as BigUint64Array, said.get('P1 /compare/0:c') as BigUint64Array);
    const message = (said.get('P2 /compare/0:shift') as Uint8Array).slice();
    const shifts = [...(k > 56 ? new BigUint64Array(message.buffer) : unpackFields(message, k, RUNS))];
    return { x: Array.from(c, (word, i) => BigInt.asUintN(k, word + shifts[i])), t, shifts };
  }
  /** Six standard deviations: fails once in 10^9 runs. */
  const isEven = (bits: readonly number[]): void => {
    const ones = bits.reduce((sum, bit) => sum + bit, 0);
    expect(Math.abs(ones - bits.length / 2)).toBeLessThan(6 * Math.sqrt(bits.length / 4));
  };

  it.each([3n, -3n, 2n ** 30n])(
    'says nothing of %i: its masked value, the bit of the comparison, and both together',
    async (a) => {
      const { x, t } = await seen(a, 33);
      for (const bit of [0, 1, 15, 30, 31, 32]) {
        const bits = x.map((word) => Number((word >> BigInt(bit)) & 1n));
        isEven(bits);
        // The top bit and t differ by whether the low bits were borrowed from, which a small value would show.
        isEven(bits.map((one, i) => one ^ t[i]));
      }
      isEven([...t]);
    },
  );

  it.each([33, 57, 61])('is told a shift of %i bits, and no bit above', async (k) => {
    const { shifts } = await seen(5n, k);
    expect(shifts.every((shift) => shift < 1n << BigInt(k))).toBe(true);
  });
});

describe('a P2 that names keys', () => {
  const K = 4;
  /** P2 deals as it should, and then says of each comparison that its keys begin at `starts`. */
  const naming = (starts: readonly bigint[], count: number): Promise<unknown> =>
    simulate(
      async (party) => {
        const keys = new FunctionKeys(party);
        const window = { from: 0, k: K };
        if (party.id === 2) await keys.deal(K - 1, count);
        for (const [i, start] of starts.entries()) {
          const fork = party.fork(`${i}`);
          if (party.id !== 2) {
            await functionSign.ahead(fork, window, keys, count);
            continue;
          }
          const shift = new Uint8Array(Math.ceil((count * K) / 8));
          await Promise.all(
            (['P0', 'P1'] as const).flatMap((worker) => [
              fork.send(worker, 'keys', BigUint64Array.of(start)),
              fork.send(worker, 'shift', shift.slice()),
            ]),
          );
        }
      },
      { timeoutMs: 5000 },
    );

  it('twice is found out', async () => {
    await expect(naming([0n, 0n], 500)).rejects.toThrow(/keys are used twice/);
  });

  it.each([9000n * 512n, 2n ** 40n, 2n ** 53n, 2n ** 64n - 2n])(
    'that it has not dealt, %i, is found out at once',
    async (start) => {
      await expect(naming([start], 10)).rejects.toThrow(/keys that are not dealt yet|no index of keys/);
    },
  );
});

describe('keys that are dealt ahead', () => {
  // In messages of 512.
  it.each([
    ['are no more than may lie ready', 0, { ready: 1200, total: 2100, beside: false }, 3],
    ['nor more than the session takes', 0, { ready: 1200, total: 600, beside: false }, 2],
    ['follow those that are used', 700, { ready: 1200, total: 2100, beside: false }, 4],
    ['are dealt beside those that are used', 700, { ready: 1200, total: 2100, beside: true }, 4],
  ])('%s, and are all taken in the end', async (_name, count, ahead, messages) => {
    const values = ring(Array.from({ length: count }, (_, i) => BigInt(i) - 350n));
    const parts = shares(values);
    let dealt = 0;
    const { results } = await simulate<BigUint64Array | undefined>(
      async (party) => {
        const keys = new FunctionKeys(party);
        const compare = party.fork('compare');
        if (party.id !== 2) {
          const { sign } = await directRelu.workers(compare, parts[party.id], 12, 0, keys);
          await keys.end();
          return directRelu.workersBits(party, sign);
        }
        await keys.keepAhead(11, ahead);
        const q = await directRelu.helperBits(compare, count);
        await directRelu.helper(compare, q, 12, 0, { functions: keys });
        await keys.keepAhead(11, ahead);
        await keys.end();
        return undefined;
      },
      {
        memory: () => ({
          record: ({ to, label }) => (dealt += Number(to === 'P0' && label.startsWith('/functions/'))),
        }),
      },
    );
    expect(dealt).toBe(messages);
    z64.add(results[0]!, results[1]!).forEach((bit, i) => expect(bit).toBe(signed(values[i]) >= 0n ? 1n : 0n));
  });
});

describe('where P2 deals ahead', () => {
  const COUNT = 600;
  const K = 12;
  const values = ring(Array.from({ length: COUNT }, (_, i) => BigInt(i) - 300n));

  /** Compares the values `times` times, with keys for one time. */
  async function compared(times: number, security: Security): Promise<{ bits: BigUint64Array[]; heard: string[] }> {
    const parts = shares(values);
    const heard: string[] = [];
    const { results } = await simulate<BigUint64Array[]>(
      async (party) => {
        const keys = new FunctionKeys(party);
        if (party.id === 2) await keys.keepAhead(K - 1, { ready: 600, total: 600, beside: false });
        const bits: BigUint64Array[] = [];
        for (let i = 0; i < times; i++) {
          const compare = party.fork(`${i}`);
          if (party.id === 2) {
            const q = await directRelu.helperBits(compare, COUNT);
            await directRelu.helper(compare, q, K, 0, { functions: keys });
          } else {
            const { sign } = await directRelu.workers(compare, parts[party.id], K, 0, keys);
            bits.push(directRelu.workersBits(compare, sign));
          }
        }
        await keys.end();
        return bits;
      },
      { security, memory: () => ({ record: ({ to, label }) => to === 'P2' && heard.push(label) }) },
    );
    return { bits: results[0].map((bits, i) => z64.add(bits, results[1][i])), heard };
  }

  it.each(['semi-honest', 'private'] as const)(
    'and has too few keys, digits take their place: %s',
    async (security) => {
      const { bits, heard } = await compared(3, security);
      const signs = Array.from(values, (value) => (signed(value) >= 0n ? 1n : 0n));
      for (const each of bits) expect(Array.from(each)).toEqual(signs);
      expect(heard.filter((label) => label.startsWith('/0/'))).toEqual([]);
      for (const i of [1, 2]) {
        expect(heard.some((label) => label === `/${i}/0:d`)).toBe(true);
        expect(heard.some((label) => label.startsWith(`/${i}/0/proof/`))).toBe(security === 'private');
      }
    },
  );
});
