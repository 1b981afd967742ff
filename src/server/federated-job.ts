/** The job that a document describes: what the three parties compare and run. */
import type { Digest } from '../federation/canonical.ts';
import {
  DEFAULT_BATCH_IMAGES,
  type DataReference,
  type ServeDocument,
  type TrainDocument,
} from '../federation/documents.ts';
import type { ServeJob, TrainJob } from './job.ts';

/** What of a job is the session's own. */
export interface JobSession {
  readonly sessionId: string;
  /** Goes on with the run that began in session `run`, after this step. */
  readonly resume?: TrainJob['resume'];
  /** Seed of fixed session keys: such a session protects nothing. */
  readonly insecureKeys?: number | undefined;
}

/**
 * @param document as parsed; `digest` is its name
 * @param imagesOf how many images a data set has
 */
export function trainJobOf(
  document: TrainDocument,
  digest: Digest,
  imagesOf: (data: Digest) => number,
  { sessionId, resume, insecureKeys }: JobSession,
): TrainJob {
  const { network, suite, truncation, fractionBits, compareBits, security, batch, microBatch, ranks, epochs, steps } =
    document;
  const { loss, optimizer, learningRate, lrDecay, lrDecayEpochs, momentum, seed, checkpointEvery, reveal } = document;
  const sum = (references: readonly DataReference[]): number =>
    references.reduce((images, reference) => images + imagesOf(reference.digest), 0);
  return {
    kind: 'train',
    ...{ sessionId, document: digest, network, suite, truncation, fractionBits, compareBits, security },
    ...{ batch, insecureKeys },
    ...{
      microBatch,
      ranks,
      epochs,
      steps,
      loss,
      optimizer,
      learningRate,
      lrDecay,
      lrDecayEpochs,
      momentum,
      seed,
      checkpointEvery,
    },
    trainImages: sum(document.train),
    // Whose counts nobody learns is not evaluated.
    testImages: reveal.counts === 'none' ? 0 : sum(document.test),
    showLoss: reveal.loss,
    perClass: reveal.counts === 'per-class' ? true : undefined,
    showModel: reveal.model ? undefined : false,
    keepModel: document.keepModel ? true : undefined,
    warmStart: document.from === undefined ? undefined : true,
    resume,
  };
}

export function serveJobOf(
  document: ServeDocument,
  digest: Digest,
  { sessionId, insecureKeys }: Omit<JobSession, 'resume'>,
): ServeJob {
  const { network, suite, truncation, fractionBits, compareBits, security, model, reveal } = document;
  const { maxBatch = DEFAULT_BATCH_IMAGES, maxWaitMs = 0, ranks } = document;
  return {
    kind: 'serve',
    ...{ sessionId, document: digest, network, suite, truncation, fractionBits, compareBits, security },
    ...{ insecureKeys, model },
    scores: reveal === 'scores' ? true : undefined,
    ...{ maxBatch, maxWaitMs, ranks },
  };
}
