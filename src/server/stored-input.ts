/**
 * Inputs that were stored here by their owners: E in chunks that are decrypted one by one, and the keys of the masks. Data sets that
 * follow each other are one input (PROTOCOLS §1, "Owners' inputs"). A worker holds one array for E, whatever the number of sets.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { faultOf } from '../data/atomic-write.ts';
import { joinMasks } from '../data/joined-masks.ts';
import { Problem } from '../data/problem.ts';
import { maskOf } from '../data/share.ts';
import type { OwnedInput } from '../engine/ownedInput.ts';
import { chunkBytes, chunkFile, chunksOf, openedBytes, TAG_BYTES, type Part } from '../federation/chunks.ts';
import { openChunk } from '../federation/chunk-cipher.ts';
import type { PartyId } from '../party/party.ts';
import type { StoredSet } from './ipc.ts';

const ELEMENT_BYTES = 8;

/** One part of data sets that follow each other. */
export async function storedInput(id: PartyId, part: Part, sets: readonly StoredSet[]): Promise<OwnedInput> {
  const sizes = sets.map((set) => openedBytes(set.sizes, part));
  const shares = id === 2 ? [0, 1] : [0];
  const masks = shares.map((which) =>
    joinMasks(
      sets.map(({ keys }, i) => ({ elements: sizes[i] / ELEMENT_BYTES, masks: maskOf(part, keys.masks[which]) })),
    ),
  );
  if (id === 2) return { opened: null, masks };
  const opened = new BigUint64Array(sizes.reduce((sum, bytes) => sum + bytes, 0) / ELEMENT_BYTES);
  const bytes = new Uint8Array(opened.buffer);
  let at = 0;
  for (const set of sets) {
    for (let number = 0; number < chunksOf(set.sizes, part); number++) {
      const chunk = await readChunk(set, part, number);
      bytes.set(chunk, at);
      at += chunk.length;
    }
  }
  return { opened, masks };
}

async function readChunk({ data, sizes, folder, keys }: StoredSet, part: Part, number: number): Promise<Uint8Array> {
  const name = `data set ${data.slice(0, 8)}: chunk ${number} of its ${part}`;
  const broken = (how: string, error?: unknown): Problem =>
    new Problem(`${name} ${how}`, 'restore it from a copy, or have its owner store the data set anew', {
      told: `${name} cannot be read`,
      cause: error,
    });
  if (keys.content === undefined) throw new Error(`${name}: a worker was given no content key`);
  const sealed = await readFile(join(folder, chunkFile(part, number))).catch((error: unknown) => {
    throw broken(`cannot be read: ${faultOf(error)}`, error);
  });
  const expected = chunkBytes(sizes, part, number);
  if (sealed.length !== expected + TAG_BYTES)
    throw broken(`has ${sealed.length} bytes, expected ${expected + TAG_BYTES}`);
  const plaintext = openChunk(keys.content, { data, part, number }, sealed);
  if (plaintext === undefined) throw broken('is damaged, or another file was put in its place');
  return plaintext;
}
