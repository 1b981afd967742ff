/** A rank that is lost at one moment: as it is about to say something to another rank of its party. */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PRELOADED = fileURLToPath(new URL('./lose-rank.mjs', import.meta.url));

/**
 * @param who `P1.1`; `P1` is rank 0, where ranks are processes
 * @param label begins like that of the message
 * @param file nothing is lost unless it is there (`armed`), and it goes with the rank
 * @returns the environment of a command
 */
export function losing(who: string, label: string, file: string): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--import=${PRELOADED}`, LOST_RANK: [who, label, file].join(' ') };
}

export function arm(file: string): void {
  writeFileSync(file, '');
}
