/** How benchmarks read their command line: `--help` in words, what they do not know in a line, before anything is measured. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { wordsOf } from '../../bench/options.ts';

const ROOT = new URL('../../', import.meta.url);
const FILES = readdirSync(new URL('bench/', ROOT)).filter((name) => name.endsWith('.ts'));

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function run(name: string, ...args: readonly string[]): Promise<Outcome> {
  const path = fileURLToPath(new URL(`dist/bench/${name}.js`, ROOT));
  return new Promise((resolve) => {
    execFile(process.execPath, [path, ...args], (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

it('every benchmark that a person starts with options reads them in one way', () => {
  for (const file of FILES) {
    const text = readFileSync(new URL(`bench/${file}`, ROOT), 'utf8');
    // `subset` takes words alone; what needs tests runs from sources.
    const [header] = text.split('*/');
    const started = [
      `dist/bench/${file.replace('.ts', '.js')}`,
      `tsx bench/${file}`,
      `tsx -C securenn-source bench/${file}`,
    ];
    const usage = file !== 'subset.ts' && started.some((words) => header.includes(words));
    expect(text.includes('optionsOf(import.meta.url'), file).toBe(usage);
    if (file !== 'options.ts') expect(text, file).not.toContain('parseArgs');
  }
});

it('the words are those of the file’s first comment', () => {
  const words = wordsOf(new URL('bench/serving.ts', ROOT).href);
  expect(words).toMatch(/^A warm serving session as its clients see it/);
  expect(words).toContain('node dist/bench/serving.js [--networks A,C]');
  expect(words).not.toMatch(/^\s*\*|\*\/|import/m);
});

it('--help ends at once, in words and without a stack', async () => {
  const { code, stdout, stderr } = await run('serving', '--help');
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toContain('node dist/bench/serving.js [--networks A,C]');
});

it('an option that it does not have is told of with those that it has', async () => {
  const { code, stdout, stderr } = await run('gemm', '--ouch');
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/^Unknown option '--ouch'/);
  expect(stderr).toContain('node dist/bench/gemm.js [--out bench/results/gemm.json]');
  expect(stderr).not.toMatch(/^ +at /m);
});
