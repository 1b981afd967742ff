/** A serving session: the model is opened under the session's masks once, so a batch of inputs costs its own rounds and bytes only. */
import { held } from '../engine/ownedInput.ts';
import type { Value } from '../engine/engine.ts';
import type { Held } from '../engine/secureValue.ts';
import type { SecureEngine } from '../engine/secure.ts';
import type { Parameters } from '../nn/forward.ts';
import { infer, inferScores } from '../nn/infer.ts';
import { inputSize, parameters } from '../nn/network.ts';
import { sizeOf } from '../ring/shape.ts';
import type { ServedBatch, Serving } from './job-ends.ts';
import type { ServeJob } from './job.ts';
import { UnderWay } from './under-way.ts';

/** Batches that are under way at a time, of each rank: while one waits for the network, the other computes. */
const AT_A_TIME = 2;
/** Batches under one path: what the engine remembers of used addresses ends with it. */
export const GROUP = 1024;
/**
 * Images that nobody sent, all zero: the first opens the model's weights, all of them warm the code, one at a time and some together. Their answers
 * are not revealed. A small network is over so fast that it takes more of them until its code is compiled.
 */
const WARM_UPS = { small: 20, large: 4, together: 8 };
const SMALL_WEIGHTS: number = 2 ** 20;

export interface ServingSession {
  readonly engine: SecureEngine;
  readonly serving: Serving;
  readonly model: Parameters;
  /** Of each party. */
  readonly ranks: number;
  /** Has another rank of this party compute a batch; false: this one shall. */
  readonly elsewhere: (batch: ServedBatch) => Promise<boolean>;
  /** Told of each batch that is answered. */
  readonly answered: (n: number) => Promise<void>;
}

/** Opens the model under the session's masks. @param path unlike any other of the session */
export async function warm(
  job: ServeJob,
  { engine, model }: Pick<ServingSession, 'engine' | 'model'>,
  path = 'warm',
): Promise<void> {
  const inputs = inputSize(job.network);
  const weights = parameters(job.network).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const single = new Array<number>(weights > SMALL_WEIGHTS ? WARM_UPS.large : WARM_UPS.small).fill(1);
  for (const [i, images] of [...single, Math.min(WARM_UPS.together, job.maxBatch)].entries()) {
    await engine.scope(`${path}/${i}`, async (scope) => {
      await predict(job, scope, model, scope.constant([images, inputs], new Float64Array(images * inputs)));
    });
  }
  await engine.settle();
}

/** Answers batches until the session is over. */
export async function serve(job: ServeJob, session: ServingSession): Promise<void> {
  for (let group = 0, goesOn = true; goesOn; group++) {
    await session.engine.scope(`inputs/${group}`, async (scope) => {
      goesOn = await serveGroup(job, session, scope);
    });
  }
}

/** Whether there are more. */
async function serveGroup(job: ServeJob, session: ServingSession, engine: SecureEngine): Promise<boolean> {
  const underWay = new UnderWay();
  for (let count = 0; count < GROUP; count++) {
    const batch = await underWay.unlessFailed(session.serving.next());
    if (batch === undefined) {
      await underWay.all();
      return false;
    }
    underWay.add(answer(job, session, engine, batch));
    if (underWay.size >= AT_A_TIME * session.ranks) await underWay.one();
  }
  await underWay.all();
  return true;
}

async function answer(job: ServeJob, session: ServingSession, engine: SecureEngine, batch: ServedBatch): Promise<void> {
  const { n, images, input } = batch;
  if (!(await session.elsewhere(batch)))
    await answerBatch(engine, job, session.model, {
      ...{ n, images },
      ...held(engine.id, input, images * inputSize(job.network)),
    });
  await session.serving.answered(batch);
  await session.answered(n);
}

/** Reveals what a batch gives as `answer/N`; in a private session not before the workers have opened the same for it. */
export async function answerBatch(
  engine: SecureEngine,
  job: ServeJob,
  model: Parameters,
  { n, images, data, opening }: Pick<ServedBatch, 'n' | 'images'> & Held,
): Promise<void> {
  const shape = [images, inputSize(job.network)];
  const value = engine.input(`${n}`, shape, job.fractionBits, data, opening);
  await engine.apart(`${n}`, async (scope) => {
    await scope.reveal(`answer/${n}`, await predict(job, scope, model, value));
    await scope.agree();
  });
}

function predict(job: ServeJob, engine: SecureEngine, model: Parameters, images: Value): Promise<Value> {
  return (job.scores === true ? inferScores : infer)(engine, job.network, model, images);
}
