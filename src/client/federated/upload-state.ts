/**
 * What an owner keeps of an upload until it is done, so that it can go on after a crash: the keys, and the document that commits to the data under
 * them. Written before anything goes out and removed once the parties say that they have all. Whoever reads the file, and takes what P0 or P1 has,
 * has the data: it lies in this user's folder, readable by this user alone.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { faultOf, writeFileAtomically } from '../../data/atomic-write.ts';
import { checkPrivateFolder } from '../../data/private-folder.ts';
import { Problem } from '../../data/problem.ts';
import { CONTENT_KEY_BYTES } from '../../federation/chunks.ts';
import { dataDocument, type DataDocument } from '../../federation/documents.ts';
import type { Id } from '../../federation/identity.ts';
import { STREAM_KEY_BYTES } from '../../random/streams.ts';
import type { SharingKeys } from './sharing.ts';

const hex = (bytes: number): z.ZodType<string> => z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`));
const schema = z.strictObject({
  securenn: z.literal('upload'),
  content: hex(CONTENT_KEY_BYTES),
  masks: z.tuple([hex(STREAM_KEY_BYTES), hex(STREAM_KEY_BYTES)]),
  document: dataDocument,
});

export interface KeptUpload {
  readonly keys: SharingKeys;
  readonly document: DataDocument;
}

/** Where this program keeps what is this user's. */
export function stateFolder(environment: NodeJS.ProcessEnv = process.env): string {
  const { XDG_STATE_HOME, LOCALAPPDATA } = environment;
  if (XDG_STATE_HOME !== undefined && XDG_STATE_HOME !== '') return join(XDG_STATE_HOME, 'securenn');
  if (process.platform === 'win32' && LOCALAPPDATA !== undefined) return join(LOCALAPPDATA, 'securenn');
  return join(homedir(), '.local', 'state', 'securenn');
}

/** Names of data sets whose upload by this key is not ended. */
export async function openUploads(federation: string, owner: Id, folder: string = stateFolder()): Promise<string[]> {
  const start = `${federation.slice(0, 16)}-${owner}-`;
  const files = await readdir(join(folder, 'uploads')).catch(() => []);
  return files
    .filter((file) => file.startsWith(start) && file.endsWith('.json'))
    .map((file) => file.slice(start.length, -'.json'.length));
}

/** The file of one owner's data set of one name. */
export class UploadState {
  readonly path: string;
  readonly #folder: string;

  constructor(federation: string, owner: Id, name: string, folder: string = stateFolder()) {
    this.#folder = join(folder, 'uploads');
    this.path = join(this.#folder, `${federation.slice(0, 16)}-${owner}-${name}.json`);
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
    const parsed = schema.safeParse(parse(text));
    if (!parsed.success) {
      // What stands in it is not quoted: it may be a key.
      throw new Problem(
        `${this.path}: not the state of an upload`,
        'add --restart: the upload begins anew, under new keys',
      );
    }
    const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
    const { content, masks, document } = parsed.data;
    return { keys: { content: bytes(content), masks: [bytes(masks[0]), bytes(masks[1])] }, document };
  }

  /** On the disk when this resolves. */
  async write({ keys, document }: KeptUpload): Promise<void> {
    const hexOf = (key: Uint8Array): string => Buffer.from(key).toString('hex');
    const kept = { securenn: 'upload', content: hexOf(keys.content), masks: keys.masks.map(hexOf), document };
    await checkPrivateFolder(this.#folder);
    try {
      await writeFileAtomically(this.path, new TextEncoder().encode(JSON.stringify(kept)), 'private');
    } catch (error) {
      const what = `${this.path} cannot be written, so the upload could not go on after a crash: ${faultOf(error)}`;
      throw new Problem(what, 'make room, or name another folder in XDG_STATE_HOME', { cause: error });
    }
  }

  async remove(): Promise<void> {
    await rm(this.path, { force: true });
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
