/** Chunks (`chunks.ts`) by Node's own cryptography: how parties open what they keep. */
import { createCipheriv, createDecipheriv, createHmac, type DecipherGCM } from 'node:crypto';
import type { Digest } from './canonical.ts';
import { additionalOf, nonceOf, OPENED, TAG_BYTES, type ChunkPlace } from './chunks.ts';

/** Of E, from SHA-256 of each of its chunks' plaintext in order. Whoever lacks the content key cannot tell of what it is. */
export function digestOfChunks(contentKey: Uint8Array, digests: readonly Uint8Array[]): Digest {
  const hash = createHmac('sha256', contentKey).update(OPENED);
  for (const digest of digests) hash.update(digest);
  return hash.digest('hex');
}

export function sealChunk(contentKey: Uint8Array, place: ChunkPlace, plaintext: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-gcm', contentKey, nonceOf(place)).setAAD(additionalOf(place));
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Undefined: it is not this chunk, or not under this key. */
export function openChunk(contentKey: Uint8Array, place: ChunkPlace, sealed: Uint8Array): Buffer | undefined {
  if (sealed.length < TAG_BYTES) return undefined;
  const decipher = chunkDecipher(contentKey, place);
  const plaintext = decipher.update(sealed.subarray(0, -TAG_BYTES));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    decipher.final();
    return plaintext;
  } catch {
    return undefined;
  }
}

/** For a chunk that comes piece by piece: nothing of it counts before `final` has accepted the tag. */
export function chunkDecipher(contentKey: Uint8Array, place: ChunkPlace): DecipherGCM {
  const options = { authTagLength: TAG_BYTES };
  return createDecipheriv('aes-256-gcm', contentKey, nonceOf(place), options).setAAD(additionalOf(place));
}
