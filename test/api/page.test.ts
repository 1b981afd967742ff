/** What a page loads of the package: built modules, by the conditions of a browser, and nothing of Node among them. */
import { readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const { exports: entries, imports: seams } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<'.' | './client', { readonly default: string }>>;
  readonly imports: Readonly<Record<string, { readonly default: string }>>;
};
/** The compiler writes either kind of quotation mark. */
const IMPORT = /\b(?:from|import)\s*\(?\s*(['"])([\w@#./:-]+)\1/g;

/** Every built file that an entry loads, now or later, with the packages that it asks for. */
function reached(entry: string): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  const visit = (file: string): void => {
    if (found.has(file)) return;
    const code = readFileSync(join(ROOT, file), 'utf8').replaceAll(/\/\*[^]*?\*\//g, '');
    const targets = [...code.matchAll(IMPORT)].map(([, , to]) => to);
    found.set(
      file,
      targets.filter((to) => !/^[.#]/.test(to)),
    );
    for (const to of targets) {
      if (to.startsWith('.')) visit(join(dirname(file), to));
      if (to.startsWith('#')) visit(join(seams[to].default));
    }
  };
  visit(join(entry));
  return found;
}

describe.each(['.', './client'] as const)('the entry %s, in a page', (name) => {
  const files = reached(entries[name].default);

  it('loads nothing of Node', () => {
    expect(files.size).toBeGreaterThan(100);
    const ofNode = [...files].flatMap(([file, packages]) =>
      packages.filter((to) => to.startsWith('node:') || builtinModules.includes(to)).map((to) => `${file}: ${to}`),
    );
    expect(ofNode).toEqual([]);
  });

  it('loads packages that are made for pages', () => {
    const packages = new Set(
      [...files.values()].flat().map((to) => to.split('/', to.startsWith('@') ? 2 : 1).join('/')),
    );
    const allowed = ['@noble/ciphers', '@noble/hashes', 'jsonc-parser', 'leven', 'zod'];
    expect([...packages].filter((to) => !allowed.includes(to))).toEqual([]);
  });
});
