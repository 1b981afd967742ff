import { expect, it } from 'vitest';
import { BLOCK_ELEMENTS, blocks } from '../../src/channel/blocks.ts';

it.each([0, 1, BLOCK_ELEMENTS - 1, BLOCK_ELEMENTS])('%i elements are one block', (count) => {
  expect([...blocks('E', count)]).toEqual([{ label: 'E', from: 0, to: count }]);
});

it('the blocks of what is longer follow one another under labels of their own', () => {
  expect([...blocks('E', 2 * BLOCK_ELEMENTS)].map(({ label }) => label)).toEqual(['E', 'E/1']);
  expect([...blocks('a/E', 2 * BLOCK_ELEMENTS + 1)]).toEqual([
    { label: 'a/E', from: 0, to: BLOCK_ELEMENTS },
    { label: 'a/E/1', from: BLOCK_ELEMENTS, to: 2 * BLOCK_ELEMENTS },
    { label: 'a/E/2', from: 2 * BLOCK_ELEMENTS, to: 2 * BLOCK_ELEMENTS + 1 },
  ]);
});
