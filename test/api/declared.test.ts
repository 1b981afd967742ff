/**
 * What the package declares: every export of its three entries, as a snapshot (`docs/api.d.ts.txt`); each with words of its own; every example in them
 * type-checks against what is built, runs, and prints what its comments say.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { temporaryFolder } from '../folder.ts';
import { type Declared, declaredBy } from './declared.ts';

const ROOT = join(import.meta.dirname, '../..');
const SNAPSHOT = join(ROOT, 'docs/api.d.ts.txt');
const ENTRIES = ['securenn', 'securenn/client', 'securenn/server'] as const;
const HEAD = `What the package declares (docs/api.md). test/api/declared.test.ts compares it with the sources; after a change that is meant:
  npm run build && npx vitest run test/api/declared.test.ts --update
and say in CHANGELOG.md what the change is: what is taken away or narrowed needs a new major version (0.x: minor).
`;

const options: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ['node'],
  typeRoots: [join(ROOT, 'node_modules/@types')],
  noEmit: true,
  strict: true,
  skipLibCheck: true,
};

const paths = ENTRIES.map((name) => join(ROOT, `dist/src/api/${name.split('/')[1] ?? 'index'}.d.ts`));

let declared: ReadonlyMap<string, readonly Declared[]>;
let program: ts.Program;
let project: string;
let examples: readonly { readonly of: string; readonly file: string; readonly text: string }[];

beforeAll(() => {
  project = join(temporaryFolder('examples'), 'a project');
  mkdirSync(join(project, 'node_modules'), { recursive: true });
  symlinkSync(ROOT, join(project, 'node_modules/securenn'), 'dir');
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
  const first = ts.createProgram(paths, options);
  declared = new Map(ENTRIES.map((name, i) => [name, declaredBy(first, paths[i])]));
  const found = [...declared].flatMap(([entry, all]) =>
    all.flatMap(({ name, examples: texts }) => texts.map((text) => ({ of: `${entry}: ${name}`, text }))),
  );
  examples = found.map(({ of, text }, i) => ({ of, text, file: join(project, `example-${i}.ts`) }));
  for (const { file, text } of examples) writeFileSync(file, `${text}\nexport {};\n`);
  program = ts.createProgram(
    examples.map(({ file }) => file),
    options,
    undefined,
    first,
  );
});

it('declares what the snapshot says', async () => {
  const text = [...declared].map(([entry, all]) => [`\n=== ${entry}\n`, ...all.map((each) => each.text)].join('\n'));
  await expect(`${HEAD}${text.join('\n')}\n`).toMatchFileSnapshot(SNAPSHOT);
});

it('holds where libraries are checked and the DOM is not there, and reaches no package that a service is made of', () => {
  const strict = { ...options, skipLibCheck: false, lib: ['lib.es2023.d.ts'] };
  const whole = ts.createProgram(paths, strict);
  const packages = whole
    .getSourceFiles()
    .map(({ fileName }) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(fileName)?.[1])
    .filter((name) => name !== undefined);
  expect([...new Set(packages)].sort()).toEqual(['@types/node', 'typescript', 'undici-types', 'zod']);
  const wrong = ts
    .getPreEmitDiagnostics(whole)
    .map(({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
  expect(wrong).toEqual([]);
});

it('says of every export what it is, and of every function and class how it is used', () => {
  const all = [...declared].flatMap(([entry, exports]) => exports.map((each) => ({ ...each, entry })));
  expect(all.filter(({ words }) => words === '').map(({ entry, name }) => `${entry}: ${name}`)).toEqual([]);
  const called = all.filter(({ kind }) => kind === 'function' || kind === 'class');
  expect(called.length).toBeGreaterThan(15);
  expect(called.filter((each) => each.examples.length === 0).map(({ entry, name }) => `${entry}: ${name}`)).toEqual([]);
});

describe('examples', () => {
  it('type-check', () => {
    const wrong = ts.getPreEmitDiagnostics(program).map(({ file, messageText }) => {
      const of = examples.find((example) => example.file === file?.fileName)?.of ?? file?.fileName;
      return `${of}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`;
    });
    expect(wrong).toEqual([]);
  });

  it('run, and print what they say', async () => {
    for (const { file, text } of examples) {
      const module = ts.transpileModule(text, {
        compilerOptions: { ...options, module: ts.ModuleKind.ESNext },
      }).outputText;
      writeFileSync(file.replace(/\.ts$/, '.js'), module);
    }
    const list = examples.map(({ of, file, text }) => ({ of, file: file.replace(/\.ts$/, '.js'), said: said(text) }));
    writeFileSync(join(project, 'examples.json'), JSON.stringify(list));
    const { code, output } = await run(join(ROOT, 'scripts/run-examples.mjs'));
    expect(code, output).toBe(0);
    expect(output).toContain(`${examples.length} examples`);
  });
});

/** The comment behind each `console.log`. */
function said(text: string): string[] {
  return [...text.matchAll(/console\.log\(.*\);(?: \/\/ (.*))?$/gm)].map(([, comment = '']) => comment);
}

function run(script: string): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, [script], {
    cwd: project,
    env: { ...process.env, XDG_STATE_HOME: join(project, 'state') },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  return new Promise((resolve, reject) => {
    child.once('error', reject).once('close', (code) => resolve({ code, output }));
  });
}
