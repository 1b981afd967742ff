/** federation.json from a disk. */
import { JOIN, parseFederation, type Federation } from './federation-file.ts';
import { readNamedFile } from './named-file.ts';

export async function readFederation(path: string): Promise<Federation> {
  const text = await readNamedFile(path, `the federation file ${path}`, `give its path, or make it: ${JOIN}`);
  return parseFederation(text, path);
}
