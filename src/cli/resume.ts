/** From which checkpoint a run goes on: the newest step that the owner and all three parties hold whole. */
import { join } from 'node:path';
import { PARTIES, type PartyName } from '../client/parties.ts';
import { readNotes, type OwnerNotes } from '../client/history.ts';
import { CheckpointStore, type Holdings } from '../data/checkpoint-store.ts';
import { Problem } from '../data/problem.ts';
import { readJob } from '../server/checkpoints.ts';
import type { TrainJob } from '../server/job.ts';

/** Each party keeps its own folder; here all lie side by side. */
export function folderOf(folder: string, keeper: PartyName | 'owner'): string {
  return join(folder, keeper);
}

/** What goes on with a run, to be typed as it stands. */
export function resumeCommand(folder: string): string {
  const quoted = /^[\w./:@%+,=-]+$/.test(folder) ? folder : `'${folder.replaceAll("'", "'\\''")}'`;
  return `securenn local train --resume ${quoted}`;
}

export type AllHoldings = Readonly<Record<PartyName | 'owner', Holdings>>;

/** A run that was interrupted, as its owner knows it. */
export interface BegunRun {
  readonly store: CheckpointStore;
  readonly holdings: Holdings;
  readonly run: string;
  /** With which it began. */
  readonly job: TrainJob;
  readonly notes: OwnerNotes;
}

/** Reads the owner's part of a run's checkpoints. */
export async function readRun(folder: string): Promise<BegunRun> {
  const store = new CheckpointStore(folderOf(folder, 'owner'), 'owner');
  const holdings = await store.survey();
  const newest = holdings.whole.at(-1);
  if (newest === undefined) {
    const damaged = holdings.damaged.at(-1);
    if (damaged) throw new Problem(damaged.what, 'restore the file from a copy, or train anew in another folder');
    throw new Problem(`--resume: no checkpoint of an owner in ${folder}`, 'give the folder that --checkpoint named');
  }
  const checkpoint = await store.read(newest.step);
  const job = readJob(checkpoint.job, `checkpoint of the owner at step ${newest.step}`);
  return { store, holdings, run: newest.run, job, notes: readNotes(checkpoint) };
}

const KEEPERS = ['owner', ...PARTIES] as const;

/** A new run takes a folder without checkpoints: it must not mix with another one, nor write over it. */
export function checkFolderIsFree(folder: string, holdings: AllHoldings): void {
  for (const keeper of KEEPERS) {
    const { whole, damaged } = holdings[keeper];
    if (whole.length + damaged.length === 0) continue;
    throw new Problem(
      `--checkpoint: ${folderOf(folder, keeper)} holds checkpoints of another run`,
      `go on with it by --resume ${folder}, or give another folder`,
    );
  }
}

/** The step to go on from. What is damaged is never passed over in silence: an older step must be asked for. */
export function chooseStep(folder: string, run: string, holdings: AllHoldings, asked: number | undefined): number {
  for (const keeper of KEEPERS) {
    const stranger = holdings[keeper].whole.find((checkpoint) => checkpoint.run !== run);
    if (stranger === undefined) continue;
    throw new Problem(
      `${folderOf(folder, keeper)}: the checkpoint of step ${stranger.step} is of run ${stranger.run}, the owner's newest of run ${run}`,
      'put back the checkpoints of one run, or remove those of the other',
    );
  }
  const stepsOf = (keeper: PartyName | 'owner'): number[] => holdings[keeper].whole.map(({ step }) => step);
  const common = stepsOf('owner').filter((step) => KEEPERS.every((keeper) => stepsOf(keeper).includes(step)));
  const newest = common.at(-1);
  const damaged = KEEPERS.flatMap((keeper) => holdings[keeper].damaged);
  const elsewhere =
    newest === undefined
      ? 'restore the file from a copy, or train anew in another folder'
      : `go on from step ${newest}, which is whole: ${resumeCommand(folder)} --resume-step ${newest}`;
  if (asked === undefined) {
    if (damaged.length > 0) throw new Problem(damaged[0].what, elsewhere);
    if (newest !== undefined) return newest;
    const found = KEEPERS.map((keeper) => `${keeper} ${stepsOf(keeper).join(', ') || 'none'}`).join('; ');
    throw new Problem(
      `--resume: no step in ${folder} of which the owner and all parties hold a checkpoint: ${found}`,
      'put back the missing files, or train anew in another folder',
    );
  }
  if (common.includes(asked)) return asked;
  const broken = damaged.find(({ step }) => step === asked);
  if (broken) throw new Problem(broken.what, elsewhere);
  const missing = KEEPERS.filter((keeper) => !stepsOf(keeper).includes(asked)).join(' and ');
  throw new Problem(
    `--resume-step: no checkpoint of step ${asked} at ${missing}`,
    newest === undefined ? 'leave --resume-step out' : `give one of ${common.join(', ')}`,
  );
}
