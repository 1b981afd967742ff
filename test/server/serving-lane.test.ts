/** P1 and P2 of a serving session, and a P0 that says what it may not. */
import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { memoryPair } from '../../src/channel/memory.ts';
import type { InputPart, Notice } from '../../src/server/ipc.ts';
import { P1Inputs, P2Inputs, type ServingInputs } from '../../src/server/serving-inputs.ts';
import { ServingLane, type Chosen, type ServingMessage } from '../../src/server/serving-lane.ts';

const MOST = 4;

function follower(name: 'P1' | 'P2') {
  const [atP0, fromP0] = memoryPair('P0', name);
  const [own, other] = memoryPair(name, name === 'P1' ? 'P2' : 'P1');
  const told: Notice[] = [];
  const notify = (notice: Notice): void => void told.push(notice);
  const inputs: ServingInputs =
    name === 'P1' ? new P1Inputs(notify, fromP0, own, MOST) : new P2Inputs(notify, fromP0, own, MOST);
  inputs.heard.catch(() => undefined);
  const P0 = new ServingLane(atP0);
  /** What P0 hears, until so many messages have come. */
  const hear = async (count: number): Promise<ServingMessage[]> => {
    const heard: ServingMessage[] = [];
    await new Promise<void>((resolve) => {
      void P0.listen((message) => {
        if (heard.push(message) === count) resolve();
      });
    });
    return heard;
  };
  return { inputs, told, say: (message: ServingMessage) => P0.send(message), hear, other };
}

function part(id: string, images = 1): InputPart {
  return {
    id,
    client: 'c',
    images,
    opened: new BigUint64Array(4 * images).fill(7n),
    masks: [randomBytes(16), randomBytes(16)],
  };
}

/** As P0 lets it through. */
function chosen({ id, opened }: InputPart): Chosen {
  const digest = createHash('sha256').update(new Uint8Array(opened!.buffer)).digest('hex');
  return { id, digest };
}

describe.each(['P1', 'P2'] as const)('%s', (name) => {
  const forIt = (inputs: readonly InputPart[]): Chosen[] =>
    inputs.map((each) => (name === 'P1' ? chosen(each) : { id: each.id }));

  it('begins what P0 lets through, together and in its order', async () => {
    const { inputs, say } = follower(name);
    const parts = [part('a'), part('b', 2), part('c')];
    inputs.take(parts);
    await say({ kind: 'next', n: 0, inputs: forIt([parts[2], parts[0]]) });
    await say({ kind: 'next', n: 1, inputs: forIt([parts[1]]) });
    const ids = async (): Promise<unknown> => (await inputs.next())?.inputs.map((input) => input.part.id);
    expect(await ids()).toEqual(['c', 'a']);
    expect(await ids()).toEqual(['b']);
  });

  it.each<[string, (parts: readonly InputPart[]) => readonly ServingMessage[]]>([
    ['a batch under a number that another has', ([a, b]) => [0, 0].map((n, i) => next(n, [[a, b][i]]))],
    ['a batch that is not the next one', ([a]) => [next(1, [a])]],
    ['more images than go together', (parts) => [next(0, parts)]],
    ['an input that is not here', () => [next(0, [part('x')])]],
    ['an input twice in a batch', ([a]) => [next(0, [a, a])]],
    ['an input a second time', ([a]) => [next(0, [a]), next(1, [a])]],
    ['that it has an input', ([a]) => [{ kind: 'have', inputs: [{ id: a.id, images: 1, digest: 'a0'.repeat(32) }] }]],
    ['that somebody has gone', ([a]) => [{ kind: 'gone', id: a.id }]],
  ])('ends the session when P0 says %s', async (_, messages) => {
    const { inputs, say } = follower(name);
    const parts = [part('a'), part('b'), part('c', MOST - 1)];
    inputs.take(parts);
    for (const message of messages(parts)) await say(message);
    const rest = async (): Promise<never> => {
      for (;;) if ((await inputs.next()) === undefined) throw new Error('it ended well');
    };
    await expect(rest()).rejects.toThrow(/^P0 (lets|says) /);
  });

  it('tells at once of what comes while nothing is under way, and together of what comes meanwhile, before it goes', async () => {
    const { inputs, say, hear } = follower(name);
    const parts = ['a', 'b', 'c', 'd', 'e'].map((id) => part(id));
    inputs.take([parts[0]]);
    await say({ kind: 'next', n: 0, inputs: forIt([parts[0]]) });
    const batch = await inputs.next();
    inputs.take([parts[1]]);
    inputs.take([parts[2]]);
    inputs.withdraw('c');
    inputs.take([parts[3]]);
    inputs.done(batch!);
    inputs.take([parts[4]]);
    const words = (await hear(5)).map((told) => {
      if (told.kind === 'have') return told.inputs.map(({ id }) => id).join(' ');
      return `${told.kind} ${told.kind === 'gone' ? told.id : ''}`;
    });
    expect(words).toEqual(['a', 'b c', 'gone c', 'd', 'e']);
  });

  it('tells of what comes meanwhile also where the batch takes long', async () => {
    const { inputs, say, hear } = follower(name);
    const parts = ['a', 'b'].map((id) => part(id));
    inputs.take([parts[0]]);
    await say({ kind: 'next', n: 0, inputs: forIt([parts[0]]) });
    await inputs.next();
    inputs.take([parts[1]]);
    expect((await hear(2)).map(({ kind }) => kind)).toEqual(['have', 'have']);
  });

  it('takes back what P0 drops, and tells whoever sent it why', async () => {
    const { inputs, say, told } = follower(name);
    inputs.take([part('a')]);
    await say({ kind: 'drop', id: 'a', reason: 'of some reason' });
    await say({ kind: 'over' });
    expect(await inputs.next()).toBeUndefined();
    expect(told).toEqual([{ type: 'rejected', id: 'a', reason: 'of some reason', computed: false }]);
    inputs.take([part('b')]);
    expect(told.at(-1)).toEqual({ type: 'rejected', id: 'b', reason: 'the session is over', computed: false });
  });

  function next(n: number, parts: readonly InputPart[]): ServingMessage {
    return { kind: 'next', n, inputs: forIt(parts) };
  }
});

it('P1 begins no input of which P0 has another E', async () => {
  const { inputs, say } = follower('P1');
  inputs.take([part('a')]);
  await say({ kind: 'next', n: 0, inputs: [{ id: 'a', digest: 'a0'.repeat(32) }] });
  await expect(inputs.next()).rejects.toThrow('P0 lets an input through of which it has another E');
});
