/**
 * The one-way flow of DESIGN.md: a file imports only lower ranks or its own room, and no cycle exists anywhere.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '..');

const RANKS: Readonly<Record<string, number>> = {
  'src/ring': 0,
  'src/random': 1,
  'src/channel': 1,
  'src/profile': 1,
  runtime: 1,
  'src/party': 2,
  'src/protocols/paper': 3,
  'src/protocols/direct': 4,
  'src/protocols': 5,
  'src/engine': 6,
  'src/functions': 7,
  'src/nn': 8,
  'src/data': 9,
  'src/onnx': 10,
  'src/federation': 11,
  'src/server': 12,
  'src/client': 12,
  'src/service': 13,
  'src/api': 14,
  'src/cli': 14,
  'src/page': 14,
};

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.parentPath.includes('assembly'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)));
}

function roomOf(file: string): string {
  const room = Object.keys(RANKS).find((name) => file.startsWith(`${name}/`));
  if (room === undefined) throw new Error(`${file} lies in no room of DESIGN.md`);
  return room;
}

type Conditions = Readonly<Record<'securenn-source' | 'node' | 'default', string>>;
/** What a file of Node and a file of a page stand behind. */
const { imports: seams } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  imports: Readonly<Record<string, Conditions>>;
};

const sourceOf = (built: string): string => built.replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts');

function importsOf(file: string): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'([.#][^']+)'/g)].flatMap(([, to]) =>
    to.startsWith('#') ? [sourceOf(seams[to].node), sourceOf(seams[to].default)] : [join(dirname(file), to)],
  );
}

const files = [...sources('src'), ...sources('runtime')];

describe('imports', () => {
  it('go to lower ranks or stay in their room', () => {
    const edges = files.flatMap((file) => importsOf(file).map((target) => [file, target] as const));
    expect(edges.length).toBeGreaterThan(50);
    const wrong = edges.filter(([from, to]) => roomOf(from) !== roomOf(to) && RANKS[roomOf(from)] <= RANKS[roomOf(to)]);
    expect(wrong).toEqual([]);
  });

  it('lead to files that are there, on either side of a seam', () => {
    for (const { 'securenn-source': source, node, default: page } of Object.values(seams)) {
      expect(source).toBe(`./${sourceOf(node)}`);
      for (const file of [node, page]) expect(files).toContain(sourceOf(file));
    }
  });

  it('have no cycle', () => {
    const state = new Map<string, 'open' | 'done'>();
    const cycles: string[] = [];
    const visit = (file: string, path: readonly string[]): void => {
      if (state.get(file) === 'done' || !files.includes(file)) return;
      if (state.get(file) === 'open') {
        cycles.push([...path.slice(path.indexOf(file)), file].join(' → '));
        return;
      }
      state.set(file, 'open');
      for (const target of importsOf(file)) visit(target, [...path, file]);
      state.set(file, 'done');
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });
});
