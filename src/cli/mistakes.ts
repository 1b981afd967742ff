/** What is said of a command line that the parser refuses: what is wrong, what was probably meant, and where help is. */
import type { Options } from 'yargs';
import { Problem } from '../data/problem.ts';
import { nearest } from '../nn/nearest.ts';

/** Every command (`local train`) and its options. */
export type CommandTable = Readonly<Record<string, Readonly<Record<string, Options>>>>;

/** @param message what yargs says. @param words those that are no options, the command's first. */
export function mistake(message: string, words: readonly string[], table: CommandTable): Problem {
  const command = Object.keys(table).find((path) => path.split(' ').every((word, i) => words[i] === word));
  const begun = ['securenn', ...(command === undefined ? [] : [command])].join(' ');
  const help = `see ${begun} --help`;
  const text = message.replaceAll(/\s*\n\s*/g, ' ');
  const strangers = /^Unknown arguments?: (.+)$/.exec(text)?.[1].split(', ');
  if (strangers !== undefined) {
    // A command that is none explains the options that it lacks.
    const unknown = strangers.find((word) => command === undefined && words.includes(word)) ?? strangers[0];
    return new Problem(text, `${meant(unknown, words, command, table)}${help}`);
  }
  const [, option] = /^Not enough arguments following: (.+)$/.exec(text) ?? [];
  if (option !== undefined) return new Problem(`--${option}: expected a value, found nothing`, help);
  const [, missing] = /^Missing required arguments?: ([^,]+)/.exec(text) ?? [];
  if (missing !== undefined) return new Problem(text, `add --${missing} and its value; ${help}`);
  // The one command with a word of its own.
  if (/^Not enough non-option arguments/.test(text))
    return new Problem(
      'securenn estimate: say of which network',
      'name it: securenn estimate C; see securenn estimate --help',
    );
  if (command === undefined && /: too many words$/.test(text)) {
    const known = new Set(Object.keys(table).flatMap((path) => path.split(' ')));
    const unknown = words.find((word) => !known.has(word));
    return new Problem(text, `${unknown === undefined ? '' : meant(unknown, words, command, table)}${help}`);
  }
  if (/: say what to do$/.test(text)) {
    const open = Object.keys(table).filter((path) => path.startsWith(words.join(' ')));
    return new Problem(text, `${inWords(open)}; ${help}`);
  }
  return new Problem(text, help);
}

/** `did you mean --batch? `, or nothing. */
function meant(unknown: string, words: readonly string[], command: string | undefined, table: CommandTable): string {
  const paths = Object.keys(table);
  if (!words.includes(unknown)) {
    // `-epochs 3` and `--no-show-los` leave no dashes and no `no-` here.
    const near = command === undefined ? undefined : nearest(unknown, Object.keys(table[command]));
    if (near !== undefined) return `did you mean --${near}? `;
    const others = paths.filter((path) => Object.hasOwn(table[path], unknown));
    return others.length === 0 ? '' : `--${unknown} is an option of ${inWords(others)}; `;
  }
  if (command !== undefined) return '';
  const last = nearest(unknown, [...new Set(paths.flatMap((path) => path.split(' ')))]);
  // A first word that is right narrows the choice.
  const possible = paths.filter((path) => last !== undefined && path.split(' ').includes(last));
  const likely = possible.filter((path) => path.split(' ')[0] === words[0]);
  return possible.length === 0 ? '' : `did you mean ${inWords(likely.length > 0 ? likely : possible)}? `;
}

function inWords(paths: readonly string[]): string {
  return paths.map((path) => `securenn ${path}`).join(' or ');
}
