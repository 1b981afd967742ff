import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Writes a file whole or not at all: a crash or a full disk leaves what was there before. Folders are made as needed. A private file,
 * and each folder made for it, can be read by this user alone.
 */
export async function writeFileAtomically(path: string, bytes: Uint8Array, access?: 'private'): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: access === 'private' ? 0o700 : 0o777 });
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(temporary, 'w', access === 'private' ? 0o600 : 0o666);
    try {
      await file.writeFile(bytes);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** The new name outlives a power cut, too. Where a system cannot sync a folder, it has its own ways. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
