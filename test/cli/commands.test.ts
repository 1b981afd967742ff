import { describe, expect, it } from 'vitest';
import { commands, FAMILIES, runCommandLine } from '../../src/cli/commands.ts';
import { doctorOptions } from '../../src/cli/doctor.ts';
import { MEMBER_COMMANDS, MEMBER_GROUPS } from '../../src/cli/federated/commands.ts';
import { OPERATOR_COMMANDS, OPERATOR_GROUPS } from '../../src/cli/federation/commands.ts';
import { tableOf } from '../../src/cli/groups.ts';
import { exportOptions } from '../../src/cli/export.ts';
import { inferOptions } from '../../src/cli/options/inference.ts';
import type { Problem } from '../../src/data/problem.ts';
import { plainTrainOptions, trainOptions } from '../../src/cli/options/training.ts';

/** What a command line prints as help. */
async function help(words: string): Promise<string> {
  let text = '';
  const parser = await commands(new AbortController().signal);
  await parser.parseAsync(words, {}, (_, __, output) => {
    text = output;
  });
  return text;
}

async function failure(words: string): Promise<unknown> {
  try {
    await runCommandLine(
      words.split(' ').filter((word) => word !== ''),
      new AbortController().signal,
    );
    return undefined;
  } catch (error) {
    return error;
  }
}

describe('--help', () => {
  it.each([
    ['local train', trainOptions],
    [
      'plain train',
      Object.fromEntries(Object.entries(plainTrainOptions).filter(([, option]) => option.hidden !== true)),
    ],
    ['local infer', inferOptions],
    ['doctor', doctorOptions],
    ['checkpoint export', exportOptions],
    ...Object.entries({ ...tableOf(OPERATOR_GROUPS, OPERATOR_COMMANDS), ...tableOf(MEMBER_GROUPS, MEMBER_COMMANDS) }),
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

  it('plain train: nothing that concerns parties alone', async () => {
    const text = await help('plain train --help');
    for (const name of ['insecure-keys', 'port', 'timeout', 'link', 'profile', 'metrics'])
      expect(text).not.toMatch(new RegExp(`--${name}\\b`));
    expect(text).toMatch(/--data .*CIFAR-10/s);
    for (const name of ['insecure-keys', 'port', 'timeout', 'link'])
      expect(((await failure(`plain train --${name} 1`)) as Problem).fix).toMatch(
        `--${name} is an option of securenn local`,
      );
  });

  it('groups and examples are there', async () => {
    const text = await help('local train --help');
    for (const part of ['Task:', 'Protocol:', 'Machine:', 'Results:', 'Monitoring:', 'Examples:', 'While it runs:'])
      expect(text).toContain(part);
  });
});

describe('families', () => {
  it.each(FAMILIES)('%o has the commands that begin with %j, and no others', async (load, words) => {
    const { table } = await load();
    expect([...new Set(Object.keys(table).map((path) => path.split(' ')[0]))].toSorted()).toEqual(words.toSorted());
  });
});

describe('short options', () => {
  it.each(['-h', '--help', 'local train -h'])('%s', async (words) => {
    expect(await help(words)).toMatch(/^securenn /);
  });

  it.each(['-v', '--version'])('%s', async (words) => {
    expect(await help(words)).toMatch(/^\d+\.\d+\.\d+/);
  });
});

describe('wrong command lines', () => {
  it.each([
    ['train', 'name them (securenn data list); with all three parties on this machine: securenn local train'],
    ['infer', 'securenn infer IMAGES; see securenn infer --help'],
    ['infer x.idx', 'name one (securenn model list); with a model file, on this machine alone: securenn local infer'],
    ['job aprove 1234', 'did you mean securenn job approve? see securenn --help'],
    ['job show', 'securenn job show JOB; see securenn job show --help'],
    ['data put --name x', 'securenn data put SOURCE; see securenn data put --help'],
    ['data put x', 'add --name and its value; see securenn data put --help'],
    ['plain trian', 'did you mean securenn plain train? see securenn --help'],
    ['docter', 'did you mean securenn doctor? see securenn --help'],
    ['fly', 'see securenn --help'],
    ['local', 'securenn local train or securenn local infer; see securenn --help'],
    ['local train --bach 5', 'did you mean --batch? see securenn local train --help'],
    ['local train --no-show-los', 'did you mean --show-loss? see securenn local train --help'],
    ['local train --checkpont DIR', 'did you mean --checkpoint? see securenn local train --help'],
    [
      'plain train --resume-step 5',
      '--resume-step is an option of securenn local train; see securenn plain train --help',
    ],
    ['local train --sigmoid', 'see securenn local train --help'],
    ['local train extra', 'see securenn local train --help'],
    ['local train --batch', 'see securenn local train --help'],
    ['local infer', 'add --model and its value; see securenn local infer --help'],
    ['estimate', 'name it: securenn estimate C; see securenn estimate --help'],
  ])('securenn %s: %s', async (words, fix) => {
    expect(await failure(words)).toMatchObject({ name: 'Problem', fix });
  });

  it.each([
    ['local train --batch', '--batch: expected a value, found nothing'],
    ['estimate', 'securenn estimate: say of which network'],
    ['local train -steps -1', '--steps: expected a whole number from 1 to 10000000, found -1'],
  ])('securenn %s is answered: %s', async (words, message) => {
    expect(await failure(words)).toMatchObject({ message });
  });

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
