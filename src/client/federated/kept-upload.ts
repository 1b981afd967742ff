/**
 * What an owner keeps of an upload until it is done, so that it can go on after a crash: the keys, and the document that commits to the data under
 * them. Written before anything goes out and removed once the parties say that they have all. Whoever reads it, and takes what P0 or P1 has, has the
 * data: it stays where this owner alone can read it (`upload-state.ts`; in a page, its own IndexedDB).
 */
import * as z from 'zod';
import { Problem } from '../../data/problem.ts';
import { CONTENT_KEY_BYTES } from '../../federation/chunks.ts';
import { dataDocument, type DataDocument } from '../../federation/documents.ts';
import type { Id } from '../../federation/public-identity.ts';
import { STREAM_KEY_BYTES } from '../../random/primitives.ts';
import { fromHex, toHex } from '../../random/text.ts';
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

/** Where one owner's data set of one name is kept. */
export interface UploadKeeper {
  /** Undefined: no such upload was begun. */
  read(): Promise<KeptUpload | undefined>;
  /** Kept, whatever happens to this program, when this resolves. @returns false: another was kept first, and stays */
  write(kept: KeptUpload): Promise<boolean>;
  remove(): Promise<void>;
}

/** What it is kept under: begins alike for all of one owner's in one federation. */
export function keeperName(federation: string, owner: Id, name: string): string {
  return `${federation.slice(0, 16)}-${owner}-${name}`;
}

export function formatKept({ keys, document }: KeptUpload): string {
  return JSON.stringify({
    ...{ securenn: 'upload', content: toHex(keys.content), masks: keys.masks.map(toHex), document },
  });
}

/** @param source names it in errors */
export function parseKept(text: string, source: string): KeptUpload {
  const parsed = schema.safeParse(parse(text));
  if (!parsed.success) {
    // What stands in it is not quoted: it may be a key.
    throw new Problem(`${source}: not the state of an upload`, 'add --restart: the upload begins anew, under new keys');
  }
  const { content, masks, document } = parsed.data;
  return { keys: { content: fromHex(content), masks: [fromHex(masks[0]), fromHex(masks[1])] }, document };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
