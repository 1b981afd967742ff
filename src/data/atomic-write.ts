import { randomBytes } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import * as disk from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { makeFolder } from './folders.ts';

/** What is used of the file system: a test puts a failing one in its place. */
export type Files = Pick<typeof disk, 'link' | 'mkdir' | 'mkdtemp' | 'open' | 'rename' | 'rm' | 'rmdir'>;

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
  const file = await AtomicFile.create(path, access, files);
  try {
    await file.write(bytes);
  } catch (error) {
    await file.abandon();
    throw error;
  }
  await file.commit();
}

/**
 * The same of a file that nobody else may have written first, not even in between: what is there stays. For this user alone.
 * @returns whether it was written
 */
export async function writeFileOnce(path: string, bytes: Uint8Array, files: Files = disk): Promise<boolean> {
  const file = await AtomicFile.create(path, 'private', files);
  try {
    await file.write(bytes);
    return await file.commitFirst();
  } finally {
    await file.abandon();
  }
}

/** A file that is written piece by piece, and has its name once it is whole and on the disk. Commit it or abandon it. */
export class AtomicFile {
  readonly #path: string;
  readonly #temporary: string;
  readonly #handle: disk.FileHandle;
  readonly #files: Files;
  #open = true;

  private constructor(path: string, temporary: string, handle: disk.FileHandle, files: Files) {
    [this.#path, this.#temporary, this.#handle, this.#files] = [path, temporary, handle, files];
  }

  static async create(path: string, access?: 'private', files: Files = disk): Promise<AtomicFile> {
    const folder = dirname(path);
    const made = await makeFolder(folder, { mode: access === 'private' ? 0o700 : 0o777, make: files.mkdir });
    if (made !== undefined) await syncAbove(folder, made, files);
    const temporary = `${path}.${randomBytes(8).toString('hex')}.tmp`;
    try {
      const handle = await files.open(temporary, NEW_FILE, access === 'private' ? 0o600 : 0o666);
      return new AtomicFile(path, temporary, handle, files);
    } catch (error) {
      await files.rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#handle.writeFile(bytes);
  }

  /** All is written, and on the disk under no name yet. */
  async settle(): Promise<void> {
    await this.#close(true);
  }

  /** On the disk under its name when this resolves; gone when it rejects, with the system's error. */
  async commit(): Promise<void> {
    try {
      await this.settle();
      await this.#files.rename(this.#temporary, this.#path);
    } catch (error) {
      await this.abandon();
      throw error;
    }
    await syncFolder(dirname(this.#path), this.#files);
  }

  /** As `commit`, unless there is a file of that name: it stays, and this one is to be abandoned. @returns whether it is there */
  async commitFirst(): Promise<boolean> {
    await this.settle();
    try {
      await this.#files.link(this.#temporary, this.#path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') return false;
      // Some file systems know no second name of a file: between this look and the change of names another may still come.
      if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code ?? '')) throw error;
      if (existsSync(this.#path)) return false;
      await this.#files.rename(this.#temporary, this.#path);
    }
    await syncFolder(dirname(this.#path), this.#files);
    return true;
  }

  /** Leaves nothing behind. */
  async abandon(): Promise<void> {
    await this.#close(false).catch(() => undefined);
    await this.#files.rm(this.#temporary, { force: true }).catch(() => undefined);
  }

  async #close(sync: boolean): Promise<void> {
    if (!this.#open) return;
    try {
      if (sync) await this.#handle.sync();
    } finally {
      this.#open = false;
      await this.#handle.close();
    }
  }
}

/**
 * Writes parts that come one after the other. Resolves when all are written; the file is on the disk under its name when what it gives has resolved.
 * @param faultyOf what the system's errors become; those of the parts are thrown as they are
 */
export async function draftFile(
  path: string,
  parts: AsyncIterable<Uint8Array>,
  access: 'private' | undefined,
  faultyOf: (error: unknown) => Error,
): Promise<() => Promise<void>> {
  const faulty = (error: unknown): never => {
    throw faultyOf(error);
  };
  const file = await AtomicFile.create(path, access).catch(faulty);
  try {
    for await (const part of parts) await file.write(part).catch(faulty);
  } catch (error) {
    await file.abandon();
    throw error;
  }
  return () => file.commit().catch(faulty);
}

/**
 * Whether a file of so many bytes can be written: writes one beside and removes it, and the folders it made. Whatever stands in the way
 * of a file (room, quota, permission, a file where a folder should be) stands in the way of this one, too.
 */
export async function tryToWrite(path: string, bytes: number, files: Files = disk): Promise<void> {
  const made = await makeFolder(dirname(path), { make: files.mkdir });
  try {
    const file = await AtomicFile.create(path, undefined, files);
    try {
      for (const part of someBytes(bytes)) await file.write(part);
      await file.settle();
    } finally {
      await file.abandon();
    }
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

/** Folders that were made outlive a power cut, too. */
async function syncAbove(folder: string, made: string, files: Files): Promise<void> {
  for (let each = folder; each.length >= made.length; each = dirname(each)) await syncFolder(dirname(each), files);
}

/** How systems say that a folder cannot be synced: they have their own ways. */
const UNSYNCED = ['EISDIR', 'EPERM', 'EACCES', 'EINVAL', 'ENOTSUP', 'EBADF'];

/** The new name outlives a power cut, too. */
export async function syncFolder(folder: string, files: Files = disk): Promise<void> {
  const handle = await files.open(folder, 'r').catch(() => undefined);
  try {
    await handle?.sync();
  } catch (error) {
    if (!UNSYNCED.includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    await handle?.close().catch(() => undefined);
  }
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
