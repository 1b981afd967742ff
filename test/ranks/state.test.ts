/** The training state between ranks: a rank has its own pieces, and rank 0 of those of others no more than belong to one tensor. */
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Value } from '../../src/engine/engine.ts';
import { createSecureEngine, type SecureEngine } from '../../src/engine/secure.ts';
import type { Network } from '../../src/nn/network.ts';
import type { State } from '../../src/nn/optimizer.ts';
import { Pieces } from '../../src/nn/pieces.ts';
import type { Gathered } from '../../src/nn/ranks.ts';
import { WholeState } from '../../src/nn/wholeState.ts';
import { sizeOf } from '../../src/ring/shape.ts';
import { DIRECT } from '../nn/tiny.ts';
import { testRandom } from '../reference.ts';
import { pairKeys } from '../simulate.ts';
import { simulateRanks } from './simulate.ts';

/** Weights of three pieces, two and one. */
const NETWORK: Network = {
  name: 'pieces',
  input: [200],
  layers: [{ type: 'dense', units: 200 }, { type: 'relu' }, { type: 'dense', units: 120 }, { type: 'dense', units: 3 }],
};
const pieces = new Pieces(NETWORK);
const RANKS = 3;
const owners = pieces.owners(RANKS);

interface Known {
  readonly name: string;
  readonly data: BigUint64Array;
  readonly opening?: BigUint64Array;
}

/** Parameters, and what an optimizer remembers of the weights; of a tensor that enters products the opening, too. */
function known(party: number): Known[] {
  const next = testRandom(31 + party);
  const random = (count: number): BigUint64Array =>
    BigUint64Array.from({ length: count }, () => BigInt(Math.floor(next() * 2 ** 53)));
  const tensor = (name: string, shape: readonly number[], open: boolean): Known => ({
    name,
    data: random(sizeOf(shape)),
    ...(open && { opening: random((party === 2 ? 2 : 1) * sizeOf(shape)) }),
  });
  return pieces.tensors.flatMap(({ name, shape, operand }) => [
    tensor(name, shape, operand),
    ...(operand ? [tensor(`velocity/${name}`, shape, false)] : []),
  ]);
}

function valueOf(engine: SecureEngine, { name, data, opening }: Known): Value {
  const { shape } = pieces.tensor(name.slice(name.indexOf('/') + 1));
  return engine.input(`given/${name}`, shape, 16, engine.id === 2 ? null : data, opening);
}

/** Those that rank 0 does not hold. */
function othersPieces(name: string): number {
  const { pieces: some } = pieces.tensor(name.slice(name.indexOf('/') + 1));
  return some.filter(({ number }) => owners[number] > 0).length;
}

/** Deals and reads a state. @param told at rank 0, before each tensor is dealt and after each that has been read, with the labels so far within its party */
async function dealAndRead(
  what: Gathered,
  told: (when: 'dealing' | 'read', names: readonly string[], labels: readonly string[], party: number) => void,
): Promise<Map<string, Known>[]> {
  const labels: string[][] = [[], [], []];
  const read = labels.map(() => new Map<string, Known>());
  await simulateRanks(
    RANKS,
    async (party, team) => {
      const engine = createSecureEngine(party, { ...DIRECT, reveal: () => Promise.resolve() });
      if (team.rank > 0) {
        const mine = await team.deal(engine, pieces, undefined);
        expect(mine.size).toBeGreaterThan(0);
        await team.gather(engine, what, pieces, mine);
        return;
      }
      const given = known(party.id);
      async function* all(): AsyncGenerator<State, void> {
        const before: string[] = [];
        for (const each of given) {
          await turn();
          told('dealing', before, labels[party.id], party.id);
          yield pieces.split(engine, new Map([[each.name, valueOf(engine, each)]]));
          before.push(each.name);
        }
      }
      const mine = await team.deal(engine, pieces, all());
      const own = what === 'state' ? mine : pieces.parametersOf(mine);
      const whole = new WholeState(engine, pieces, own, await team.gather(engine, what, pieces, mine));
      const facts = whole.facts((x) => engine.opened(x));
      const names: string[] = [];
      for await (const [name, x] of whole.values()) {
        names.push(name);
        for (let i = 0; i < 20; i++) await turn();
        told('read', names, labels[party.id], party.id);
        const { data, opening } = await engine.held(x);
        expect(facts[names.length - 1]).toEqual({
          ...{ name, shape: x.shape, fractionBits: 16 },
          opened: opening !== undefined,
        });
        read[party.id].set(name, { name, data: data ?? new BigUint64Array(0), ...(opening && { opening }) });
      }
      expect(facts).toHaveLength(names.length);
    },
    { keys: pairKeys(1, 2, 3), within: (party, label, [, rank]) => void labels[party].push(`${rank}: ${label}`) },
  );
  return read;
}

const none = (): void => undefined;

describe('the training state of several ranks', () => {
  it('is read as it was dealt, by each party what it holds', async () => {
    const read = await dealAndRead('state', none);
    for (const [party, tensors] of read.entries()) {
      const given = known(party);
      expect([...tensors.keys()]).toEqual(given.map(({ name }) => name));
      for (const { name, data, opening } of given) {
        expect(tensors.get(name)!.opening, name).toEqual(opening);
        expect(tensors.get(name)!.data, name).toEqual(party === 2 ? new BigUint64Array(0) : data);
      }
    }
  });

  it('is read without what only a later step needs where the parameters are asked for', async () => {
    const read = await dealAndRead('parameters', none);
    expect([...read[0].keys()]).toEqual(pieces.tensors.map(({ name }) => name));
    for (const { name, data } of known(1).filter((each) => read[1].has(each.name)))
      expect(read[1].get(name)!.data).toEqual(data);
  });

  it.each(['state', 'parameters'] as const)('at rank 0 is one tensor after the other (%s)', async (what) => {
    let looked = 0;
    await dealAndRead(what, (when, names, labels, party) => {
      const pieceOf = when === 'dealing' ? /: state\/0\/\d+\/\d+\/(data|opening)$/ : /: state\/1\/\d+\/(data|opening)$/;
      const moved = new Set(labels.filter((label) => pieceOf.test(label)).map((label) => label.replace(/\/\w+$/, '')));
      const most = names.reduce((sum, name) => sum + othersPieces(name), 0);
      // All of those before have gone when the next is made, and none has come that is not asked for. P2 has no share to give.
      if (party < 2) expect(moved.size, `${when} ${names.at(-1)}`).toBe(most);
      else expect(moved.size, `${when} ${names.at(-1)}`).toBeLessThanOrEqual(most);
      looked++;
    });
    expect(looked).toBe(3 * (known(0).length + (what === 'state' ? known(0) : pieces.tensors).length));
  });
});
