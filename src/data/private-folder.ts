/** Whether a folder is fit for keys and shares: what others can enter they can read, and where they can write they can lay something ready. */
import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Problem } from './problem.ts';

const OTHERS = 0o077;
const OTHERS_WRITE = 0o022;
/** Of what lies in such a folder each user can only move its own. */
const STICKY = 0o1000;

/** Refuses a folder that is there and is another user's, or open to others, or lies in one where others could replace it. */
export async function checkPrivateFolder(folder: string): Promise<void> {
  const me = process.getuid?.();
  if (me === undefined) return; // A system without such users and modes.
  const path = resolve(folder);
  const found = await statIfThere(path);
  if (found?.isDirectory() === true) {
    if (found.uid !== me) {
      const what = `${path}: belongs to another user (${found.uid}), who could read and replace what is kept there`;
      throw new Problem(what, `give a folder of your own (user ${me})`);
    }
    if ((found.mode & OTHERS) !== 0) {
      const what = `${path}: other users can enter it (mode ${octal(found.mode)})`;
      throw new Problem(what, `see that nothing strange lies in it, then: chmod 700 ${path}`);
    }
  }
  const above = await statIfThere(dirname(path));
  if (above !== undefined && (above.mode & OTHERS_WRITE) !== 0 && (above.mode & STICKY) === 0) {
    const what = `${dirname(path)}: other users can write there (mode ${octal(above.mode)}) and so replace ${path}`;
    throw new Problem(what, `see that nothing strange lies in it, then: chmod 700 ${dirname(path)}`);
  }
}

/** What other faults a path has shows when it is used. */
function statIfThere(path: string): Promise<Stats | undefined> {
  return stat(path).catch(() => undefined);
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
