/**
 * What is computed once for all samples of a batch, which may be computed in parts side by side (`nn/across.ts`): sums over samples, and what is
 * made of them. A batch that is not cut is its own only part.
 */
import type { BatchPart, Engine, Value } from '../engine/engine.ts';
import type { Shape } from '../ring/shape.ts';

/** A value that is made in one place and used in others. */
export interface Handed {
  readonly shape: Shape;
  readonly fractionBits: number;
  /** Doubled products take it, and nothing else; or it is open, and enters any; or it is only added. */
  readonly use: 'operand' | 'opened' | 'added';
}

export interface Once<T> {
  /** Of the caller's part; those of all parts are added up. */
  readonly terms: readonly Value[];
  /** What all parts get of the result. */
  readonly handed: readonly Handed[];
  /** Called in one place for the whole batch. */
  readonly compute: (engine: Engine, sums: readonly Value[]) => Promise<Made<T>>;
}

export interface Made<T> {
  /** As `Once.handed` says. */
  readonly handed: readonly Value[];
  /** For what is computed there later. */
  readonly kept: T;
}

export interface WholeBatch {
  /** The caller's part; absent: all. */
  readonly part?: BatchPart;
  /**
   * All parts call it, in any order.
   * @param name unlike any other of the layer and step
   * @returns `kept` where it was computed, undefined elsewhere
   */
  once<T>(engine: Engine, name: string, task: Once<T>): Promise<Pick<Made<T>, 'handed'> & { readonly kept?: T }>;
}

export const UNCUT: WholeBatch = { once: (engine, _name, { terms, compute }) => compute(engine, terms) };

/** Runs a task on values of a part that are none of its samples'. */
export function aside<T>(
  engine: Engine,
  { part }: WholeBatch,
  name: string,
  task: (engine: Engine) => Promise<T>,
): Promise<T> {
  return part === undefined ? task(engine) : engine.scope(name, (fork) => fork.together(task));
}
