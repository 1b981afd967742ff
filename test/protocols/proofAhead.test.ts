/**
 * Codes that P2 deals ahead are proved ahead (PROTOCOLS §10): before anybody asks for them, in any order, by whatever P2 names; and what an operation
 * gets is what was accepted for it.
 */
import { expect, it } from 'vitest';
import { type DigitCode, ownMethods, P17, P31 } from '../../runtime/compute.ts';
import type { RecordedMessage } from '../../src/channel/memory.ts';
import type { Party } from '../../src/party/party.ts';
import * as codeProof from '../../src/protocols/paper/codeProof.ts';
import { randomRing } from '../reference.ts';
import { thermometerReference } from '../reference/compare.ts';
import { simulateRanks } from '../ranks/simulate.ts';
import { pairKeys, simulate, type SimulationOptions } from '../simulate.ts';

const COUNT = 20;
const X = [0, 1, 2].map(() => randomRing(COUNT));
const CODES = X.map((x) => [...x].flatMap((value) => thermometerReference(P17, value)));

/** P2 deals codes under three forks, and `more`; workers ask once `asks` lets them. Resolves with what they hold, by fork. */
async function session(
  asks: (party: Party) => Promise<void>,
  options: SimulationOptions,
  order: readonly number[] = [0, 1, 2],
  more: (party: Party) => readonly Promise<void>[] = () => [],
  handed: string[] = [],
): Promise<number[][]> {
  const { results } = await simulate<Uint8Array[]>(
    async (party) => {
      const lanes = X.map((_, i) => party.fork(`${i}`, i === 1 ? 'P1' : 'P0'));
      if (party.id === 2) {
        await Promise.all([...more(party), ...order.map((i) => codeProof.deal(lanes[i], 'digits', P17, X[i]))]);
        return [];
      }
      codeProof.answerAhead(party);
      await asks(party);
      const held = [];
      for (const lane of lanes) {
        const { g, accepted } = await codeProof.dealt(lane, 'digits', P17, COUNT)();
        await accepted;
        handed.push(`${party.name} ${lane.path}`);
        held.push(g);
      }
      expect(party.depth).toBe(0);
      return held;
    },
    { security: 'private', ...options },
  );
  return X.map((_, i) => [...results[0][i]].map((value, j) => (value + results[1][i][j]) % 17));
}

/** Resolves when so many messages with a purpose have arrived. */
class Arrivals {
  readonly #seen: string[] = [];
  #wake: () => void = () => undefined;

  readonly memory = (): { record: (message: RecordedMessage) => void } => ({
    record: ({ label }) => {
      this.#seen.push(label.slice(label.lastIndexOf(':') + 1));
      this.#wake();
    },
  });

  async all(purpose: string, count: number): Promise<void> {
    while (this.#seen.filter((name) => name === purpose).length < count)
      await new Promise<void>((resolve) => {
        const before = this.#wake;
        this.#wake = () => {
          before();
          resolve();
        };
      });
  }
}

it.each([
  [0, 1, 2],
  [2, 0, 1],
])('before anybody asks all is shown, P2 dealing first what comes at place %i', async (...order) => {
  const arrivals = new Arrivals();
  const held = await session(() => arrivals.all('shares', X.length), { memory: arrivals.memory }, order);
  expect(held).toEqual(CODES);
});

it('a wrong code that nobody has asked for ends the session at whatever is asked for next', async () => {
  const arrivals = new Arrivals();
  const handed: string[] = [];
  const options: SimulationOptions = {
    memory: arrivals.memory,
    compute: (compute, id) =>
      id !== 2
        ? compute
        : {
            ...ownMethods(compute),
            thermometer: async (code: DigitCode, x, share0, out) => {
              const share1 = await compute.thermometer(code, x, share0, out);
              if (x[0] === X[2][0]) share1[5] = (share1[5] + 2) % 17;
              return share1;
            },
          },
  };
  const asks = (): Promise<void> => arrivals.all('shares', X.length).then(settled);
  await expect(session(asks, options, [0, 1, 2], undefined, handed)).rejects.toThrow(
    'P1: /2/proof/P1/17/20: what P2 dealt is no code of digits',
  );
  expect(handed.filter((what) => what.startsWith('P1'))).toEqual([]);
});

async function settled(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
}

it('what P2 deals for no operation, or as it is none, takes the place of nothing', async () => {
  const arrivals = new Arrivals();
  const others = (party: Party): Promise<void>[] => [
    codeProof.deal(party.laneAhead('/elsewhere', 'P0'), 'digits', P17, randomRing(COUNT)),
    codeProof.deal(party.laneAhead('/0', 'P1'), 'digits', P17, randomRing(COUNT)), // dealt to the other worker
    codeProof.deal(party.laneAhead('/0', 'P0'), 'digits', P17, randomRing(COUNT + 1)),
    codeProof.deal(party.laneAhead('/0', 'P0'), 'digits', P31, randomRing(COUNT)),
  ];
  const asks = (): Promise<void> => arrivals.all('shares', X.length + 4);
  expect(await session(asks, { memory: arrivals.memory }, [0, 1, 2], others)).toEqual(CODES);
});

it('a worker begins no more for many names of few values than for few of many', async () => {
  const NAMES = 8_500;
  const AT_ONCE = 2 ** 26 / 8192; // what it may hold, by what each takes at the least
  const seeds: string[] = [];
  const looked = 'has looked';
  const memory = (): { record: (message: RecordedMessage) => void } => ({
    record: ({ label }) => {
      if (label.endsWith(':seed')) seeds.push(label);
    },
  });
  const running = simulate(
    async (party) => {
      if (party.id === 0) return party.receive('P1', 'over', 'u8', 1);
      if (party.id === 1) {
        codeProof.answerAhead(party);
        await party.receive('P2', 'all', 'u8', 1);
        await settled();
        throw new Error(looked);
      }
      const none = party.laneAhead('/none/proof/P1/17/0', 'P0');
      await none.send('P1', 'digits', new Uint8Array());
      const bytes = codeProof.bytes(P17, 1, 'semi-honest');
      for (let i = 0; i < NAMES; i++)
        await party.laneAhead(`/${i}/proof/P1/17/1`, 'P0').send('P1', 'digits', new Uint8Array(bytes));
      await party.send('P1', 'all', new Uint8Array(1));
      return party.receive('P1', 'over', 'u8', 1);
    },
    { security: 'private', memory },
  );
  await expect(running).rejects.toThrow(looked);
  expect(seeds.length).toBeGreaterThan(AT_ONCE / 2);
  expect(seeds.length).toBeLessThanOrEqual(AT_ONCE);
  expect(seeds.filter((label) => label.startsWith('/none'))).toEqual([]);
});

it('a path that P2 names to one rank tells it nothing of the challenge that another has there', async () => {
  const seeds: string[] = [];
  const memory = (): { record: (message: RecordedMessage) => void } => ({
    record: ({ label, data }) => {
      if (label.endsWith(':seed')) seeds.push(`${label} ${Buffer.from(data as Uint8Array).toString('hex')}`);
    },
  });
  await simulateRanks(
    2,
    async (party) => {
      const lane = party.fork('0', 'P0');
      if (party.id === 2) return codeProof.deal(lane, 'digits', P17, X[0]);
      const { accepted } = await codeProof.dealt(lane, 'digits', P17, COUNT)();
      await accepted;
    },
    { keys: pairKeys(1, 2, 3), security: 'private', memoryOf: () => memory },
  );
  expect(seeds).toHaveLength(2);
  expect(new Set(seeds).size).toBe(2);
});
