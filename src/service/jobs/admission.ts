/** How much memory a job will take here, and whether it is there beside those that run; whether the disk has room for what it keeps. */
import { DEFAULT_BATCH_IMAGES, MAX_INPUT_IMAGES, type JobDocument } from '../../federation/documents.ts';
import type { PartyName } from '../../server/ipc.ts';
import { inferenceMemory, trainingMemory } from '../../server/memory.ts';
import type { DataSets } from '../jobs-api.ts';
import type { Refused } from './control.ts';
import { imagesOf } from './orders.ts';
import type { Disk, RankPool } from './ports.ts';

/** Bytes of this party's process at its peak: an estimate from shapes (docs/links.md). */
export async function memoryOfJob(document: JobDocument, party: PartyName, data: DataSets): Promise<number> {
  if (document.kind === 'serve') {
    // One input may have more images than several together.
    const batch = Math.max(MAX_INPUT_IMAGES, document.maxBatch ?? DEFAULT_BATCH_IMAGES);
    return (await inferenceMemory({ ...document, batch }))[party];
  }
  const sum = (sets: readonly { readonly digest: string }[]): number =>
    sets.reduce((images, { digest }) => images + imagesOf(data, digest), 0);
  const { train, test, reveal } = document;
  const samples = { trainImages: sum(train), testImages: reveal.counts === 'none' ? 0 : sum(test) };
  return (await trainingMemory({ ...document, showLoss: reveal.loss }, samples))[party];
}

/** @param taken bytes of the jobs that run  @param limit of all together */
export function lacksMemory(needed: number, taken: number, limit: number): Refused | undefined {
  if (needed + taken <= limit) return undefined;
  const gib = (bytes: number): string => gibibytes(bytes, 1);
  const what = `it takes about ${gib(needed)} of memory here, of ${gib(limit)} that jobs may take`;
  if (taken > 0 && needed <= limit) return { refused: `${what}; jobs that run take ${gib(taken)}` };
  const fix = "give a smaller batch, or ask the party's operator for more memory (limits.memoryGiB)";
  return { refused: what, fix, over: 'refused' };
}

/**
 * Ranks that a party does not have, or that are not there at the moment: a job waits for these.
 * @param begun it had them once
 */
export async function lacksRanks(
  wanted: number,
  pool: Pick<RankPool, 'size' | 'missing'> | undefined,
  begun: boolean,
): Promise<Refused | undefined> {
  if (wanted === 1) return undefined;
  const have = pool?.size ?? 1;
  if (pool === undefined || have < wanted) {
    const refused = `the job is for ${wanted} ranks of each party, and it has ${have === 1 ? 'one' : have}`;
    const fix = `propose it with --ranks ${have}, or ask the party's operator for more (ranks in party.json)`;
    return { refused, fix, ...(!begun && { over: 'refused' }) };
  }
  const missing = await pool.missing(wanted);
  if (missing === undefined) return undefined;
  return { refused: missing, fix: "ask the party's operator to start it; the job goes on by itself then" };
}

/** A job waits for room: checkpoints, results and its model are on the way. */
export function lacksRoom(disk: Disk | undefined): Refused | undefined {
  if (disk === undefined || disk.free >= disk.least) return undefined;
  const { free, least } = disk;
  return {
    refused: `${gibibytes(free, 2)} are free on its disk, and it keeps ${gibibytes(least, 2)} free (limits.freeDiskGiB)`,
    fix: "ask the party's operator to make room on the disk; the job goes on by itself then",
  };
}

/** A training that runs stops at a step before nothing can be kept any more; it goes on once there is room for one to begin. */
export function mustStop(disk: Disk | undefined): boolean {
  return disk !== undefined && disk.free < disk.least / 2;
}

function gibibytes(bytes: number, digits: number): string {
  return `${(bytes / 2 ** 30).toFixed(digits)} GiB`;
}
