/** Comparisons by functions: the same results as by digits, bit for bit, in a round less, and nothing is said to P2. */
import { describe, expect, it } from 'vitest';
import * as directRelu from '../../src/protocols/direct/directRelu.ts';
import { FunctionKeys, keyMessages } from '../../src/protocols/direct/functionKeys.ts';
import * as larger from '../../src/protocols/direct/larger.ts';
import * as largerRelu from '../../src/protocols/direct/largerRelu.ts';
import type { Functions } from '../../src/protocols/direct/openedSign.ts';
import * as truncateRelu from '../../src/protocols/direct/truncateRelu.ts';
import type { Cost } from '../../src/party/cost.ts';
import type { Party } from '../../src/party/party.ts';
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
