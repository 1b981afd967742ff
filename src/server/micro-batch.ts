/** How a batch is cut so that no party takes more memory than it may: by the estimate (`memory.ts`), from what is public. */
import { Problem } from '../data/problem.ts';
import type { Samples, TrainOptions } from '../nn/train.ts';
import { layerAcrossBatch } from '../nn/trainStep.ts';
import { type Task, trainingMemory } from './memory.ts';

const GIB = 2 ** 30;

/**
 * Images to compute at a time, in halves of a batch, or of what each rank computes at once, halves of those, and so on; undefined: that fits.
 * @param gib that all ranks of a party may take together
 */
export async function fittingPart(
  settings: Task & TrainOptions & { readonly ranks?: number | undefined },
  samples: Samples,
  gib: number,
): Promise<number | undefined> {
  const { batch, network, ranks = 1 } = settings;
  const first = settings.microBatch ?? batch;
  const takes = async (microBatch: number): Promise<number> => {
    const { P0, P1, P2 } = await trainingMemory({ ...settings, microBatch }, samples);
    // Threads share the data set, processes do not: the more counts.
    return (ranks * Math.max(P0, P1, P2)) / GIB;
  };
  const whole = await takes(first);
  if (whole <= gib) return undefined;
  const short = (what: string, least: number): string =>
    `--memory: ${what} takes about ${inWords(least)} GiB of a party, more than ${gib}`;
  const across = layerAcrossBatch(network);
  if (across !== undefined)
    throw new Problem(
      `${short(`a batch of ${batch}`, whole)}, and ${across} takes statistics over the whole batch, whose parts are held at once`,
      `give a smaller --batch, or --memory ${inWords(whole)} at least`,
    );
  let part = first;
  while (part > 1) {
    part = Math.ceil(part / 2);
    if ((await takes(part)) <= gib) return part;
  }
  const least = await takes(1);
  throw new Problem(
    short('training with one image at a time', least),
    `give --memory ${inWords(least)} at least, or train on fewer images (--train-images, --test-images)`,
  );
}

/** Rounded up, so that who gives as much is not refused. */
function inWords(gib: number): string {
  return (Math.ceil(gib * 100) / 100).toFixed(2);
}
