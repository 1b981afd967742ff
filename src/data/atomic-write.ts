import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import * as disk from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { makeFolder } from './folders.ts';

/** What is used of the file system: a test puts a failing one in its place. */
export type Files = Pick<typeof disk, 'mkdir' | 'mkdtemp' | 'open' | 'rename' | 'rm' | 'rmdir'>;

const CHUNK_BYTES = 2 ** 20;
/** A file of our own: nothing that lies in wait under its name, a symbolic link least of all, is written through. */
const { O_CREAT, O_EXCL, O_NOFOLLOW = 0, O_WRONLY } = constants;
const NEW_FILE = O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY;

/**
 * Writes a file whole or not at all: a crash or a full disk leaves what was there before. Folders are made as needed. A private file,
 * and each folder made for it, can be read by this user alone. A symbolic link of that name is replaced, not followed. Rejects with the system's error.
 */
export async function writeFileAtomically(
  path: string,
  bytes: Uint8Array,
  access?: 'private',
  files: Files = disk,
): Promise<void> {
  const temporary = await writeBeside(path, [bytes], access, files);
  try {
    await files.rename(temporary, path);
  } catch (error) {
    await files.rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncFolder(dirname(path), files);
}

/**
 * Whether a file of so many bytes can be written: writes one beside and removes it, and the folders it made. Whatever stands in the way
 * of a file (room, quota, permission, a file where a folder should be) stands in the way of this one, too.
 */
export async function tryToWrite(path: string, bytes: number, files: Files = disk): Promise<void> {
  const made = await makeFolder(dirname(path), { make: files.mkdir });
  try {
    await files.rm(await writeBeside(path, someBytes(bytes), undefined, files), { force: true });
  } finally {
    if (made !== undefined) await removeEmpty(dirname(path), made, files);
  }
}

function* someBytes(count: number): Iterable<Uint8Array> {
  const chunk = new Uint8Array(Math.min(count, CHUNK_BYTES)).fill(1);
  for (let left = count; left > 0; left -= chunk.length) yield chunk.subarray(0, Math.min(left, chunk.length));
}

/** From the innermost folder up to the first that was made. */
async function removeEmpty(folder: string, made: string, files: Files): Promise<void> {
  for (let each = folder; each.length >= made.length; each = dirname(each)) {
    if (
      !(await files.rmdir(each).then(
        () => true,
        () => false,
      ))
    )
      return;
  }
}

/** Returns the name of the file that was written, which is on the disk; nothing is left of one that failed. */
async function writeBeside(
  path: string,
  parts: Iterable<Uint8Array>,
  access: 'private' | undefined,
  files: Files,
): Promise<string> {
  await makeFolder(dirname(path), { mode: access === 'private' ? 0o700 : 0o777, make: files.mkdir });
  const temporary = `${path}.${randomBytes(8).toString('hex')}.tmp`;
  try {
    const file = await files.open(temporary, NEW_FILE, access === 'private' ? 0o600 : 0o666);
    try {
      for (const part of parts) await file.writeFile(part);
      await file.sync();
    } finally {
      await file.close();
    }
    return temporary;
  } catch (error) {
    await files.rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** The new name outlives a power cut, too. Where a system cannot sync a folder, it has its own ways. */
async function syncFolder(folder: string, files: Files): Promise<void> {
  const handle = await files.open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close().catch(() => undefined);
}

const FAULTS: Readonly<Record<string, string>> = {
  ENOSPC: 'no room is left on the disk',
  EDQUOT: 'the quota of this user is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'not permitted',
  EPERM: 'not permitted',
  ENOENT: 'its folder is not there',
  ENOTDIR: 'a part of the path is a file, not a folder',
  EEXIST: 'a part of the path is a file, not a folder',
  EISDIR: 'it is a folder',
  ENAMETOOLONG: 'the name is too long',
  EIO: 'the disk reports an error',
};

/** Why a file could not be written or read, in words; the system's own for what is rare. */
export function faultOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const fault = FAULTS[code ?? ''];
  return fault === undefined ? (message ?? String(error)) : `${fault} (${code})`;
}

export interface Saved {
  /** Where the file is, if it is anywhere. */
  readonly path: string | undefined;
  /** What it was that did not work, place by place; empty: it lies where it should. */
  readonly faults: readonly string[];
}

/**
 * Writes what cannot be had again: at `path` or, if that fails, in a new folder within the first of `elsewhere` that takes it, where
 * this user alone can read it. Never rejects.
 */
export async function saveSomewhere(
  path: string,
  bytes: Uint8Array,
  elsewhere: readonly string[],
  files: Files = disk,
): Promise<Saved> {
  const faults: string[] = [];
  try {
    await writeFileAtomically(path, bytes, undefined, files);
    return { path, faults };
  } catch (error) {
    faults.push(`${path}: ${faultOf(error)}`);
  }
  for (const place of elsewhere) {
    let folder: string | undefined;
    try {
      folder = await files.mkdtemp(`${place}/securenn-`);
      const saved = `${folder}/${basename(path)}`;
      await writeFileAtomically(saved, bytes, 'private', files);
      return { path: saved, faults };
    } catch (error) {
      faults.push(`${place}: ${faultOf(error)}`);
      if (folder !== undefined) await files.rmdir(folder).catch(() => undefined);
    }
  }
  return { path: undefined, faults };
}
