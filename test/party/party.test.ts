/** No address is used twice: the guard of every fork and every stream, and that it holds for whoever asks. */
import { describe, expect, it } from 'vitest';
import type { Party } from '../../src/party/party.ts';
import { watchAddresses } from '../addresses.ts';
import { simulate } from '../simulate.ts';

/** What every party says when it does this. */
function everyParty(task: (party: Party) => unknown): Promise<unknown> {
  return simulate(async (party) => {
    await Promise.resolve();
    return task(party);
  });
}

const other = (party: Party): 'P0' | 'P1' => (party.name === 'P0' ? 'P1' : 'P0');

describe('an address that is used twice', () => {
  it.each<[string, (party: Party) => unknown, RegExp]>([
    [
      'a fork',
      (party) => [party.fork('x'), party.fork('x')],
      /^P0: address {2}\/x is used twice: random values would repeat/m,
    ],
    [
      'a fork of a fork',
      (party) => {
        const child = party.fork('a');
        return [child.fork('x'), party.fork('x'), child.fork('x')];
      },
      /address \/a \/x is used twice/,
    ],
    [
      'a fork under which a task ran',
      async (party) => {
        for (let i = 0; i < 2; i++) await party.under('x', () => Promise.resolve());
      },
      /address {2}\/x is used twice/,
    ],
    [
      'a stream',
      (party) => [party.stream(other(party), 's').z64(1), party.stream(other(party), 's').z64(1)],
      /address {2}P[01]:s is used twice/,
    ],
    [
      'a stream of a fork',
      (party) => {
        const child = party.fork('a');
        return [child.stream(other(party), 's'), child.stream(other(party), 's')];
      },
      /address \/a P[01]:s is used twice/,
    ],
    [
      'the chunks of two tensors',
      async (party) => {
        for (let i = 0; i < 2; i++) await party.chunks(5, () => Promise.resolve());
      },
      /address {2}\/0 is used twice/,
    ],
    ...[0, 7, 8, 9, 19].map((again): [string, (party: Party) => unknown, RegExp] => [
      `the ${again + 1}th of many`,
      (party) => {
        for (let i = 0; i < 20; i++) party.fork(`${i}`);
        party.fork(`${again}`);
      },
      new RegExp(`address {2}/${again} is used twice`),
    ]),
  ])('%s: the party stops', async (_what, task, message) => {
    await expect(everyParty(task)).rejects.toThrow(message);
  });

  it('is not one with another peer, another purpose or another fork', async () => {
    const addresses = await watchAddresses(() =>
      everyParty((party) => {
        for (const path of [party, party.fork('a'), party.fork('b'), party.fork('c').fork('a')]) {
          for (const peer of (['P0', 'P1', 'P2'] as const).filter((name) => name !== party.name)) {
            path.stream(peer, 's');
            path.stream(peer, 't');
          }
        }
      }),
    );
    expect(addresses.ends.length).toBe(6);
    for (const asked of addresses.ends)
      expect(asked).toEqual(['', '/a', '/b', '/c/a'].flatMap((path) => [`${path}:s`, `${path}:t`]));
    expect(addresses.repeated()).toEqual([]);
  });

  it('is seen by the tap, too', async () => {
    const addresses = await watchAddresses(() =>
      simulate(
        (party) => {
          const drawn = party.id < 2 ? ['s', 't'].map((purpose) => party.stream(party.peer, purpose)) : [];
          return Promise.resolve(drawn.length);
        },
        { streams: (streams) => ({ stream: (path) => streams.stream(path, 's') }) },
      ),
    );
    expect(addresses.repeated()).toEqual([':s', ':s']);
  });
});

it('P2 shares no key with the pair of the workers', async () => {
  const everybody = await simulate((party) =>
    Promise.resolve((['P0', 'P1', 'P2'] as const).filter((name) => name !== party.name && party.stream(name, 's'))),
  );
  expect(everybody.results).toEqual([
    ['P1', 'P2'],
    ['P0', 'P2'],
    ['P0', 'P1'],
  ]);
  await expect(everyParty((party) => party.id === 2 && party.stream('P2', 's'))).rejects.toThrow(
    'P2: P2 shares no key with P2 (, s)',
  );
});
