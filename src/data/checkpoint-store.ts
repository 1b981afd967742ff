/** The checkpoints of one party, or of the owner, in a folder of its own: `step-00000469.checkpoint`, one a step; encrypted where there is a vault. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { PeerName } from '../channel/channel.ts';
import { draftFile, faultOf } from './atomic-write.ts';
import {
  CHECKPOINT_FIX,
  checkpointBytes,
  openCheckpoint,
  readCheckpoint,
  type Checkpoint,
  type NewCheckpoint,
  type StoredCheckpoint,
} from './checkpoint.ts';
import { partsOfFile } from './file-parts.ts';
import { checkPrivateFolder } from './private-folder.ts';
import { Problem } from './problem.ts';
import type { Vault } from './vault.ts';

/** Of the files in a vault. */
export const CHECKPOINT_PURPOSE = 'checkpoint';

/** What lies in a folder. */
export interface Holdings {
  /** Whole checkpoints, by step. */
  readonly whole: readonly { readonly run: string; readonly step: number }[];
  /** Files that are there and cannot be used, and why. */
  readonly damaged: readonly { readonly step: number; readonly what: string; readonly fix: string }[];
}

export class CheckpointStore {
  readonly #folder: string;
  readonly #keeper: PeerName;
  readonly #vault: Vault | undefined;

  constructor(folder: string, keeper: PeerName, vault?: Vault) {
    this.#folder = folder;
    this.#keeper = keeper;
    this.#vault = vault;
  }

  /** Reads every file whole. What a crash left half written is removed. Rejects when the folder is not this user's alone. */
  async survey(): Promise<Holdings> {
    await checkPrivateFolder(this.#folder);
    const whole: { run: string; step: number }[] = [];
    const damaged: { step: number; what: string; fix: string }[] = [];
    for (const name of await this.#names()) {
      if (name.endsWith('.tmp')) await rm(join(this.#folder, name), { force: true });
      const step = stepOf(name);
      if (step === undefined) continue;
      try {
        whole.push({ run: (await this.open(step)).run, step });
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        damaged.push({ step, what: error.message, fix: error.fix });
      }
    }
    return { whole, damaged };
  }

  async read(step: number): Promise<Checkpoint> {
    return readCheckpoint(await this.open(step));
  }

  /** Reads the file, all of which is checked, and none of its tensors yet. */
  async open(step: number): Promise<StoredCheckpoint> {
    const path = this.#path(step);
    const bytes = (): AsyncIterable<Uint8Array> => {
      const parts = partsOfFile(path, (error) => {
        const what = `${path}: cannot be read: ${reasonOf(error)}`;
        return new Problem(what, 'give a folder of checkpoints that can be read');
      });
      return this.#vault?.openParts(CHECKPOINT_PURPOSE, parts, path) ?? parts;
    };
    const checkpoint = await openCheckpoint(bytes, path);
    const { keeper, step: found } = checkpoint;
    if (keeper !== this.#keeper)
      throw new Problem(`${path}: is a checkpoint of ${keeper}, expected one of ${this.#keeper}`, CHECKPOINT_FIX);
    if (found !== step) throw new Problem(`${path}: holds step ${found}, its name says ${step}`, CHECKPOINT_FIX);
    return checkpoint;
  }

  /** Resolves when the file is on the disk, in whole; those of other steps are left as they are. */
  async write(checkpoint: NewCheckpoint): Promise<void> {
    const commit = await this.draft(checkpoint);
    await commit();
  }

  /** Resolves when all has been taken of the checkpoint's tensors; then the file is on the disk, in whole, when what it gives has resolved. */
  async draft(checkpoint: NewCheckpoint): Promise<() => Promise<void>> {
    await checkPrivateFolder(this.#folder);
    const path = this.#path(checkpoint.step);
    const faultyOf = (error: unknown): Problem =>
      new Problem(
        `checkpoint ${path}: cannot be written: ${faultOf(error)}`,
        'see that the disk has room and the folder can be written',
        { told: `its checkpoint of step ${checkpoint.step} cannot be written` },
      );
    const bytes = checkpointBytes(checkpoint);
    const parts = this.#vault?.sealParts(CHECKPOINT_PURPOSE, bytes) ?? bytes;
    return draftFile(path, parts, 'private', faultyOf);
  }

  /** Removes the checkpoints of earlier steps. */
  async removeBefore(step: number): Promise<void> {
    for (const name of await this.#names()) {
      if ((stepOf(name) ?? step) < step) await rm(join(this.#folder, name), { force: true });
    }
  }

  /** Removes the checkpoints of other runs, and what is damaged. Called when one of this run is complete. */
  async removeOthers(run: string): Promise<void> {
    const { whole, damaged } = await this.survey();
    const others = whole.filter((checkpoint) => checkpoint.run !== run);
    for (const { step } of [...others, ...damaged]) await rm(this.#path(step), { force: true });
  }

  async #names(): Promise<string[]> {
    try {
      return (await readdir(this.#folder)).sort();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw new Problem(`${this.#folder}: cannot be read: ${reasonOf(error)}`, 'give a folder that can be read');
    }
  }

  #path(step: number): string {
    return join(this.#folder, `step-${String(step).padStart(8, '0')}.checkpoint`);
  }
}

function stepOf(name: string): number | undefined {
  const digits = /^step-(\d{8})\.checkpoint$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
