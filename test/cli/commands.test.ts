import { describe, expect, it } from 'vitest';
import { commands } from '../../src/cli/commands.ts';
import { doctorOptions } from '../../src/cli/doctor.ts';
import { inferOptions } from '../../src/cli/options/inference.ts';
import { trainOptions } from '../../src/cli/options/training.ts';

/** What a command line prints as help. */
async function help(words: string): Promise<string> {
  let text = '';
  await commands(new AbortController().signal).parseAsync(words, {}, (_, __, output) => {
    text = output;
  });
  return text;
}

async function failure(words: string): Promise<unknown> {
  try {
    await commands(new AbortController().signal).parseAsync(words);
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('--help', () => {
  it.each([
    ['local train', trainOptions],
    ['plain train', trainOptions],
    ['local infer', inferOptions],
    ['doctor', doctorOptions],
  ])('%s: every option with its default', async (command, options) => {
    const text = (await help(`${command} --help`)).replaceAll(/\s+/g, ' ');
    for (const [name, option] of Object.entries(options)) {
      const from = text.indexOf(`--${name} `);
      expect(from, `--${name}`).toBeGreaterThan(0);
      // Its entry ends where the next option's begins.
      const next = text.indexOf(' --', from + 1);
      const entry = text.slice(from, next === -1 ? undefined : next);
      expect(option.demandOption === true || /\[default: [^\]]+\]/.test(text.slice(from)), entry).toBe(true);
      if (option.default !== undefined) {
        const shown = typeof option.default === 'string' ? `"${option.default}"` : String(option.default);
        expect(text.slice(from)).toContain(`[default: ${shown}]`);
      }
      if (option.defaultDescription !== undefined) expect(text).toContain(`[default: ${option.defaultDescription}]`);
    }
  });

  it('groups and examples are there', async () => {
    const text = await help('local train --help');
    for (const part of ['Task:', 'Protocol:', 'Machine:', 'Results:', 'Monitoring:', 'Examples:', 'While it runs:'])
      expect(text).toContain(part);
  });
});

describe('wrong command lines', () => {
  it.each([
    ['', /say what to do/],
    ['local', /say what to do/],
    ['fly', /Unknown argument: fly/],
    ['local train --bach 5', /Unknown argument: bach/],
    ['local train extra', /Unknown argument: extra|too many/],
    ['local infer', /Missing required argument: model/],
    ['local train --lr 7', /--lr: expected/],
  ])('securenn %s', async (words, message) => {
    const error = await failure(words);
    expect(error).toBeInstanceOf(Error);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('\n');
  });
});
