/** Option values from argv: what was typed, checked, with errors that name the option, the range and what was found. */
import type { Options } from 'yargs';
import { Problem } from '../../data/problem.ts';

export type Argv = Readonly<Record<string, unknown>>;

// Numbers carry no yargs type: it would turn what is not a number into NaN, and the error could not say what was typed.
export const number: Options = { requiresArg: true };
export const text: Options = { requiresArg: true, type: 'string' };

/** The groups under which `--help` lists options. */
export const TASK = 'Task:';
export const PROTOCOL = 'Protocol:';
export const MACHINE = 'Machine:';
export const RESULTS = 'Results:';
export const MONITORING = 'Monitoring:';
export const CHECKPOINTS = 'Checkpoints:';

/** Of every command with figures or facts for a program. */
export const jsonOption: Options = {
  ...text,
  group: RESULTS,
  defaultDescription: 'none',
  describe: 'Write one JSON object here; - for standard output',
};

function single(argv: Argv, name: string): unknown {
  const value = argv[name];
  if (Array.isArray(value)) throw new Problem(`--${name}: given ${value.length} times`, 'give it once');
  return value;
}

/** What was typed as a number, read as one: yargs leaves words as they are, and adds up a number 1 that is given twice. */
function numeric(argv: Argv, name: string): unknown {
  const value = single(argv, name);
  return typeof value === 'string' && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value) ? Number(value) : value;
}

function wrong(name: string, expected: string, found: unknown): Problem {
  const shown = typeof found === 'string' ? `"${found}"` : String(found);
  return new Problem(
    `--${name}: expected ${expected}, found ${shown}`,
    `give --${name} a value in that range, or leave it out`,
  );
}

/** A whole number from `minimum` to `maximum`; undefined when the option is absent. */
export function optionalInteger(argv: Argv, name: string, minimum: number, maximum: number): number | undefined {
  const value = numeric(argv, name);
  if (value === undefined) return undefined;
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < minimum || value > maximum) {
    const range = maximum === Number.MAX_SAFE_INTEGER ? `of at least ${minimum}` : `from ${minimum} to ${maximum}`;
    throw wrong(name, `a whole number ${range}`, value);
  }
  return value;
}

export function integer(argv: Argv, name: string, minimum: number, maximum: number, fallback: number): number {
  return optionalInteger(argv, name, minimum, maximum) ?? fallback;
}

/** A number for which `holds` is true; `2^-4` is understood. `expected` describes the range. */
export function real(
  argv: Argv,
  name: string,
  expected: string,
  holds: (value: number) => boolean,
  fallback?: number,
): number {
  const value = numeric(argv, name) ?? fallback;
  const power = typeof value === 'string' ? /^2\^(-?\d{1,3})$/.exec(value) : null;
  const number = power ? 2 ** Number(power[1]) : value;
  if (typeof number !== 'number' || !Number.isFinite(number) || !holds(number)) throw wrong(name, expected, value);
  return number;
}

export function oneOf<T extends string>(argv: Argv, name: string, choices: readonly T[]): T {
  const value = single(argv, name);
  const choice = choices.find((candidate) => candidate === value);
  if (choice === undefined) throw wrong(name, choices.join(' or '), value);
  return choice;
}

export function optionalText(argv: Argv, name: string): string | undefined {
  const value = single(argv, name);
  if (value === undefined) return undefined;
  if (typeof value !== 'string' || value === '') {
    throw new Problem(`--${name}: expected a value, found nothing`, `give --${name} a value, or leave it out`);
  }
  return value;
}
