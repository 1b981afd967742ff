/** Where a machine remembers its trials (tuner.ts): one JSON file an adapter in the user's cache folder. It may be deleted at any time. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import * as z from 'zod';
import type { TuningStore } from './tuner.ts';

/** Changes with the kernels: what was fastest of others means nothing. */
const KERNELS = 1;

const fileSchema = z.strictObject({
  kernels: z.literal(KERNELS),
  adapter: z.string(),
  choices: z.record(z.string(), z.string()),
});

/** The user's folder for what can be made again. */
export function cacheFolder(): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  const base = process.platform === 'win32' ? LOCALAPPDATA : XDG_CACHE_HOME;
  return join(base === undefined || base === '' ? join(homedir(), '.cache') : base, 'securenn');
}

/** A file that is missing, damaged or of other kernels is as good as empty, and one that cannot be written is done without. */
export function tuningFile(adapter: string, folder: string = cacheFolder()): TuningStore {
  const digest = createHash('sha256').update(adapter).digest('hex').slice(0, 16);
  const path = join(folder, `kernels-${digest}.json`);
  const load = async (): Promise<Readonly<Record<string, string>>> => {
    try {
      return fileSchema.parse(JSON.parse(await readFile(path, 'utf8'))).choices;
    } catch {
      return {};
    }
  };
  return {
    load,
    async save(key, choice) {
      // Parties on one machine write to one file: each adds to what is there, and a lost entry is found again by another trial.
      const choices = { ...(await load()), [key]: choice };
      const partial = `${path}.${randomBytes(6).toString('hex')}`;
      try {
        await mkdir(dirname(path), { recursive: true });
        await writeFile(partial, JSON.stringify({ kernels: KERNELS, adapter, choices }, undefined, 2));
        await rename(partial, path);
      } catch {
        await rm(partial, { force: true }).catch(() => undefined);
      }
    },
  };
}
