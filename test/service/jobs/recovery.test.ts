/** Whatever is lost and whoever dies: the job ends, at all three in the same way, and nothing begins that must not. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PARTY_NAMES, type PartyName } from '../../../src/server/ipc.ts';
import { Simulation, type Faults } from './simulation.ts';

/** Xorshift: the same for the same seed. */
function randomFrom(seed: number): () => number {
  let state = (seed | 0) === 0 ? 1 : seed | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function simulate(faults: Faults, seed = 1): Simulation {
  const simulation = new Simulation(faults, randomFrom(seed));
  simulation.run();
  expect(simulation.wrongs).toEqual([]);
  return simulation;
}

function states({ parties }: Simulation): Record<PartyName, string> {
  const said = (party: PartyName): string => {
    const { state, reason = '' } = parties[party].member.record;
    return `${state} ${reason}`.trim();
  };
  return { P0: said('P0'), P1: said('P1'), P2: said('P2') };
}

const DONE = { P0: 'succeeded', P1: 'succeeded', P2: 'succeeded' };

describe('a training of three parties', () => {
  it('is done in one attempt where nothing goes wrong, and leaves no checkpoint', () => {
    const simulation = simulate({});
    expect(states(simulation)).toEqual(DONE);
    for (const party of PARTY_NAMES) {
      expect(simulation.parties[party].member.record).toMatchObject({ attempt: 1, begun: true });
      expect(simulation.parties[party].holdings).toEqual([]);
    }
  });

  it.each(PARTY_NAMES)('is done whatever write it is at which %s crashes, before or after', (party) => {
    const { writes } = simulate({}).parties[party];
    expect(writes).toBeGreaterThanOrEqual(4);
    for (let write = 1; write <= writes; write++) {
      for (const when of ['before', 'after'] as const) {
        const simulation = simulate({ crashes: [{ party, write, when }] }, write);
        expect({ write, when, ...states(simulation) }).toEqual({ write, when, ...DONE });
      }
    }
  });

  it('is done whatever two writes are those at which parties crash', () => {
    const crashes = PARTY_NAMES.flatMap((party) =>
      [1, 2, 3, 4, 5, 6].flatMap((write) => (['before', 'after'] as const).map((when) => ({ party, write, when }))),
    );
    for (const [i, first] of crashes.entries()) {
      for (const second of crashes.slice(i + 1)) {
        const simulation = simulate({ crashes: [first, second] }, i + 1);
        expect({ first, second, ...states(simulation) }).toEqual({ first, second, ...DONE });
      }
    }
  });

  it('is done with messages lost, doubled and overtaken, and parties and processes killed', () => {
    const kill = fc.record({
      at: fc.double({ min: 0, max: 30, noNaN: true }),
      party: fc.constantFrom(...PARTY_NAMES),
      what: fc.constantFrom('party' as const, 'process' as const),
      back: fc.double({ min: 0, max: 20, noNaN: true }),
    });
    const faults = fc.record({
      loss: fc.double({ min: 0, max: 0.1, noNaN: true }),
      twice: fc.double({ min: 0, max: 0.3, noNaN: true }),
      kills: fc.array(kill, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(faults, fc.integer({ min: 1 }), (each, seed) => {
        expect(states(simulate(each, seed))).toEqual(DONE);
      }),
      { numRuns: 500 },
    );
  });

  it('is done where a party that is down is killed once more', () => {
    const kill = { at: 0, party: 'P0', what: 'party' } as const;
    const kills = [
      { ...kill, back: 0 },
      { ...kill, back: 0.33 },
    ];
    expect(states(simulate({ kills }, 425926487))).toEqual(DONE);
  });

  it('goes on after all three were stopped at a step', () => {
    const simulation = simulate({ stopAt: 3 });
    // It stops there once; the next attempt begins at that step and does not come to it again.
    expect(states(simulation)).toEqual(DONE);
    expect(simulation.parties.P1.member.record.attempt).toBe(2);
  });

  it.each(['P1', 'P2'] as const)('fails at the others, with the reason, when %s stays away', (party) => {
    const simulation = simulate({ kills: [{ at: 4, party, what: 'party', back: Infinity }] });
    for (const other of PARTY_NAMES.filter((each) => each !== party))
      expect(states(simulation)[other]).toMatch(new RegExp(`^failed ${party} has been away for \\d+ s`));
  });

  it('fails at P1 and P2, with the reason, when P0 stays away', () => {
    const simulation = simulate({ kills: [{ at: 4, party: 'P0', what: 'party', back: Infinity }] });
    for (const other of ['P1', 'P2'] as const)
      expect(states(simulation)[other]).toMatch(/^failed P0 has been away for \d+ s/);
  });

  it('waits for a party that is away before it has begun', () => {
    const simulation = simulate({ kills: [{ at: 0, party: 'P2', what: 'party', back: 600 }] });
    expect(states(simulation)).toEqual(DONE);
  });

  it.each(PARTY_NAMES)('is done though %s is started again more often than an attempt may fail', (party) => {
    const kills = Array.from({ length: 14 }, (_, i) => ({ at: 2 + 5 * i, party, what: 'party' as const, back: 1 }));
    // Before the first checkpoint of a step is complete, mostly.
    const simulation = simulate({ kills, slow: 4 });
    expect(states(simulation)).toEqual(DONE);
    expect(simulation.parties.P0.member.record.attempt).toBeGreaterThan(5);
  });

  it('fails when attempt after attempt gets no further, and says what the last one ended of', () => {
    const kills = Array.from({ length: 400 }, (_, i) => ({
      at: 0.5 * i,
      party: 'P1' as const,
      what: 'process' as const,
    }));
    const simulation = simulate({ kills });
    const { P0 } = states(simulation);
    expect(P0).toMatch(/^failed 5 attempts in a row got no further than step \d+; the last one: party P1 was killed/);
    expect(states(simulation)).toEqual({ P0, P1: P0, P2: P0 });
  });
});
