/** What the stores of a party use of the file system; a test puts one in its place that fails, or loses what a power cut would. */
import * as disk from 'node:fs/promises';
import { join } from 'node:path';
import { faultOf, syncFolder, type Files } from '../../data/atomic-write.ts';
import { makeFolder } from '../../data/folders.ts';
import { Problem } from '../../data/problem.ts';

export type StoreFiles = Files & Pick<typeof disk, 'readFile' | 'readdir' | 'stat'>;

export const DISK: StoreFiles = disk;

const TEMPORARY = '.tmp';
/** A folder on its way out: what is in it is nobody's any more. */
const GONE = '.gone';

/** Names in a folder that a store owns; makes it if need be, and removes what a crash left half written or half removed. */
export async function openFolder(folder: string, files: StoreFiles): Promise<string[]> {
  try {
    const made = await makeFolder(folder, { mode: 0o700, make: files.mkdir });
    if (made !== undefined) await syncFolder(join(folder, '..'), files);
    const names: string[] = [];
    for (const name of await files.readdir(folder)) {
      if (!name.endsWith(TEMPORARY) && !name.endsWith(GONE)) names.push(name);
      else await files.rm(join(folder, name), { recursive: true, force: true });
    }
    return names.sort();
  } catch (error) {
    throw new Problem(`${folder}: cannot be used: ${faultOf(error)}`, 'see that this user can read and write it', {
      cause: error,
    });
  }
}

/** Removes a folder so that it is there in whole or not at all. */
export async function removeFolder(folder: string, files: StoreFiles): Promise<void> {
  const gone = `${folder}${GONE}`;
  await files.rm(gone, { recursive: true, force: true });
  try {
    await files.rename(folder, gone);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  await syncFolder(join(folder, '..'), files);
  await files.rm(gone, { recursive: true, force: true });
}
