/** Inference: the class index of every image, or the scores of all classes, in shares; the caller decides who may see them. */
import type { BatchPart, Engine, Value } from '../engine/engine.ts';
import { argmax, indexOf } from '../functions/argmax.ts';
import { truncated } from '../functions/formats.ts';
import { classScores, type Parameters } from './forward.ts';
import { classCount, type Network } from './network.ts';
import { partsOfRank, type Team } from './ranks.ts';
import { partsOf } from './trainStep.ts';

export interface InferenceOptions {
  /** Images whose results are there together. */
  readonly batch: number;
  /** Those of a batch that are computed at a time; all of them when absent. */
  readonly microBatch?: number | undefined;
  /** Scores of all classes, in place of the class alone. */
  readonly scores?: true | undefined;
  /** Those who compute the parts together. */
  readonly team?: Team | undefined;
}

/** images (batch, inputs) → predicted classes (batch, 1), integers. */
export async function infer(engine: Engine, network: Network, parameters: Parameters, images: Value): Promise<Value> {
  return indexOf(engine, await argmax(engine, await classScores(engine, network, parameters, images)));
}

/** images (batch, inputs) → scores (batch, classes) at the engine's fractional bits. */
export async function inferScores(
  engine: Engine,
  network: Network,
  parameters: Parameters,
  images: Value,
): Promise<Value> {
  return truncated(engine, await classScores(engine, network, parameters, images));
}

/** Each rank needs a part of the first batch; there may be fewer images in the last. */
export function checkRanksOfInference(images: number, { batch, microBatch, team }: InferenceOptions): void {
  const parts = partsOf(Math.min(batch, images), microBatch).length;
  if (team !== undefined && parts < team.size)
    throw new RangeError(`${team.size} ranks: a batch has only ${parts} parts, and each rank needs one`);
}

/** What the batch-th images give, a row for each; undefined at a rank that does not lead, which hands on what it computes. */
export async function inferBatch(
  engine: Engine,
  network: Network,
  model: Parameters,
  images: Value,
  batch: number,
  { batch: size, microBatch, scores, team }: InferenceOptions,
): Promise<Value | undefined> {
  const first = batch * size;
  const parts = partsOf(Math.min(size, images.shape[0] - first), microBatch);
  const compute = scores === true ? inferScores : infer;
  const results: Value[] = [];
  for (const part of team === undefined ? parts : partsOfRank(parts, team)) {
    const indices = Array.from({ length: rowsOf([part]) }, (_, i) => first + part.from + i);
    const task = (fork: Engine): Promise<Value> => compute(fork, network, model, fork.rows(images, indices));
    results.push(parts.length === 1 ? await task(engine) : await engine.part(part, task));
  }
  const mine = results.length > 1 ? engine.concatRows(results) : results.at(0);
  if (team === undefined) return mine;
  const rows = Array.from({ length: team.size }, (_, rank) => rowsOf(partsOfRank(parts, { rank, size: team.size })));
  return team.join(engine, `batch/${batch}`, { rows, columns: scores === true ? classCount(network) : 1 }, mine);
}

/** What a rank that does not lead does of an inference, until rank 0 says that it is over. */
export async function inferAlong(
  engine: Engine,
  network: Network,
  model: Parameters,
  images: Value,
  options: InferenceOptions & { readonly team: Team },
): Promise<void> {
  const { team } = options;
  checkRanksOfInference(images.shape[0], options);
  for (let order = await team.next(); order !== undefined; order = await team.next()) {
    if (order.kind !== 'inference') throw new Error(`${order.kind}: not of an inference`);
    const { batch } = order;
    await engine.scope(`batch/${batch}`, (scope) => inferBatch(scope, network, model, images, batch, options));
  }
  await engine.settle();
}

function rowsOf(parts: readonly BatchPart[]): number {
  return parts.reduce((sum, { from, to }) => sum + to - from, 0);
}
