import { expect, it } from 'vitest';
import { Rounds } from '../../src/client/rounds.ts';

it('a round counts once, whichever worker is ahead', () => {
  const rounds = new Rounds();
  expect(rounds.add(0, 0)).toBe(0);
  expect(rounds.add(1, 3)).toBe(3); // a comparison: P1 was sent what P0 drew
  expect(rounds.add(3, 0)).toBe(1); // the next opening brings P0 past P1
  expect(rounds.add(0, 1)).toBe(0); // and P1 up to it
  expect(rounds.add(2, 2)).toBe(2);
});
