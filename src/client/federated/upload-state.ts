/** What an owner keeps of an upload (`kept-upload.ts`), in this user's folder, readable by this user alone. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { faultOf, writeFileOnce } from '../../data/atomic-write.ts';
import { checkPrivateFolder } from '../../data/private-folder.ts';
import { Problem } from '../../data/problem.ts';
import type { Id } from '../../federation/public-identity.ts';
import { formatKept, keeperName, parseKept, type KeptUpload, type UploadKeeper } from './kept-upload.ts';

/** Where this program keeps what is this user's. */
export function stateFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const { XDG_STATE_HOME, LOCALAPPDATA } = environment;
  if (XDG_STATE_HOME !== undefined && XDG_STATE_HOME !== '') return join(XDG_STATE_HOME, 'securenn');
  if (process.platform === 'win32' && LOCALAPPDATA !== undefined) return join(LOCALAPPDATA, 'securenn');
  return join(homedir(), '.local', 'state', 'securenn');
}

/** Names of data sets whose upload by this key is not ended. */
export async function openUploads(federation: string, owner: Id, folder: string = stateFolder()): Promise<string[]> {
  const start = keeperName(federation, owner, '');
  const files = await readdir(join(folder, 'uploads')).catch(() => []);
  return files
    .filter((file) => file.startsWith(start) && file.endsWith('.json'))
    .map((file) => file.slice(start.length, -'.json'.length));
}

/** The file of one owner's data set of one name. */
export class UploadState implements UploadKeeper {
  readonly path: string;
  readonly #folder: string;

  constructor(federation: string, owner: Id, name: string, folder: string = stateFolder()) {
    this.#folder = join(folder, 'uploads');
    this.path = join(this.#folder, `${keeperName(federation, owner, name)}.json`);
  }

  /** Undefined: no such upload was begun. */
  async read(): Promise<KeptUpload | undefined> {
    await checkPrivateFolder(this.#folder);
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw new Problem(`${this.path}: cannot be read: ${faultOf(error)}`, 'see to its permissions', { cause: error });
    }
    return parseKept(text, this.path);
  }

  /** On the disk when this resolves. */
  async write(kept: KeptUpload): Promise<boolean> {
    await checkPrivateFolder(this.#folder);
    try {
      return await writeFileOnce(this.path, new TextEncoder().encode(formatKept(kept)));
    } catch (error) {
      const what = `${this.path} cannot be written, so the upload could not go on after a crash: ${faultOf(error)}`;
      throw new Problem(what, 'make room, or name another folder in XDG_STATE_HOME', { cause: error });
    }
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }
}
