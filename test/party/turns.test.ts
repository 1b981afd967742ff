import { expect, it } from 'vitest';
import { Turns } from '../../src/party/turns.ts';

const ENDLESS_MS = 1e9;

/** Numbers of the turns in which pieces begin, in the order in which they do. */
async function turnsOf(
  turns: Turns,
  pieces: readonly { name: string; answering?: boolean }[],
): Promise<[string, number][]> {
  let turn = 0;
  let counting = true;
  const count = (): void => {
    turn++;
    if (counting) setImmediate(count);
  };
  setImmediate(count);
  const begun: [string, number][] = [];
  await Promise.all(
    pieces.map(async ({ name, answering }) => {
      await turns.pause(answering);
      begun.push([name, turn]);
    }),
  );
  counting = false;
  return begun;
}

const named = (...names: readonly string[]): { name: string }[] => names.map((name) => ({ name }));

it('pieces of a short turn begin at once', async () => {
  const begun = await turnsOf(new Turns(ENDLESS_MS), named('a', 'b', 'c'));
  expect(begun).toEqual([
    ['a', 0],
    ['b', 0],
    ['c', 0],
  ]);
});

it('once a turn has been long a piece begins in each of the next ones, first come first served', async () => {
  const begun = await turnsOf(new Turns(0), named('a', 'b', 'c', 'd'));
  expect(begun.map(([name]) => name)).toEqual(['a', 'b', 'c', 'd']);
  expect(new Set(begun.map(([, turn]) => turn)).size).toBe(4);
});

it('what follows a message goes before what does not', async () => {
  const pieces = [...named('first', 'deal', 'other deal'), { name: 'answer', answering: true }];
  expect((await turnsOf(new Turns(0), pieces)).map(([name]) => name)).toEqual([
    'first',
    'answer',
    'deal',
    'other deal',
  ]);
});

it('nobody overtakes those who wait, however short the turn is by then', async () => {
  const turns = new Turns(0);
  const order: string[] = [];
  const piece = async (name: string): Promise<void> => {
    await turns.pause();
    order.push(name);
    if (name === 'b') void piece('late');
  };
  await Promise.all([piece('a'), piece('b'), piece('c')]);
  await turns.pause();
  expect(order).toEqual(['a', 'b', 'c', 'late']);
});

it('what nobody waits for yet goes last', async () => {
  const turns = new Turns(0);
  const order: string[] = [];
  const piece = async (name: string, wait: Promise<void>): Promise<void> => {
    await wait;
    order.push(name);
  };
  await turns.pause();
  await Promise.all([
    piece('aside', turns.leisure()),
    piece('deal', turns.pause()),
    piece('answer', turns.pause(true)),
    piece('other aside', turns.leisure()),
    piece('the rest of one', turns.leisure(true)),
  ]);
  expect(order).toEqual(['answer', 'deal', 'the rest of one', 'aside', 'other aside']);
});
