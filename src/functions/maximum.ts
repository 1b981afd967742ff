/** The maximum over windows, by the engine's suite: the paper's Maxpool (Alg. 9, 10) or a tree. */
import type { Engine, Value } from '../engine/engine.ts';
import { type Maximum, maxpool } from './maxpool.ts';
import { maxpoolTree } from './maxpoolTree.ts';

/** Candidates (n,m) → their maximum over the first dimension, and the way back. */
export function maximum(engine: Engine, candidates: Value): Promise<Maximum> {
  return engine.suite === 'direct' ? maxpoolTree(engine, candidates) : maxpool(engine, candidates);
}
