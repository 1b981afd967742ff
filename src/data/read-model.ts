/** Model files from the disk. */
import { readFile } from 'node:fs/promises';
import type { Network } from '../nn/network.ts';
import { type Model, parseModel } from './model-file.ts';
import { Problem } from './problem.ts';

/** @param expected as `parseModel` takes it. @param option that named it */
export async function readModel(path: string, expected?: Network, option = 'model'): Promise<Model> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = { ENOENT: 'no such file', EISDIR: 'it is a folder', EACCES: 'not permitted' }[code ?? ''] ?? message;
    throw new Problem(
      `model file ${path}: cannot be read: ${reason}`,
      `train a model first, or give an existing file to --${option}`,
      {
        cause: error,
      },
    );
  }
  return parseModel(bytes, path, expected);
}
