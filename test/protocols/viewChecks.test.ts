/** The checks of views notice what they are for, and nothing else. */
import { describe, expect, it } from 'vitest';
import * as z64 from '../../src/ring/z64.ts';
import { ring, testRandom } from '../reference.ts';
import { linear, linearModulo, variables, wrongIn } from './views/checks.ts';
import type { Column } from './views/columns.ts';

describe('the checks', () => {
  const random = testRandom(11);
  const RUNS = 400;
  const words = (): BigUint64Array =>
    ring(
      Array.from(
        { length: RUNS },
        () => BigInt(Math.floor(random() * 2 ** 32)) * 2n ** 32n + BigInt(Math.floor(random() * 2 ** 32)),
      ),
    );
  const bits = (): Uint8Array => Uint8Array.from({ length: RUNS }, () => Math.floor(2 * random()));
  const residues = (p: number): Uint8Array => Uint8Array.from({ length: RUNS }, () => Math.floor(p * random()));
  const column = (name: string, received: boolean, values: Column['values'], kind?: Column['kind']): Column => ({
    ...{ name, received, values, kind: kind ?? (values instanceof BigUint64Array ? 'words' : 'bits') },
    ...{ group: name, comparison: 0, place: 0, form: 'sent' as const },
  });
  const wrong = (...columns: Column[]): number =>
    wrongIn(columns, 8, RUNS, 17).length +
    linearModulo([...columns, column('z', false, residues(17), 'residues')], 17).length;
  const [a, b, c] = [words(), words(), words()];
  const [s, t] = [residues(17), residues(17)];

  it.each<[string, Column[], boolean]>([
    ['a fresh word', [column('a', false, a), column('b', true, b)], false],
    ['a fresh element of Z_p', [column('s', false, s, 'residues'), column('t', true, t, 'residues')], false],
    ['fresh bits', [column('p', false, bits()), column('q', true, bits())], false],
    ['a constant', [column('a', true, words().fill(5n))], true],
    ['a known word and a constant', [column('a', false, a), column('b', true, z64.addConstant(a, 77n))], true],
    ['three times a known word', [column('a', false, a), column('b', true, z64.scale(a, 3n))], true],
    ['twice a fresh word', [column('b', true, z64.scale(b, 2n))], true],
    [
      'the sum of two known words',
      [column('a', false, a), column('b', false, b), column('c', true, z64.add(a, b))],
      true,
    ],
    ['two words under one mask', [column('a', true, a), column('b', true, z64.addConstant(a, 1n))], true],
    [
      'a sum of three received',
      [column('a', true, a), column('b', true, b), column('c', true, c), column('d', true, z64.add(z64.add(a, b), c))],
      true,
    ],
    [
      'a known word and a small number that changes',
      [column('a', false, a), column('b', true, z64.add(a, z64.shiftRight(b, 20)))],
      true,
    ],
    [
      'a small number that changes, less a known word',
      [column('a', false, a), column('b', true, z64.sub(z64.shiftRight(b, 9), a))],
      true,
    ],
    [
      'a word with a bit that is mostly 0',
      [
        column(
          'b',
          true,
          b.map((word, i) => (i % 4 ? word & ~(1n << 40n) : word)),
        ),
      ],
      true,
    ],
    [
      'a product of two bits',
      [
        column(
          'b',
          true,
          bits().map((bit, i) => bit & (i & 1)),
        ),
      ],
      true,
    ],
    [
      'a known element of Z_p, times 5',
      [
        column('s', false, s, 'residues'),
        column(
          't',
          true,
          s.map((value) => (5 * value + 2) % 17),
          'residues',
        ),
      ],
      true,
    ],
    [
      'a sum of two known elements of Z_p',
      [
        column('s', false, s, 'residues'),
        column('t', false, t, 'residues'),
        column(
          'u',
          true,
          s.map((value, i) => (value + t[i]) % 17),
          'residues',
        ),
      ],
      true,
    ],
    ['an element of Z_p that is never above 7', [column('s', true, residues(8), 'residues')], true],
  ])('%s', (_what, columns, isWrong) => {
    expect(wrong(...columns) > 0).toBe(isWrong);
  });

  it('an equation needs more runs than variables', () => {
    const many = Array.from({ length: RUNS }, (_, i) => column(`${i}`, true, bits()));
    expect(() => linear(variables(many), RUNS)).toThrow('400 variables need 464 runs');
  });
});
