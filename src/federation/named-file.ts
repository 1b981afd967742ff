/** Text files that somebody named, read and written. */
import { readFile } from 'node:fs/promises';
import { faultOf, writeFileAtomically } from '../data/atomic-write.ts';
import { Problem } from '../data/problem.ts';

/** A file that somebody named. @param what begins the error */
export async function readNamedFile(path: string, what: string, fix: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const gone = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw new Problem(`${what} cannot be read: ${gone ? 'there is no such file' : faultOf(error)}`, fix);
  }
}

/** Whole or not at all. */
export async function writeNamedFile(path: string, text: string): Promise<void> {
  await writeFileAtomically(path, Buffer.from(text)).catch((error: unknown) => {
    throw new Problem(
      `${path}: cannot be written: ${faultOf(error)}`,
      'see that the disk has room and the folder can be written',
    );
  });
}
