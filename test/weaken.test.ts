/** The list of `scripts/weaken.ts` fits the source: every change finds its place. */
import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { WEAKENINGS } from '../scripts/weakenings/all.ts';
import { weakened } from '../scripts/weakenings/weakening.ts';

const read = (file: string): string => readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');

it.each(WEAKENINGS)('$name', ({ edits, tests }) => {
  const files = weakened(edits, read);
  for (const [file, text] of files) expect(text, file).not.toBe(read(file));
  for (const test of tests) expect(existsSync(new URL(`../${test}`, import.meta.url)), test).toBe(true);
});

it('no name stands for two', () => {
  expect(new Set(WEAKENINGS.map(({ name }) => name)).size).toBe(WEAKENINGS.length);
});
