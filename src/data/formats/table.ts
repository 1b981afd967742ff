/** The formats of data sets that are read, in the order in which they are tried. */
import { CIFAR_10_BINARY, CIFAR_100_BINARY } from './cifar.ts';
import { CSV } from './csv.ts';
import { IDX } from './idx-files.ts';
import { IMAGE_FOLDERS } from './image-folders.ts';
import { NPY, NPZ } from './npy-files.ts';
import type { Parts, Place, Reader } from './reader.ts';

export const READERS: readonly Reader[] = [IDX, CIFAR_10_BINARY, CIFAR_100_BINARY, NPZ, NPY, CSV, IMAGE_FOLDERS];

export interface Recognised {
  readonly reader: Reader;
  readonly parts: Parts;
}

/** The first format that a place is of. */
export async function recognise(place: Place): Promise<Recognised | undefined> {
  for (const reader of READERS) {
    const parts = await reader.find(place);
    if (parts !== undefined) return { reader, parts };
  }
  return undefined;
}
