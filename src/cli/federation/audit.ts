/** `securenn audit verify`: whether a party's audit log is as it was written. */
import { readFile } from 'node:fs/promises';
import type { Options } from 'yargs';
import { faultOf } from '../../data/atomic-write.ts';
import { Problem } from '../../data/problem.ts';
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
  const source = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new Problem(`${path}: cannot be read: ${faultOf(error)}`, "give the party's folder to --dir");
  });
  // A service at work may be writing the last line.
  const whole = source.slice(0, source.lastIndexOf('\n') + 1);
  const { lines, head } = verifyAudit(whole, path);
  const expected = optionalText(argv, 'head');
  if (expected !== undefined && head !== expected && !whole.includes(`"previous":"${expected}"`)) {
    throw new Problem(
      `${path}: no line has the hash ${expected}: lines were removed or changed since`,
      'compare it with a backup',
    );
  }
  say(out, `${lines} lines, each follows the one before; the newest has ${head}`);
  say(out, 'keep that hash elsewhere: with --head it shows later that nothing before it was changed');
  await writeReport(out, { command: 'audit verify', lines, head });
}
