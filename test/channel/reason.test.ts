import { describe, expect, it } from 'vitest';
import { ChannelError } from '../../src/channel/channel.ts';
import { reasonFor } from '../../src/channel/reason.ts';
import { Problem } from '../../src/data/problem.ts';
import { encode } from '../../src/ring/fixed.ts';

/** What a call throws. */
function thrown(act: () => unknown): unknown {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('what others are told of an error', () => {
  it.each<[string, unknown, string]>([
    ['of a link', new ChannelError('expected "x" (u8[1]), found u8[2]'), 'expected "x" (u8[1]), found u8[2]'],
    ['with words for others', new Problem('/home/a/b: full', 'fix', { told: 'no room' }), 'no room'],
    [
      'without',
      new Problem('label 7 of image 3 in /home/a', 'fix'),
      'an error of its own (Problem), which it alone knows',
    ],
    ['of the engine', thrown(() => BigInt(1234.5)), 'an error of its own (RangeError), which it alone knows'],
    [
      'of a parser',
      thrown(() => JSON.parse('secret') as unknown),
      'an error of its own (SyntaxError), which it alone knows',
    ],
    [
      'with a changed name',
      Object.assign(new Error('12345'), { name: '12345' }),
      'an error of its own (Error), which it alone knows',
    ],
    ['that is none', 'weight 12345', 'an error of its own'],
    ['undefined', undefined, 'an error of its own'],
  ])('%s', (_what, error, told) => {
    expect(reasonFor(error)).toBe(told);
  });
});

describe('a number that does not fit', () => {
  it.each([[2 ** 46], [-(2 ** 46)], [NaN], [Infinity]])('%d is named by its place', (value) => {
    const error = thrown(() => encode([1, value], 16)) as Error;
    expect(error.message).toBe(
      'encode: element 1 does not fit: with 16 fractional bits |x| must be below 70368744177664',
    );
  });

  it('the largest that does', () => {
    expect(encode([2 ** 46 - 1], 16)[0]).toBe(BigInt(2 ** 62) - 65536n);
  });
});
