/**
 * Everything in a party's folder that is under its storage key: keys of data sets, models that stayed shared, checkpoints of jobs. After a change of
 * the storage key each is sealed anew, and written whole beside the old file before that goes; then the old key can go, too.
 */
import { join } from 'node:path';
import { writeFileAtomically } from '../../data/atomic-write.ts';
import { CHECKPOINT_PURPOSE } from '../../data/checkpoint-store.ts';
import { Problem } from '../../data/problem.ts';
import type { Vault } from '../../data/vault.ts';
import { MODEL_PURPOSE } from '../../server/shared-model.ts';
import { DISK, type StoreFiles } from './store-files.ts';

/** Of a data set, whose digest is its folder's name: keeps the key file of one from being taken for another's. */
export function dataPurpose(digest: string): string {
  return `data ${digest}`;
}

interface SealedFile {
  readonly path: string;
  readonly purpose: string;
}

/** `state/KIND/DIGEST/FILE`. */
const KINDS: readonly (readonly [kind: string, file: RegExp, purposeOf: (digest: string) => string])[] = [
  ['data', /^key\.sealed$/, dataPurpose],
  ['models', /^model\.shares$/, () => MODEL_PURPOSE],
  ['checkpoints', /^step-\d{8}\.checkpoint$/, () => CHECKPOINT_PURPOSE],
];

async function* sealedFiles(state: string, files: StoreFiles): AsyncGenerator<SealedFile> {
  for (const [kind, isSealed, purposeOf] of KINDS) {
    for (const digest of await namesIn(join(state, kind), files)) {
      if (!/^[0-9a-f]{64}$/.test(digest)) continue;
      const folder = join(state, kind, digest);
      for (const name of await namesIn(folder, files)) {
        if (isSealed.test(name)) yield { path: join(folder, name), purpose: purposeOf(digest) };
      }
    }
  }
}

async function namesIn(folder: string, files: StoreFiles): Promise<readonly string[]> {
  try {
    return (await files.readdir(folder)).sort();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  }
}

export interface Renewed {
  readonly count: number;
  /** What is still under an older key, and why. */
  readonly left: readonly { readonly path: string; readonly reason: string }[];
}

/** Seals under the newest key what is under an older one. What cannot be opened is left as it is. Nobody else may write there meanwhile. */
export async function renewSealedFiles(state: string, vault: Vault, files: StoreFiles = DISK): Promise<Renewed> {
  let count = 0;
  const left: { path: string; reason: string }[] = [];
  for await (const { path, purpose } of sealedFiles(state, files)) {
    const sealed = await files.readFile(path);
    if (!vault.isOutdated(sealed)) continue;
    try {
      await writeFileAtomically(path, vault.seal(purpose, vault.open(purpose, sealed, path)), 'private', files);
      count++;
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      left.push({ path, reason: error.message });
    }
  }
  return { count, left };
}
