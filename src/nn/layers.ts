/**
 * Layers: forward, and on a tape what backward needs. Written against Engine only.
 *
 * With f the engine's fractional bits, a value between layers has f or, right after a product, 2f: whoever needs f truncates, and a
 * ReLU truncates and compares in one opening. The same holds for errors on the way back. Errors δ stay per sample (not divided by the
 * batch) and parameter gradients are sums over the batch, untruncated: one truncation in the optimizer applies mean and rate
 * together (PROTOCOLS §6).
 */
import type { Engine, Value } from '../protocols/engine.ts';
import { type Network, parameterNames } from './network.ts';

export type Parameters = ReadonlyMap<string, Value>;

export interface Tape {
  /** Names of the layer's parameters; empty for a layer without. */
  readonly parameters: readonly string[];
  /** Gradients of the parameters, summed over the batch, in the order of `parameters`. */
  gradients(engine: Engine, delta: Value): Promise<Value[]>;
  /** The error at the layer's input, of f or 2f fractional bits. */
  input(engine: Engine, delta: Value): Promise<Value>;
}

/** x with the engine's fractional bits. */
export async function truncated(engine: Engine, x: Value): Promise<Value> {
  const surplus = x.fractionBits - engine.fractionBits;
  return surplus > 0 ? engine.truncate(x, surplus) : x;
}

/** y = xW + b: x (batch, in), W (in, out), b (1, out). */
async function dense(
  engine: Engine,
  input: Value,
  weight: string,
  bias: string,
  parameters: Parameters,
): Promise<{ y: Value; tape: Tape }> {
  const x = await truncated(engine, input);
  const W = parameter(parameters, weight);
  const b = parameter(parameters, bias);
  const y = engine.addRow(await engine.matmul(x, W), engine.extend(b, engine.fractionBits));
  const tape: Tape = {
    parameters: [weight, bias],
    gradients: async (fork, delta) => [await fork.matmul(x, delta, { transposeX: true }), fork.sumRows(delta)],
    input: (fork, delta) => fork.matmul(delta, W, { transposeY: true }),
  };
  return { y, tape };
}

async function relu(engine: Engine, x: Value): Promise<{ y: Value; tape: Tape }> {
  const surplus = x.fractionBits - engine.fractionBits;
  const { y, sign } = surplus > 0 ? await engine.truncateRelu(x, surplus) : await engine.relu(x);
  const tape: Tape = {
    parameters: [],
    gradients: () => Promise.resolve([]),
    input: (fork, delta) => {
      const more = delta.fractionBits - fork.fractionBits;
      return more > 0 ? fork.truncateSelect(sign, delta, more) : fork.select(sign, delta);
    },
  };
  return { y, tape };
}

/** Runs a batch (batch, inputs) through the network: the class scores, and one tape a layer. */
export async function forward(
  engine: Engine,
  network: Network,
  parameters: Parameters,
  batch: Value,
): Promise<{ logits: Value; tapes: Tape[] }> {
  const tapes: Tape[] = [];
  let x = batch;
  for (const [i, spec] of network.layers.entries()) {
    const [weight, bias] = parameterNames(i);
    const { y, tape } =
      spec.type === 'dense' ? await dense(engine, x, weight, bias, parameters) : await relu(engine, x);
    tapes.push(tape);
    x = y;
  }
  return { logits: await truncated(engine, x), tapes };
}

function parameter(parameters: Parameters, name: string): Value {
  const value = parameters.get(name);
  if (value === undefined) throw new Error(`the model has no parameter ${name}`);
  return value;
}
