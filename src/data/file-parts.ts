import { createReadStream } from 'node:fs';

/** Of a file, that are read, or written, at a time. */
export const PART_BYTES: number = 2 ** 20;

/** A file's bytes, some at a time. @param faultyOf what the system's errors become */
export async function* partsOfFile(
  path: string,
  faultyOf: (error: unknown) => Error,
): AsyncGenerator<Uint8Array, void> {
  try {
    for await (const part of createReadStream(path, { highWaterMark: PART_BYTES })) yield part as Uint8Array;
  } catch (error) {
    throw faultyOf(error);
  }
}
