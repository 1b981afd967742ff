/**
 * A chunk on its way from a connection to the disk, piece by piece: nothing of it is held but what is being written. It has its name only when the
 * tag, the length and the digest of the request's body are right and it is on the disk.
 */
import { createHash } from 'node:crypto';
import { AtomicFile } from '../../data/atomic-write.ts';
import { chunkDecipher } from '../../federation/chunk-cipher.ts';
import { TAG_BYTES, type ChunkPlace } from '../../federation/chunks.ts';
import { Refusal } from '../refusal.ts';
import type { StoreFiles } from './store-files.ts';

/** Pieces of a connection are gathered to so much before they are written. */
const WRITE_BYTES = 2 ** 20;

export interface Incoming {
  readonly contentKey: Uint8Array;
  readonly place: ChunkPlace;
  /** Of the plaintext. */
  readonly bytes: number;
  /** SHA-256 of all that comes, as the request's author signed it. */
  readonly bodyDigest: string;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** @returns SHA-256 of the plaintext */
export async function storeChunk(path: string, incoming: Incoming, files: StoreFiles): Promise<Buffer> {
  const file = await AtomicFile.create(path, 'private', files);
  try {
    const digest = await check(incoming, file);
    await file.commit();
    return digest;
  } catch (error) {
    await file.abandon();
    throw error;
  }
}

async function check({ contentKey, place, bytes, bodyDigest, pieces }: Incoming, file: AtomicFile): Promise<Buffer> {
  const [body, plaintext] = [createHash('sha256'), createHash('sha256')];
  const decipher = chunkDecipher(contentKey, place);
  const tag = Buffer.alloc(TAG_BYTES);
  let gathered: Uint8Array[] = [];
  let waiting = 0;
  let received = 0;
  let written: Promise<void> = Promise.resolve();
  const write = async (): Promise<void> => {
    await written;
    const batch = gathered.length === 1 ? gathered[0] : Buffer.concat(gathered);
    [gathered, waiting] = [[], 0];
    written = file.write(batch);
    written.catch(() => undefined); // It is awaited, at the next batch or at the end.
  };
  try {
    for await (const piece of pieces) {
      const from = received;
      received += piece.length;
      if (received > bytes + TAG_BYTES) throw wrongLength(bytes, 'more');
      body.update(piece);
      const ciphertext = piece.subarray(0, Math.max(0, bytes - from));
      if (ciphertext.length > 0) plaintext.update(decipher.update(ciphertext));
      const rest = piece.subarray(ciphertext.length);
      if (rest.length > 0) tag.set(rest, from + ciphertext.length - bytes);
      gathered.push(piece);
      waiting += piece.length;
      if (waiting >= WRITE_BYTES) await write();
    }
    if (received !== bytes + TAG_BYTES) throw wrongLength(bytes, String(received));
    if (waiting > 0) await write();
  } finally {
    // Nobody abandons a file that is being written.
    await written.catch(() => undefined);
  }
  await written;
  if (body.digest('hex') !== bodyDigest) {
    throw new Refusal(400, 'the body is not the one that was signed', 'send it again');
  }
  decipher.setAuthTag(tag);
  try {
    decipher.final();
  } catch {
    const fix = 'encrypt it under the content key of this data set, for its part and number';
    throw new Refusal(422, `${place.part} ${place.number}: it is not this chunk, or it was changed`, fix);
  }
  return plaintext.digest();
}

function wrongLength(bytes: number, found: string): Refusal {
  const expected = bytes + TAG_BYTES;
  return new Refusal(400, `a chunk of ${expected} bytes is expected here, found ${found}`, 'send the chunk in whole');
}
