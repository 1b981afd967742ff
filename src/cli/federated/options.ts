/** The options that commands of a federation's members share: which federation, who one is, what comes out. */
import type { Options } from 'yargs';
import { Problem } from '../../data/problem.ts';
import { yes } from '../confirm.ts';
import { type Argv, jsonOption, optionalText, text } from '../options/values.ts';

export const MEMBER = 'Member:';

export interface MemberSettings {
  readonly federation: string;
  readonly identity: string;
  /** A file, `-` for standard output, or nothing. */
  readonly json: string | undefined;
}

export const memberOptions: Readonly<Record<string, Options>> = {
  federation: {
    ...text,
    group: MEMBER,
    defaultDescription: 'SECURENN_FEDERATION, or federation.json',
    describe: 'The federation file: the three parties, where they are and what their keys are',
  },
  identity: {
    ...text,
    group: MEMBER,
    defaultDescription: 'SECURENN_IDENTITY',
    describe: 'Your key file, as securenn identity init makes it',
  },
  json: jsonOption,
};

export const yesOption: Options = { ...yes, group: MEMBER };

export function readMember(argv: Argv, environment: NodeJS.ProcessEnv = process.env): MemberSettings {
  const identity = optionalText(argv, 'identity') ?? given(environment.SECURENN_IDENTITY);
  if (identity === undefined) {
    throw new Problem(
      '--identity: nobody is named whose request this is',
      'give your key file to --identity or SECURENN_IDENTITY; securenn identity init makes one',
    );
  }
  return {
    federation: optionalText(argv, 'federation') ?? given(environment.SECURENN_FEDERATION) ?? 'federation.json',
    identity,
    json: optionalText(argv, 'json'),
  };
}

function given(variable: string | undefined): string | undefined {
  return variable === '' ? undefined : variable;
}

/** Several values: `a,b`, or the option given several times. */
export function list(argv: Argv, name: string): string[] {
  const values = [argv[name] ?? []].flat() as readonly unknown[] as readonly (string | number)[];
  const words = values.flatMap((value) => String(value).split(',')).map((word) => word.trim());
  if (words.some((word) => word === ''))
    throw new Problem(`--${name}: expected names, found an empty one`, `give --${name} a/scans,b/scans, say`);
  return words;
}

const UNITS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

/** A moment to come: `90m`, `12h`, `7d` from now, or a date. */
export function moment(argv: Argv, name: string, fallback: string, now: Date): string {
  const written = optionalText(argv, name) ?? fallback;
  const [, count, unit] = /^(\d{1,6})([mhd])$/.exec(written) ?? [];
  const at = count === undefined ? new Date(written) : new Date(now.getTime() + Number(count) * UNITS[unit]);
  if (Number.isNaN(at.getTime()) || !/^\d/.test(written)) {
    throw new Problem(
      `--${name}: expected a date or a time from now, found "${written}"`,
      `give --${name} 7d, 12h, 90m or 2031-12-31T18:00Z, say`,
    );
  }
  if (at <= now) throw new Problem(`--${name}: ${written} is over`, 'give a moment to come');
  return at.toISOString();
}
