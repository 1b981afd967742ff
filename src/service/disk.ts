/** How much room there is where a party keeps what it is given. */
import { statfs } from 'node:fs/promises';

export interface DiskRoom {
  /** For this user. */
  readonly free: number;
  readonly total: number;
}

/** Undefined: the system does not say. */
export async function roomOn(folder: string): Promise<DiskRoom | undefined> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    return { free: bavail * bsize, total: blocks * bsize };
  } catch {
    return undefined;
  }
}
