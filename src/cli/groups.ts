/** Commands described as data: groups of them (`data put`), and such as stand alone (`infer`). */
import type { Argv as Yargs, Options } from 'yargs';
import { Problem } from '../data/problem.ts';
import type { CommandTable } from './mistakes.ts';
import type { Argv } from './options/values.ts';

export interface Command {
  readonly what: string;
  /** The word that it takes besides options, and what it is; several, where the name ends in dots. */
  readonly word?: readonly [name: string, what: string, kind?: 'optional'];
  readonly options: Readonly<Record<string, Options>>;
  readonly run: (argv: Argv, signal: AbortSignal) => Promise<void>;
  readonly examples: readonly (readonly [line: string, what: string])[];
  /** Below the options: what comes of it. */
  readonly more?: string;
}

export type Groups = Readonly<Record<string, readonly [what: string, commands: Readonly<Record<string, Command>>]>>;

/** `given`: whether an option was typed; what argv has may be its default. */
export type Run = (argv: Argv, signal: AbortSignal, given: (option: string) => boolean) => Promise<void>;

/** Commands that are loaded together. */
export interface Family {
  readonly table: CommandTable;
  /** @param exactly a group that takes one of its commands and nothing else. @param run what the parser runs for a command */
  readonly add: (
    parser: Yargs,
    exactly: (parser: Yargs, path: string) => Yargs,
    run: (command: Run) => (argv: object) => Promise<void>,
  ) => Yargs;
}

/** The options of each command, by its path. */
export function tableOf(groups: Groups, alone: Readonly<Record<string, Command>> = {}): CommandTable {
  const all = [
    ...Object.entries(groups).flatMap(([group, [, commands]]) =>
      Object.entries(commands).map(([name, command]) => [`${group} ${name}`, command] as const),
    ),
    ...Object.entries(alone),
  ];
  return Object.fromEntries(all.map(([path, { options }]) => [path, options]));
}

/** @param exactly a group that takes one of its commands and nothing else */
export function addCommands(
  parser: Yargs,
  { groups, alone = {} }: { readonly groups: Groups; readonly alone?: Readonly<Record<string, Command>> },
  exactly: (parser: Yargs, path: string) => Yargs,
  run: (command: Command['run']) => (argv: object) => Promise<void>,
): Yargs {
  for (const [group, [what, commands]] of Object.entries(groups)) {
    parser.command(group, what, (within: Yargs) => {
      exactly(within, `securenn ${group}`);
      for (const [name, command] of Object.entries(commands)) add(within, `${group} ${name}`, command, run);
      return within;
    });
  }
  for (const [name, command] of Object.entries(alone)) add(parser, name, command, run);
  return parser;
}

function add(
  parser: Yargs,
  path: string,
  command: Command,
  run: (command: Command['run']) => (argv: object) => Promise<void>,
): void {
  const { what, word, options, examples, more } = command;
  const name = path.split(' ').at(-1)!;
  const key = word?.[0].replace(/\.+$/, '');
  // Optional for the parser, whose words for one that lacks do not say of which command.
  parser.command(
    word === undefined ? name : `${name} [${word[0]}]`,
    what,
    (own: Yargs) => {
      own.options(options);
      if (word !== undefined) {
        own.usage(`$0 ${path} ${word[2] === 'optional' ? `[${word[0]}]` : `<${word[0]}>`}\n\n${what}`);
        own.positional(key!, { type: 'string', describe: word[1] }).strict();
      }
      for (const [line, meaning] of examples) own.example(line, meaning);
      if (more !== undefined) own.epilogue(more);
      return own;
    },
    run(async (argv, signal) => {
      if (
        word !== undefined &&
        word[2] !== 'optional' &&
        [argv[key!] ?? []].flat().filter((given) => given !== '').length === 0
      ) {
        const inWords = `${word[1][0].toLowerCase()}${word[1].slice(1)}`;
        throw new Problem(
          `securenn ${path}: say which: ${inWords}`,
          `securenn ${path} ${word[0]}; see securenn ${path} --help`,
        );
      }
      await command.run(argv, signal);
    }),
  );
}
