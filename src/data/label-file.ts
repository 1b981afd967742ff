/** Labels in a file of their own. */
import { readBytes } from './formats/bytes.ts';
import { idxLabels } from './formats/idx-files.ts';
import { NPY_MAGIC } from './formats/npy.ts';
import { npyLabels } from './formats/npy-files.ts';
import type { RawLabels } from './formats/reader.ts';
import { begins } from './magic.ts';

/** IDX, NPY, or text with a label a line. */
export async function readLabelFile(path: string): Promise<RawLabels> {
  const bytes = await readBytes(path);
  if (begins(bytes, NPY_MAGIC)) return npyLabels(bytes, path);
  if (/\.(txt|csv)$/i.test(path)) {
    const lines = new TextDecoder()
      .decode(bytes)
      .split(/\r?\n/)
      .map((line) => line.trim())
      .filter((line) => line !== '');
    return { values: lines.every((line) => /^\d+$/.test(line)) ? lines.map(Number) : lines, source: path };
  }
  return idxLabels(bytes, path);
}
