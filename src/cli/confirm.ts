import { createInterface } from 'node:readline/promises';
import type { Options } from 'yargs';
import { Problem } from '../data/problem.ts';

/** Of a command that asks first. */
export const yes: Options = {
  type: 'boolean',
  default: false,
  describe: 'Do not ask: needed where no terminal is',
};

/** Asks y or n; without a terminal --yes must have been given. */
export async function confirm(question: string, yes: boolean, signal: AbortSignal): Promise<void> {
  if (yes) return;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new Problem(`${question} Nobody can be asked: there is no terminal`, 'add --yes if that is what you want');
  }
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await asking.question(`${question} [y/N] `, { signal });
    if (!/^y(es)?$/i.test(answer.trim())) throw new Problem('nothing was done', 'answer y to go on');
  } finally {
    asking.close();
  }
}
