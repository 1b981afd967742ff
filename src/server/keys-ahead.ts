/** How a private inference compares: a few values at a time by functions (`protocols/direct/dcf.ts`), whose keys P2 deals ahead. */
import { countInference } from '../nn/count.ts';
import { correctionBytes, MOST_TOGETHER } from '../protocols/direct/dcf.ts';
import type { Ahead } from '../protocols/direct/functionKeys.ts';
import { FEW_VALUES } from '../protocols/suite.ts';
import { type InferJob, type Job, ranksOfJob, type ServeJob } from './job.ts';

/** Keys that lie ready at a worker, at the most: for so many images, if they take no more than so many bytes. Eight images of network C take 60 MiB. */
const AHEAD_IMAGES = 8;
const AHEAD_BYTES: number = 64 * 2 ** 20;

/** Keys of a batch that are less work than the proofs of its operations: P2 deals them also while batches follow each other. */
const LITTLE: number = 2 * MOST_TOGETHER;

/** On how many values at the most an operation compares by functions; undefined: on none. */
export function fewValuesOf(job: Pick<Job, 'kind' | 'suite' | 'security'>): number | undefined {
  const privately = job.security === 'private' && job.suite === 'direct';
  return privately && (job.kind === 'infer' || job.kind === 'serve') ? FEW_VALUES : undefined;
}

/** Of a session's keys, or of those of one of several ranks, those that nobody has asked for yet. */
export async function keysAhead(job: InferJob | ServeJob): Promise<Ahead> {
  const few = fewValuesOf(job);
  if (few === undefined) return { ready: 0, total: 0, beside: false };
  const ranks = ranksOfJob(job);
  const bytes = AHEAD_BYTES / ranks;
  const most = Math.floor(bytes / correctionBytes(job.compareBits - 1)) - MOST_TOGETHER; // whole messages are dealt
  const [batch, total] = job.kind === 'serve' ? [1, Infinity] : [together(job), Math.ceil(job.images / ranks)];
  const [{ keys }] = await countInference(job.network, job, batch, 1);
  const images = Math.min(Math.ceil(AHEAD_IMAGES / ranks), total);
  const ready = Math.min(most, Math.ceil(images / batch) * keys);
  return { ready, total: Math.ceil(total / batch) * keys, beside: keys <= LITTLE };
}

/** Images that are computed at a time. */
function together({ batch, images, microBatch = batch }: InferJob): number {
  return Math.min(microBatch, batch, images);
}
