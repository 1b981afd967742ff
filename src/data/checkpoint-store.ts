/** The checkpoints of one party, or of the owner, in a folder of its own: `step-00000469.checkpoint`, one a step; encrypted where there is a vault. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { PeerName } from '../channel/channel.ts';
import { faultOf, writeFileAtomically } from './atomic-write.ts';
import { CHECKPOINT_FIX, formatCheckpoint, parseCheckpoint, type Checkpoint } from './checkpoint.ts';
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
        whole.push({ run: (await this.read(step)).run, step });
      } catch (error) {
        if (!(error instanceof Problem)) throw error;
        damaged.push({ step, what: error.message, fix: error.fix });
      }
    }
    return { whole, damaged };
  }

  async read(step: number): Promise<Checkpoint> {
    const path = this.#path(step);
    const bytes = await readFile(path).catch((error: unknown) => {
      throw new Problem(`${path}: cannot be read: ${reasonOf(error)}`, 'give a folder of checkpoints that can be read');
    });
    const checkpoint = parseCheckpoint(this.#vault?.open(CHECKPOINT_PURPOSE, bytes, path) ?? bytes, path);
    const { keeper, step: found } = checkpoint;
    if (keeper !== this.#keeper)
      throw new Problem(`${path}: is a checkpoint of ${keeper}, expected one of ${this.#keeper}`, CHECKPOINT_FIX);
    if (found !== step) throw new Problem(`${path}: holds step ${found}, its name says ${step}`, CHECKPOINT_FIX);
    return checkpoint;
  }

  /** Resolves when the file is on the disk, in whole; those of other steps are left as they are. Tensors are read before it returns. */
  async write(checkpoint: Checkpoint): Promise<void> {
    const bytes = formatCheckpoint(checkpoint);
    await checkPrivateFolder(this.#folder);
    const path = this.#path(checkpoint.step);
    await writeFileAtomically(path, this.#vault?.seal(CHECKPOINT_PURPOSE, bytes) ?? bytes, 'private').catch(
      (error: unknown) => {
        throw new Problem(
          `checkpoint ${path}: cannot be written: ${faultOf(error)}`,
          'see that the disk has room and the folder can be written',
          { told: `its checkpoint of step ${checkpoint.step} cannot be written` },
        );
      },
    );
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
