/**
 * Takes the security steps away, one at a time, in a copy of the tree, and runs the tests that are to notice: `npx tsx scripts/weaken.ts`. Prints
 * what caught each; exits with 1 if something was not caught, or if a change no longer fits the source. Not part of `npm test`: it takes a
 * quarter of an hour. `test/weaken.test.ts` checks that the changes still fit.
 *
 *   --list           names and what each would break
 *   --only PATTERN   those whose name, file or what they break matches a regular expression
 *   --part I/N       the I-th of N parts
 *   --json FILE      the outcome, as JSON; `--page FILE…` makes docs/weakenings.md of such files
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { WEAKENINGS } from './weakenings/all.ts';
import { weakened, type Weakening } from './weakenings/weakening.ts';

interface Outcome {
  readonly name: string;
  readonly breaks: string;
  /** The first test that failed; absent: nothing noticed. */
  readonly caughtBy?: string;
  /** How it failed. */
  readonly because?: string;
  readonly seconds: number;
}

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const COPIED = ['src', 'runtime', 'test', 'scripts', 'shaders', 'bench', 'docs', 'package.json', 'tsconfig.json'];
const CONDITIONS = "['securenn-source', 'node', 'import', 'module', 'default']";
const CONFIG = `export default { resolve: { conditions: ${CONDITIONS} }, ssr: { resolve: { conditions: ${CONDITIONS} } }, test: { include: ['test/**/*.test.ts'], pool: 'forks', maxWorkers: 1, testTimeout: 240000, hookTimeout: 240000 } };\n`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: 'boolean' },
    only: { type: 'string' },
    part: { type: 'string' },
    json: { type: 'string' },
    page: { type: 'boolean' },
  },
});

function chosen(): Weakening[] {
  const pattern = new RegExp(values.only ?? '', 'i');
  const fitting = WEAKENINGS.filter(({ name, breaks, edits }) =>
    [name, breaks, ...edits.map(({ file }) => file)].some((text) => pattern.test(text)),
  );
  if (values.part === undefined) return fitting;
  const [index, parts] = values.part.split('/').map(Number);
  return fitting.filter((_, i) => i % parts === index - 1);
}

/** A copy of the tree whose files can be changed. */
function copyTree(): string {
  const folder = mkdtempSync(join(tmpdir(), 'weaken-'));
  for (const name of COPIED) cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  writeFileSync(join(folder, 'weaken.config.ts'), CONFIG);
  return folder;
}

/** What a change says that is no program. */
const NO_SUCH = /is not (defined|a function|iterable)|Cannot (convert|read|mix)|SyntaxError|Transform failed/;

interface Report {
  readonly numTotalTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

type Failure = Required<Pick<Outcome, 'caughtBy' | 'because'>>;

/** The first test that fails, or a file that cannot be run; undefined when all pass. */
function firstFailure(tree: string, tests: readonly string[], only?: string): Failure | undefined {
  const report = join(tree, 'report.json');
  rmSync(report, { force: true });
  const command = ['run', '--config', 'weaken.config.ts', '--bail', '1', '--reporter', 'json', '--outputFile', report];
  const { status, stderr } = spawnSync(
    join(tree, 'node_modules/.bin/vitest'),
    [...command, ...tests, ...(only === undefined ? [] : ['-t', only])],
    { cwd: tree, encoding: 'utf8', timeout: 1_800_000 },
  );
  const { numTotalTests, testResults } = JSON.parse(readFileSync(report, 'utf8')) as Report;
  for (const { name, status: outcome, message, assertionResults } of testResults) {
    const failed = assertionResults.find((one) => one.status === 'failed');
    const file = name.slice(name.indexOf('/test/') + 1);
    if (failed !== undefined) {
      const because = failed.failureMessages[0].split('\n')[0];
      // Then it is the change that is wrong, not the protocol that is weaker.
      if (NO_SUCH.test(because)) throw new Error(`${file}: ${because}`);
      return { caughtBy: `${file}: ${failed.fullName.trim()}`, because };
    }
    if (outcome === 'failed') throw new Error(`${file} cannot be run: ${message.split('\n')[0]}`);
  }
  if (numTotalTests === 0 || status !== 0) throw new Error(`no test of ${tests.join(', ')} ran: ${stderr.slice(-500)}`);
  return undefined;
}

function buildKernels(tree: string): void {
  const asc = [join(tree, 'node_modules/.bin/asc'), 'runtime/wasm/assembly/index.ts'];
  const target = ['--config', 'runtime/wasm/asconfig.json', '--target', 'inline'];
  const { status, stderr } = spawnSync(process.execPath, [...asc, ...target], { cwd: tree, encoding: 'utf8' });
  if (status !== 0) throw new Error(`kernels do not compile: ${stderr}`);
}

function weaken(tree: string, weakening: Weakening): Outcome {
  const { name, breaks, edits, tests, only } = weakening;
  const began = performance.now();
  const files = [...new Set(edits.map(({ file }) => file))];
  const kernels = files.some((file) => file.startsWith('runtime/wasm/assembly/'));
  const changed = [...files, ...(kernels ? ['runtime/wasm/inline.wasm'] : [])];
  const before = new Map(changed.map((file) => [file, readFileSync(join(tree, file))]));
  try {
    for (const [file, text] of weakened(edits, (of) => before.get(of)!.toString()))
      writeFileSync(join(tree, file), text);
    if (kernels) buildKernels(tree);
    const failure = firstFailure(tree, tests, only);
    return { name, breaks, ...failure, seconds: (performance.now() - began) / 1000 };
  } finally {
    for (const [file, bytes] of before) writeFileSync(join(tree, file), bytes);
  }
}

/** The page: what was taken away, by the test that noticed. */
function page(outcomes: readonly Outcome[]): string {
  const byTest = new Map<string, Outcome[]>();
  for (const outcome of outcomes) {
    const test = outcome.caughtBy?.split(': ')[0] ?? 'NOT CAUGHT';
    byTest.set(test, [...(byTest.get(test) ?? []), outcome]);
  }
  const sections = [...byTest].map(([test, caught]) => {
    const items = caught.map(({ name, breaks }) => wrapped(`- **${name}**: ${breaks}`));
    return `## \`${test}\` (${caught.length})\n\n${items.join('\n')}\n`;
  });
  const left = WEAKENINGS.length - outcomes.length;
  const untried =
    left === 0
      ? []
      : [`${left} of the ${WEAKENINGS.length} steps were not tried in these runs and are not on this page.\n`];
  return [`${INTRODUCTION}\n`, ...untried, ...sections].join('\n');
}

const INTRODUCTION = `# What the tests of security notice

\`npx tsx scripts/weaken.ts\` takes the security steps away, one at a time, in a copy of the tree, and runs the tests that
are to notice; \`scripts/weakenings/\` has the changes. This page is what it printed (\`--json\`, then \`--page\`): by the
test that failed, each step and what its absence would give away.`;

const WIDTH = 120;

/** A list item in lines that are not too long. */
function wrapped(text: string): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines[lines.length - 1];
    if (line !== '' && line.length + 1 + word.length > WIDTH) lines.push(`  ${word}`);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join('\n');
}

function main(): number {
  if (values.page) {
    const outcomes = positionals.flatMap((file) => JSON.parse(readFileSync(file, 'utf8')) as Outcome[]);
    process.stdout.write(page(WEAKENINGS.flatMap(({ name }) => outcomes.filter((outcome) => outcome.name === name))));
    return 0;
  }
  const weakenings = chosen();
  if (values.list) {
    for (const { name, breaks } of weakenings) console.log(`${name}: ${breaks}`);
    return 0;
  }
  const tree = copyTree();
  const outcomes: Outcome[] = [];
  let broken = 0;
  try {
    const tests = [...new Set(weakenings.flatMap((weakening) => weakening.tests))];
    const failure = firstFailure(tree, tests);
    if (failure !== undefined) throw new Error(`with nothing taken away: ${failure.caughtBy}: ${failure.because}`);
    for (const weakening of weakenings) {
      try {
        const outcome = weaken(tree, weakening);
        outcomes.push(outcome);
        console.log(`${outcome.name} → ${outcome.caughtBy ?? 'NOT CAUGHT'} (${outcome.seconds.toFixed(0)} s)`);
        if (outcome.because !== undefined) console.log(`    ${outcome.because.slice(0, 160)}`);
      } catch (error) {
        broken++;
        console.log(`${weakening.name} → cannot be tried: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  } finally {
    rmSync(tree, { recursive: true, force: true });
  }
  if (values.json !== undefined) writeFileSync(values.json, JSON.stringify(outcomes, undefined, 1));
  const missed = outcomes.filter(({ caughtBy }) => caughtBy === undefined).length;
  console.log(`${outcomes.length - missed} caught, ${missed} not caught, ${broken} not tried`);
  return missed + broken === 0 ? 0 : 1;
}

process.exitCode = main();
