/** Making a folder and those above it. Node's own `recursive` goes round for ever where the system answers ENOENT, as in /proc. */
import { mkdirSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';

/** How systems say that a folder is there already; of a root, some say it otherwise. */
const THERE = ['EEXIST', 'EISDIR', 'EPERM'];

function isThere(folder: string, error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return THERE.includes(code ?? '') && statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
}

function lacksFolderAbove(folder: string, error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT' && dirname(folder) !== folder;
}

/** @returns the first that was made, as Node's does; undefined when all were there. */
export async function makeFolder(
  folder: string,
  { mode = 0o777, make = mkdir }: { readonly mode?: number; readonly make?: typeof mkdir } = {},
): Promise<string | undefined> {
  const attempt = async (): Promise<string | undefined> => {
    try {
      await make(folder, { mode });
      return folder;
    } catch (error) {
      if (isThere(folder, error)) return undefined;
      throw error;
    }
  };
  try {
    return await attempt();
  } catch (error) {
    if (!lacksFolderAbove(folder, error)) throw error;
    const first = await makeFolder(dirname(folder), { mode, make });
    const own = await attempt();
    return first ?? own;
  }
}

export function makeFolderSync(folder: string): void {
  const attempt = (): void => {
    try {
      mkdirSync(folder);
    } catch (error) {
      if (!isThere(folder, error)) throw error;
    }
  };
  try {
    attempt();
  } catch (error) {
    if (!lacksFolderAbove(folder, error)) throw error;
    makeFolderSync(dirname(folder));
    attempt();
  }
}
