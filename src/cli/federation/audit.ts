/** `securenn audit verify`: whether a party's audit log is as it was written. */
import type { Options } from 'yargs';
import { Problem } from '../../data/problem.ts';
import { readNamedFile } from '../../federation/named-file.ts';
import { verifyAudit } from '../../service/audit-log.ts';
import { pathsOf } from '../../service/config.ts';
import { optionalText, TASK, text, type Argv } from '../options/values.ts';
import { say, writeReport } from '../output.ts';
import { cardOptions } from './party.ts';

export const auditOptions: Readonly<Record<string, Options>> = {
  ...cardOptions,
  head: {
    ...text,
    group: TASK,
    defaultDescription: 'the log alone is checked',
    describe: 'A hash that this command showed before: the line must still be there',
  },
};

export async function auditVerify(argv: Argv): Promise<void> {
  const out = optionalText(argv, 'json');
  const { audit: path } = pathsOf(optionalText(argv, 'dir')!);
  const source = await readNamedFile(path, path, 'give the folder of a party that has run to --dir');
  // A service at work may be writing the last line.
  const whole = source.slice(0, source.lastIndexOf('\n') + 1);
  const expected = optionalText(argv, 'head');
  if (expected !== undefined && !/^[0-9a-f]{64}$/.test(expected))
    throw new Problem(
      `--head: expected 64 hexadecimal digits, found "${expected}"`,
      'give it as this command showed it',
    );
  const { lines, head, place } = verifyAudit(whole, path, expected);
  if (expected !== undefined && place === undefined) {
    throw new Problem(
      `${path}: no line has the hash ${expected}: lines were removed or changed since`,
      'compare it with a backup',
    );
  }
  say(out, `${lines} lines, each follows the one before; the newest has ${head}`);
  if (place !== undefined)
    say(out, `line ${place} has the hash that was kept: it and all before it are as they were then`);
  if (whole.length < source.length)
    say(out, 'a line at the end is being written, or a crash cut it: it does not count');
  say(out, 'keep that hash elsewhere: with --head it shows later that nothing before it was changed');
  await writeReport(out, { command: 'audit verify', path, lines, head, kept: place ?? null });
}
