/** The bytes of a file, unpacked. */
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { Problem } from '../problem.ts';

/** A .gz of a few kilobytes can unpack to gigabytes. */
export const MAXIMUM_UNPACKED_BYTES: number = 2 ** 31 - 1;

export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(path);
    // By what it begins with, not by its name: browsers unpack a download and leave it the name, others drop the ending.
    const zipped = bytes[0] === 0x1f && bytes[1] === 0x8b;
    return zipped ? gunzipSync(bytes, { maxOutputLength: MAXIMUM_UNPACKED_BYTES }) : bytes;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Problem(
      `${path}: cannot be read: ${reason}`,
      'check that the file is whole and readable, or fetch it again',
      { cause: error },
    );
  }
}
