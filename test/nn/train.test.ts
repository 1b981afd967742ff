/** Training on shares against its ideal twin; determinism; the whole loop when messages go wrong. */
import { describe, expect, it } from 'vitest';
import { decode } from '../../src/ring/fixed.ts';
import { type SimulationOptions, type PairKeys, pairKeys } from '../simulate.ts';
import { DIRECT, OPTIONS, PAPER, trainPlain, trainSecure, type TinyResult, tinyShares } from './tiny.ts';

const KEYS = pairKeys(4, 5, 6);

function largestDifference(a: TinyResult, b: TinyResult, fractionBits: number): number {
  let worst = 0;
  for (const [name, x] of a.parameters) {
    const [u, v] = [decode(x, fractionBits), decode(b.parameters.get(name)!, fractionBits)];
    u.forEach((value, i) => (worst = Math.max(worst, Math.abs(value - v[i]))));
  }
  return worst;
}

describe('secure training', () => {
  it.each([
    ['direct', DIRECT, 30],
    ['paper', PAPER, 50],
  ] as const)('%s suite: follows the plain engine and learns', async (_name, setting, steps) => {
    const options = { ...OPTIONS, steps };
    const [secure, plain] = [await trainSecure(setting, options), await trainPlain(setting, options)];
    expect(secure.losses).toHaveLength(1 + steps / 10); // the first and every tenth
    expect(secure.losses.at(-1)).toBeLessThan(secure.losses[0] / 2);
    expect(secure.correct).toBe(12);
    // A step rounds a handful of times; the errors of earlier steps are carried on by momentum (1 / (1 − 0.9) = 10).
    const ulp = 2 ** -setting.fractionBits;
    expect(largestDifference(secure, plain, setting.fractionBits)).toBeLessThan(10 * steps * ulp);
  });

  it('gives the same model and traffic, bit for bit, under the same keys', async () => {
    const dealt = tinyShares(DIRECT.fractionBits);
    const [a, b] = [
      await trainSecure(DIRECT, OPTIONS, { keys: KEYS }, dealt),
      await trainSecure(DIRECT, OPTIONS, { keys: KEYS }, dealt),
    ];
    expect(b.parameters).toEqual(a.parameters);
    expect({ bytes: b.bytes, rounds: b.rounds }).toEqual({ bytes: a.bytes, rounds: a.rounds });
  });

  it('does not depend on how tensors are cut into chunks, but for the rounding', async () => {
    const [a, b] = [await trainSecure(DIRECT, OPTIONS), await trainSecure(DIRECT, OPTIONS, { chunk: 3 })];
    expect(largestDifference(a, b, 16)).toBeLessThan(20 * 2 ** -16);
  });

  it.each([
    ['direct', DIRECT],
    ['paper', PAPER],
  ] as const)('%s suite: counts by class what it counts together', async (_name, setting) => {
    const dealt = tinyShares(setting.fractionBits);
    // After a few steps some are right and some are not.
    const options = { ...OPTIONS, steps: 4 };
    const together = await trainSecure(setting, options, { keys: KEYS }, dealt);
    const byClass = await trainSecure(setting, { ...options, perClass: true }, { keys: KEYS }, dealt);
    expect(together.counts).toHaveLength(1);
    expect(byClass.counts).toHaveLength(3);
    expect(byClass.correct).toBe(together.correct);
    expect(byClass.parameters).toEqual(together.parameters);
    // The same answers: only the sum that is opened differs, by P2's part of two numbers more.
    expect(byClass.rounds).toBe(together.rounds);
    expect(byClass.bytes - together.bytes).toBe(2 * 8);
  });

  it('shows no loss when told not to', async () => {
    const quiet = await trainSecure(DIRECT, { ...OPTIONS, showLoss: false });
    expect(quiet.losses).toEqual([]);
    expect(quiet.parameters.size).toBe(4);
  });
});

describe('no mask repeats', () => {
  /** Every stream drawn from in one run, by its first bytes. */
  async function draws(keys: PairKeys, spoil?: (path: string) => string): Promise<string[]> {
    const seen: string[] = [];
    const watch: NonNullable<SimulationOptions['streams']> = (streams, pair) => ({
      stream: (path, purpose) => {
        const address = spoil === undefined ? path : spoil(path);
        const first = Buffer.from(streams.stream(address, purpose).bytes(16)).toString('hex');
        seen.push(`${pair} ${path} ${purpose} ${first}`);
        return streams.stream(address, purpose);
      },
    });
    await trainSecure(DIRECT, { ...OPTIONS, steps: 4 }, { keys, streams: watch });
    return seen;
  }

  /** Both ends of a pair draw the same values at the same address; apart from that no two draws may agree. */
  function distinct(runs: readonly string[][]): boolean {
    const byValue = new Map<string, string>();
    runs.forEach((run, index) => {
      for (const draw of new Set(run)) {
        const value = draw.slice(-32);
        const where = `${index} ${draw}`;
        if (byValue.has(value) && byValue.get(value) !== where) byValue.set(value, 'repeated');
        else byValue.set(value, where);
      }
    });
    return [...byValue.values()].every((where) => where !== 'repeated');
  }

  it('across operations, steps, pairs and a second run', async () => {
    const other = pairKeys(104, 105, 106);
    const runs = [await draws(KEYS), await draws(other)];
    expect(runs[0].length).toBeGreaterThan(750);
    expect(distinct(runs)).toBe(true);
  });

  it('and this check notices a path that is ignored, and a key that is used again', async () => {
    expect(distinct([await draws(KEYS, (path) => path.replace(/step\/\d+/, 'step'))])).toBe(false);
    expect(distinct([await draws(KEYS), await draws(KEYS)])).toBe(false);
    expect(distinct([await draws([KEYS[0], KEYS[1], KEYS[1]])])).toBe(false);
  });
});

describe('a message that goes wrong', () => {
  const short = { ...OPTIONS, steps: 1, showLoss: false };

  /** Frames that one direction carries in an undisturbed run. */
  async function frames(from: string, to: string): Promise<number> {
    let count = 0;
    await trainSecure(DIRECT, short, {
      memory: (a, b) => ({
        tamper: (_index, bytes, sender) => {
          if (sender === from && (sender === a ? b : a) === to) count++;
          return [bytes];
        },
      }),
    });
    return count;
  }

  const faults: Record<string, (bytes: Uint8Array) => Uint8Array[]> = {
    lost: () => [],
    doubled: (bytes) => [bytes, bytes],
    cut: (bytes) => [bytes.subarray(0, bytes.length - 1)],
  };

  it.each(
    Object.keys(faults).flatMap((fault) =>
      [
        ['P0', 'P1'],
        ['P2', 'P1'],
        ['P1', 'P2'],
      ].map(([from, to]) => [fault, from, to]),
    ),
  )('%s, from %s to %s, for every n: all three stop with a reason', async (fault, from, to) => {
    const total = await frames(from, to);
    expect(total).toBeGreaterThan(5);
    const runs = Array.from({ length: total }, async (_, n) => {
      let index = 0;
      const run = trainSecure(DIRECT, short, {
        memory: (a, b) => ({
          // The two that the message is of end their waiting first: what a third one waits for is what follows from it.
          timeoutMs: [from, to].every((end) => end === a || end === b) ? 4000 : 8000,
          tamper: (_i, bytes, sender) => {
            if (sender !== from || (sender === a ? b : a) !== to) return [bytes];
            return index++ === n ? faults[fault](bytes) : [bytes];
          },
        }),
      });
      const reason = await run.then(
        () => 'completed',
        (error: unknown) => (error as Error).message,
      );
      return { n, reason };
    });
    for (const { n, reason } of await Promise.all(runs)) {
      expect(reason, `frame ${n} of ${total}`).not.toBe('completed');
      expect(reason, `frame ${n} of ${total}`).toMatch(new RegExp(`^${to}: .*${from}`, 'm'));
      // Whoever has said goodbye to everyone is done: the last frames concern their receiver alone.
      if (n >= total - 2) continue;
      for (const party of ['P0', 'P1', 'P2']) expect(reason, `frame ${n}: ${party}`).toContain(`${party}: `);
    }
  });
});
