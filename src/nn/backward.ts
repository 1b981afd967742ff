/**
 * The error's way back through a network: to each layer the sum of what its readers send, and from it gradients. A layer's gradients, and what
 * is done with them, overlap the propagation of the error to the layers before it.
 */
import type { Engine, Value } from '../engine/engine.ts';
import type { Tape } from './forward.ts';
import { truncated } from './layers/layer.ts';
import { INPUT, parameterName } from './network.ts';

/** What is done with a gradient, summed over the batch, of f fractional bits or those of a product. */
export type OnGradient = (engine: Engine, name: string, gradient: Value) => Promise<void>;

/**
 * @param delta the error at the output of the last tape
 * @param toInput asks for the error at the network's input, too, which is returned then
 */
export async function backward(
  engine: Engine,
  tapes: readonly Tape[],
  delta: Value,
  onGradient: OnGradient,
  toInput = false,
): Promise<Value | undefined> {
  const errors = new Map([[tapes.at(-1)!.index, delta]]);
  await from(engine, tapes.length - 1, { tapes, trained: trainedUpTo(tapes, toInput), errors, onGradient });
  return errors.get(INPUT);
}

interface Walk {
  readonly tapes: readonly Tape[];
  /** Layers from which on, towards the input, something is trained. */
  readonly trained: ReadonlySet<number>;
  /** At outputs: the sum so far of what their readers sent. */
  readonly errors: Map<number, Value>;
  readonly onGradient: OnGradient;
}

function trainedUpTo(tapes: readonly Tape[], toInput: boolean): Set<number> {
  const trained = new Set(toInput ? [INPUT] : []);
  for (const { index, inputs, pullback } of tapes)
    if (pullback.parameters.length > 0 || inputs.some((source) => trained.has(source))) trained.add(index);
  return trained;
}

/** From tape i down: those after it have sent all their errors. */
async function from(engine: Engine, i: number, walk: Walk): Promise<void> {
  if (i < 0) return;
  const { index, inputs, scope, pullback } = walk.tapes[i];
  const error = walk.errors.get(index);
  if (error === undefined) return from(engine, i - 1, walk); // nothing is trained from there on
  walk.errors.delete(index);
  const within = <T>(outer: Engine, task: (fork: Engine) => Promise<T>): Promise<T> => outer.scope(scope, task);
  let delta = error;
  let shared: readonly Value[] = [];
  if (pullback.parameters.length > 0 || pullback.shared !== undefined)
    await within(engine, async (fork) => {
      delta = await truncated(fork, error);
      shared = (await pullback.shared?.(fork, delta)) ?? [];
    });
  await engine.all([
    (lane) =>
      within(lane, async (fork) => {
        const gradients = await pullback.gradients(fork, delta, shared);
        await fork.all(
          pullback.parameters.map(
            (name, k) => (own: Engine) => walk.onGradient(own, parameterName(index, name), gradients[k]),
          ),
        );
      }),
    async (lane) => {
      if (inputs.some((source) => walk.trained.has(source))) {
        const before = await within(lane, (fork) => pullback.inputs(fork, delta, shared));
        for (const [k, source] of inputs.entries())
          if (walk.trained.has(source)) walk.errors.set(source, sum(lane, walk.errors.get(source), before[k]));
      }
      await from(lane, i - 1, walk);
    },
  ]);
}

/** Of errors that meet at an output. */
function sum(engine: Engine, x: Value | undefined, y: Value): Value {
  if (x === undefined) return y;
  const bits = Math.max(x.fractionBits, y.fractionBits);
  const at = (value: Value): Value => engine.extend(value, bits - value.fractionBits);
  return engine.add(at(x), at(y));
}
