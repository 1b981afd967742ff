/** `--profile DIR`: the folder, tried before the run; and the trace, the report and the file for programs made of the parties' parts. */
import { rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Options } from 'yargs';
import { faultOf, writeFileAtomically } from '../data/atomic-write.ts';
import { needPackage } from '../data/packages.ts';
import { makeFolderSync } from '../data/folders.ts';
import { Problem } from '../data/problem.ts';
import { analyse } from '../profile/analysis.ts';
import { inWords } from '../profile/answer.ts';
import { PARTIES, type PartyName } from '../profile/line.ts';
import { decodePart, MAXIMUM_PART_BYTES, type Part } from '../profile/part.ts';
import type { RunFacts } from '../profile/summary.ts';
import { writeTrace } from '../profile/trace.ts';
import { partFile } from '../server/profiling.ts';
import { messageOf } from './errors.ts';

export const profileOption: Options = {
  type: 'string',
  requiresArg: true,
  group: 'Results:',
  defaultDescription: 'none is taken',
  describe: 'Measure where the time goes; write report.html, trace.json and profile.json into this folder',
};

/** Refuses a folder in which nothing can be written, and makes it; refuses, too, when the charts of a report could not be drawn. */
export function checkProfileFolder(folder: string | undefined): void {
  if (folder === undefined) return;
  needPackage('echarts', '--profile');
  const probe = join(folder, `.${process.pid}.tmp`);
  try {
    makeFolderSync(folder);
    writeFileSync(probe, '');
    rmSync(probe);
  } catch (error) {
    throw new Problem(
      `--profile: ${folder} is no folder that can be written: ${faultOf(error)}`,
      'give another folder to --profile',
      { cause: error },
    );
  }
}

/** Makes the report of the parts in a folder, and takes them away. */
export async function reportProfile(folder: string, facts: RunFacts, line: (text: string) => void): Promise<void> {
  const parts = new Map<PartyName, Part>();
  for (const party of PARTIES) {
    const part = await readPart(partFile(folder, party), party, line);
    if (part !== undefined) parts.set(party, part);
  }
  if (parts.size === 0) throw new Error('the parties had measured nothing yet');
  const summary = analyse(parts, facts);
  // Drawing charts takes a library that nobody else needs to load.
  const { formatReport } = await import('../profile/report.ts');
  const text = (content: string): Uint8Array => new TextEncoder().encode(content);
  await writeFileAtomically(join(folder, 'profile.json'), text(`${JSON.stringify(summary, null, 2)}\n`));
  await writeFileAtomically(join(folder, 'report.html'), text(formatReport(summary)));
  await writeFileAtomically(join(folder, 'trace.json'), text(writeTrace(parts)));
  removeParts(folder);
  for (const text of inWords(summary, join(folder, 'report.html'))) line(text);
}

async function readPart(path: string, party: PartyName, line: (text: string) => void): Promise<Part | undefined> {
  const file = await open(path).catch(() => undefined);
  if (file === undefined) {
    line(`profile without ${party}: it left nothing`);
    return undefined;
  }
  try {
    const { size } = await file.stat();
    if (size > MAXIMUM_PART_BYTES) throw new Error(`${path}: ${size} bytes, the limit is ${MAXIMUM_PART_BYTES}`);
    const part = decodePart(await file.readFile(), path);
    if (part.party !== party) throw new Error(`${path}: is a part of ${part.party}`);
    return part;
  } catch (error) {
    line(`profile without ${party}: ${messageOf(error)}`);
    return undefined;
  } finally {
    await file.close();
  }
}

export function removeParts(folder: string): void {
  for (const party of PARTIES) rmSync(partFile(folder, party), { force: true });
}
