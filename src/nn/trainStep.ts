/**
 * One step of a training: forward, loss, backward, update. A batch may be computed part by part, so that a party holds what the way back needs of
 * some samples alone: gradients are sums over samples, so those of the parts add up in the ring, exactly, before the one truncation of the
 * update (docs/memory.md).
 */
import type { BatchPart, Engine, Value } from '../engine/engine.ts';
import { backward } from './backward.ts';
import { forward, type Parameters } from './forward.ts';
import { isApart, layerName, layerType } from './layers/table.ts';
import { type LossName, lossOf } from './loss.ts';
import { type Network, parameterName, parameters as parameterSpecs } from './network.ts';
import { type State, update, type UpdateOptions } from './optimizer.ts';
import { leadOf, partsOfRank, type Team } from './ranks.ts';

export interface StepOptions extends UpdateOptions {
  readonly loss: LossName;
  readonly seed: number;
  /** Samples computed at a time; all when absent. */
  readonly microBatch?: number | undefined;
  /** Receives the loss summed over the batch, if it is wanted. */
  readonly onLoss?: ((engine: Engine, loss: Value) => Promise<void>) | undefined;
  /** Those who compute the parts together. */
  readonly team?: Team | undefined;
}

/** (batch, inputs) and one-hot (batch, classes) of some samples of the step's batch. */
export type Rows = (engine: Engine, from: number, to: number) => { readonly images: Value; readonly labels: Value };

/** The parts of a batch: as many samples as are given, but for the last. */
export function partsOf(batch: number, microBatch: number = batch): BatchPart[] {
  const parts: BatchPart[] = [];
  for (let from = 0; from < batch; from += microBatch)
    parts.push({ from, to: Math.min(batch, from + microBatch), of: batch });
  return parts;
}

/** A layer for which a batch cannot be computed part by part, as errors name it. */
export function layerAcrossBatch({ layers }: Network): string | undefined {
  const i = layers.findIndex((spec) => layerType(spec).acrossBatch === true);
  return i < 0 ? undefined : layerName(layers[i], i);
}

/** @param state of a rank that does not lead: empty */
export async function trainStep(
  engine: Engine,
  network: Network,
  state: State,
  rows: Rows,
  options: StepOptions,
): Promise<void> {
  const { team } = options;
  // Every step begins alike, whether the one before it ran in this session or its result was stored.
  for (const [name, x] of state) state.set(name, await engine.carry(name, x));
  const label = `step/${options.step}`;
  const parameters = (await team?.parameters(engine, label, parameterSpecs(network), state)) ?? state;
  const sums = new Sums(label, team);
  const parts = partsOf(options.batch, options.microBatch);
  const own = team === undefined ? parts : partsOfRank(parts, team, leadOf(network));
  for (const [i, part] of own.entries()) {
    const step: Step = { network, state, parameters, rows, options, sums, part, last: i === own.length - 1 };
    if (parts.length === 1) await trainPart(engine, step);
    else await engine.part(part, (fork) => trainPart(fork, step));
  }
}

interface Step {
  readonly network: Network;
  readonly state: State;
  readonly parameters: Parameters;
  readonly rows: Rows;
  readonly options: StepOptions;
  /** Gradients, and the loss, of the parts so far. */
  readonly sums: Sums;
  readonly part: BatchPart;
  readonly last: boolean;
}

class Sums {
  readonly #label: string;
  readonly #team: Team | undefined;
  readonly #sums: Map<string, Value> = new Map();

  constructor(label: string, team: Team | undefined) {
    this.#label = label;
    this.#team = team;
  }

  /** Adds a term. With the last of this rank gives the sum of all, but at a rank that hands it on. */
  async add(engine: Engine, name: string, x: Value, last: boolean): Promise<Value | undefined> {
    const before = this.#sums.get(name);
    if (!last) {
      this.#sums.set(name, before === undefined ? x : engine.add(before, x));
      return undefined;
    }
    this.#sums.delete(name);
    if (this.#team !== undefined) return this.#team.sum(engine, `${this.#label}/${name}`, before, x);
    return before === undefined ? x : engine.add(before, x);
  }
}

async function trainPart(engine: Engine, step: Step): Promise<void> {
  const { network, state, parameters, rows, options, sums, part, last } = step;
  const { images, labels } = rows(engine, part.from, part.to);
  const { logits, tapes, kept } = await forward(engine, network, parameters, images, { ...options, samples: part });
  const apart = new Set(tapes.filter(({ spec }) => isApart(spec)).map(({ index }) => parameterName(index, 'weight')));
  const loss = await engine.scope('loss', (fork) => lossOf(fork, options.loss, logits, labels));
  await engine.all([
    async (fork) => {
      await backward(fork, tapes, loss.delta, async (own, name, gradient) => {
        const sum = await sums.add(own, name, gradient, last);
        if (sum === undefined) return;
        await own.together((all) => update(all, name, sum, state, options));
        if (options.team === undefined && apart.has(name)) own.free(sum);
      });
    },
    async (fork) => {
      if (options.onLoss === undefined) return;
      const sum = await sums.add(fork, 'loss', await fork.together((all) => loss.sum(all)), last);
      if (sum !== undefined) await options.onLoss(fork, sum);
    },
  ]);
  for (const [name, x] of kept) state.set(name, x);
}
