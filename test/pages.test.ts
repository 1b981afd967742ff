/** The pages for people: no line that a terminal would wrap, and no name of a file that is not there. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const WIDEST = 120;
const PAGES = ['.', 'docs', 'findings'].flatMap((folder) =>
  readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join(folder, name)),
);

describe.each(PAGES)('%s', (page) => {
  const text = readFileSync(join(ROOT, page), 'utf8');

  it(`has no line of more than ${WIDEST} characters`, () => {
    expect(text.split('\n').filter((line) => line.replace(/\p{M}/gu, '').length > WIDEST)).toEqual([]);
  });

  it('names files that are there', () => {
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)[^)]*\)/g)].map(([, path]) =>
      join(dirname(page), path),
    );
    const paths = [...text.matchAll(/`((?:src|test|bench|docs|runtime|shaders|scripts|findings)\/[\w./-]+)`/g)].map(
      ([, path]) => path,
    );
    expect([...links, ...paths].filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});
