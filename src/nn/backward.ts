/**
 * The error's way back through a network: to each layer the sum of what its readers send, and from it gradients. A layer's gradients, and what
 * is done with them, overlap the propagation of the error to the layers before it.
 */
import type { Begin, Engine, Value } from '../engine/engine.ts';
import { alike, truncated } from '../functions/formats.ts';
import type { Tape } from './forward.ts';
import { isApart } from './layers/table.ts';
import { INPUT, parameterName } from './network.ts';

/** What is done with a gradient, summed over the batch, of f fractional bits or those of a product. */
export type OnGradient = (engine: Engine, name: string, gradient: Value) => Promise<void>;

/**
 * Consumes the tapes: what a layer left for the way back is let go as soon as it is done with.
 * @param delta the error at the output of the last tape
 * @param toInput asks for the error at the network's input, too, which is returned then
 */
export function backward(
  engine: Engine,
  tapes: Tape[],
  delta: Value,
  onGradient: OnGradient,
  toInput = false,
): Promise<Value | undefined> {
  const trained = trainedUpTo(tapes, toInput);
  /** At outputs: the sum so far of what their readers sent. */
  const errors = new Map<number, ErrorAt>([[tapes.at(-1)!.index, { delta, own: false }]]);
  return engine.overlapping(async (begin) => {
    for (let tape = tapes.pop(); tape !== undefined; tape = tapes.pop()) {
      const error = errors.get(tape.index);
      if (error === undefined) continue; // nothing is trained from there on
      errors.delete(tape.index);
      const sources = tape.inputs.map((source) => (trained.has(source) ? source : undefined));
      const before = await step(
        engine,
        begin,
        tape,
        error,
        onGradient,
        sources.some((source) => source !== undefined),
      );
      const own = isApart(tape.spec);
      for (const [k, source] of sources.entries())
        if (source !== undefined) errors.set(source, sum(engine, errors.get(source), { delta: before[k], own }));
    }
    return errors.get(INPUT)?.delta;
  });
}

/** The error at an output, and whether nobody else has its array. */
interface ErrorAt {
  readonly delta: Value;
  readonly own: boolean;
}

/** Layers from which on, towards the input, something is trained. */
function trainedUpTo(tapes: readonly Tape[], toInput: boolean): Set<number> {
  const trained = new Set(toInput ? [INPUT] : []);
  for (const { index, inputs, pullback } of tapes)
    if (pullback.parameters.length > 0 || inputs.some((source) => trained.has(source))) trained.add(index);
  return trained;
}

/** Begins a layer's updates; gives the errors at its inputs where they are wanted. */
async function step(
  engine: Engine,
  begin: Begin,
  { index, scope, pullback, spec }: Tape,
  error: ErrorAt,
  onGradient: OnGradient,
  wanted: boolean,
): Promise<readonly Value[]> {
  const within = <T>(outer: Engine, task: (fork: Engine) => Promise<T>): Promise<T> => outer.scope(scope, task);
  const { parameters } = pullback;
  let { delta, own } = error;
  let shared: readonly Value[] = [];
  if (parameters.length > 0 || pullback.shared !== undefined)
    await within(engine, async (fork) => {
      delta = await truncated(fork, error.delta);
      if (delta !== error.delta) {
        if (own) fork.free(error.delta);
        own = true;
      }
      shared = (await pullback.shared?.(fork, delta)) ?? [];
    });
  let readers = (parameters.length > 0 ? 1 : 0) + (wanted ? 1 : 0);
  const over = (): void => {
    if (--readers === 0 && own && isApart(spec) && engine.truncation === 'dealt') engine.free(delta);
  };
  if (parameters.length > 0)
    begin((lane) =>
      within(lane, async (fork) => {
        const gradients = await pullback.gradients(fork, delta, shared);
        over();
        await fork.all(
          parameters.map((name, k) => (own: Engine) => onGradient(own, parameterName(index, name), gradients[k])),
        );
      }),
    );
  if (!wanted) return [];
  const [before] = await engine.all([(lane) => within(lane, (fork) => pullback.inputs(fork, delta, shared))]);
  over();
  return before;
}

/** Of errors that meet at an output. */
function sum(engine: Engine, x: ErrorAt | undefined, y: ErrorAt): ErrorAt {
  if (x === undefined) return y;
  const [left, right] = alike(engine, [x.delta, y.delta]);
  return { delta: engine.add(left, right), own: true };
}
