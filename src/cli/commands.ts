/** The parser of command lines, and the families of commands that it is made of. */
import yargs, { type Argv as Yargs } from 'yargs';
import { VERSION } from '../data/packages.ts';
import { addCommands, type Command, type Family, type Groups, type Run, tableOf } from './groups.ts';
import { mistake, type CommandTable } from './mistakes.ts';
import type { Argv } from './options/values.ts';

async function operators(): Promise<Family> {
  const { OPERATOR_COMMANDS, OPERATOR_GROUPS } = await import('./federation/commands.ts');
  return familyOf(OPERATOR_GROUPS, OPERATOR_COMMANDS);
}

async function members(): Promise<Family> {
  const { MEMBER_COMMANDS, MEMBER_GROUPS } = await import('./federated/commands.ts');
  return familyOf(MEMBER_GROUPS, MEMBER_COMMANDS);
}

async function local(): Promise<Family> {
  return (await import('./local-commands.ts')).LOCAL;
}

function familyOf(groups: Groups, alone: Readonly<Record<string, Command>>): Family {
  return {
    table: tableOf(groups, alone),
    add: (parser, exactly, run) => addCommands(parser, { groups, alone }, exactly, run),
  };
}

/** By the first words of their commands; in the order of `--help`. */
export const FAMILIES: readonly (readonly [load: () => Promise<Family>, words: readonly string[]])[] = [
  [operators, ['party', 'federation', 'identity', 'audit', 'demo']],
  [members, ['data', 'grant', 'job', 'model', 'train', 'infer']],
  [local, ['local', 'plain', 'checkpoint', 'doctor', 'estimate', 'bench']],
];

/** What is meant by a command line that is mistaken may be of any family. */
class Mistaken extends Error {}

/**
 * Runs a command line; nothing is printed but help, what is wrong is thrown. Of all commands it loads the family of its first word: loading is most
 * of what a short command takes.
 */
export async function runCommandLine(words: readonly string[], signal: AbortSignal): Promise<void> {
  const own = FAMILIES.find(([, first]) => first.includes(words[0]));
  try {
    if (own !== undefined)
      return void (await parserOf([await own[0]()], signal, () => new Mistaken()).parseAsync(words));
  } catch (error) {
    if (!(error instanceof Mistaken)) throw error;
  }
  await (await commands(signal)).parseAsync(words);
}

/** The parser of all commands. */
export async function commands(signal: AbortSignal): Promise<Yargs> {
  const families = await Promise.all(FAMILIES.map(([load]) => load()));
  // What is named first is what is at hand on one machine.
  const table = Object.assign({}, ...families.toReversed().map((each) => each.table)) as CommandTable;
  return parserOf(families, signal, (message, words) => mistake(message, words, table));
}

/** Yargs lays out the help of each command that it runs, which takes 0.1 s, and keeps it for what prints it with errors: nothing here does. */
function keepNoHelp(parser: Yargs): void {
  interface Internal {
    getInternalMethods(): { getUsageInstance(): { cacheHelpMessage: () => void } };
  }
  (parser as unknown as Internal).getInternalMethods().getUsageInstance().cacheHelpMessage = () => undefined;
}

function parserOf(
  families: readonly Family[],
  signal: AbortSignal,
  mistaken: (message: string, words: readonly string[]) => Error,
): Yargs {
  const parser = yargs();
  const given = (argv: Argv, option: string): boolean => {
    const parsed = parser.parsed as { readonly defaulted?: Readonly<Record<string, boolean>> } | false;
    return option in argv && !(parsed && parsed.defaulted?.[option]);
  };
  const run = (command: Run) => (argv: object) =>
    command(argv as Argv, signal, (option) => given(argv as Argv, option));
  const exactly = (parser: Yargs, path: string): Yargs =>
    parser.demandCommand(1, 1, `${path}: say what to do`, `${path}: too many words`).strict();

  keepNoHelp(parser);
  exactly(parser, 'securenn');
  for (const family of families) family.add(parser, exactly, run);
  return parser
    .scriptName('securenn')
    .usage('$0 <command>\n\nSecure training and inference of neural networks among three parties.')
    .parserConfiguration({
      'camel-case-expansion': false,
      'dot-notation': false,
      'parse-numbers': false,
      'short-option-groups': false,
    })
    .wrap(Math.min(120, process.stdout.columns ?? 100))
    .version(VERSION)
    .help()
    .alias({ version: 'v', help: 'h' })
    .exitProcess(false)
    .fail((message, error) => {
      const parsed = parser.parsed as { readonly argv: { readonly _: readonly (string | number)[] } } | false;
      // An error of the parser itself has no more than its text.
      if (error && error.name !== 'YError') throw error;
      throw mistaken(error?.message ?? message, parsed ? parsed.argv._.map(String) : []);
    });
}
