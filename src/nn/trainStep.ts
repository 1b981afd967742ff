/**
 * One step of a training: forward, loss, backward, update. A batch may be computed part by part, so that a party holds what the way back needs of
 * some samples alone: gradients are sums over samples, so those of the parts add up in the ring, exactly, before the one truncation of the
 * update (docs/memory.md).
 */
import type { BatchPart, Engine, Value } from '../engine/engine.ts';
import { backward } from './backward.ts';
import { forward, type Parameters } from './forward.ts';
import type { Piece, Pieces } from './pieces.ts';
import { isApart, layerName, layerType } from './layers/table.ts';
import { sizeOf } from '../ring/shape.ts';
import { type LossName, lossOf } from './loss.ts';
import { type Network, parameterName } from './network.ts';
import { type State, update, type UpdateOptions } from './optimizer.ts';
import { partsOfRank, type Team } from './ranks.ts';

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

/** @param state in pieces, of which a rank has its own */
export async function trainStep(
  engine: Engine,
  network: Network,
  pieces: Pieces,
  state: State,
  rows: Rows,
  options: StepOptions,
): Promise<void> {
  const { team } = options;
  // Every step begins alike, whether the one before it ran in this session or its result was stored.
  for (const [name, x] of state) state.set(name, await engine.carry(name, x));
  const label = `step/${options.step}`;
  const parameters = (await team?.parameters(engine, label, pieces, state)) ?? pieces.parameters(engine, state);
  const sums = new Sums(label, team);
  const updates = new Updates(engine, label, pieces, state, options);
  const parts = partsOf(options.batch, options.microBatch);
  const own = team === undefined ? parts : partsOfRank(parts, team);
  for (const [i, part] of own.entries()) {
    const step: Step = { network, updates, parameters, rows, options, sums, part, last: i === own.length - 1 };
    if (parts.length === 1) await trainPart(engine, step);
    else await engine.part(part, (fork) => trainPart(fork, step));
  }
  // What products took of them is put together in each step.
  for (const { name, operand, pieces: some } of pieces.tensors)
    if (operand && (some.length > 1 || team !== undefined)) engine.free(parameters.get(name)!);
}

interface Step {
  readonly network: Network;
  readonly updates: Updates;
  readonly parameters: Parameters;
  readonly rows: Rows;
  readonly options: StepOptions;
  /** Losses of the parts so far. */
  readonly sums: Sums;
  readonly part: BatchPart;
  readonly last: boolean;
}

/** The updates of a step: gradients summed over this rank's parts, then over all ranks, and the pieces that this rank holds. */
class Updates {
  readonly #step: Engine;
  readonly #label: string;
  readonly #pieces: Pieces;
  readonly #state: State;
  readonly #options: StepOptions;
  readonly #owners: readonly number[] | undefined;
  readonly #sums: Map<string, Value> = new Map();

  constructor(step: Engine, label: string, pieces: Pieces, state: State, options: StepOptions) {
    this.#step = step;
    this.#label = label;
    this.#pieces = pieces;
    this.#state = state;
    this.#options = options;
    this.#owners = options.team && pieces.owners(options.team.size);
  }

  /** What layers keep themselves: no rank has any of them but one that is alone (`layerAcrossBatch`). */
  keep(engine: Engine, kept: ReadonlyMap<string, Value>): void {
    for (const [key, piece] of this.#pieces.split(engine, kept)) this.#state.set(key, piece);
  }

  /** A gradient of a part; with that of the last one the update. @param apart it is in an array that nobody else has */
  async add(engine: Engine, name: string, gradient: Value, last: boolean, apart: boolean): Promise<void> {
    const before = this.#sums.get(name);
    const sum = before === undefined ? gradient : engine.add(before, gradient);
    if (!last) {
      this.#sums.set(name, sum);
      return;
    }
    this.#sums.delete(name);
    const { team } = this.#options;
    const tensor = this.#pieces.tensor(name);
    const flat = engine.reshape(sum, [sizeOf(sum.shape)]);
    const added = await team?.exchange(engine, `${this.#label}/${name}`, this.#pieces, tensor, flat);
    await engine.all(
      tensor.pieces
        .filter((piece) => this.#holds(piece))
        .map(
          (piece) => (lane: Engine) =>
            lane.under(this.#step, `update/${piece.number}`, (place) =>
              place.scope(tensor.scope, async (fork) => {
                const own = fork.slice(flat, piece.from, piece.to);
                const g = (await added?.(fork, piece, own)) ?? own;
                await update(fork, piece.key, g, this.#state, this.#options);
              }),
            ),
        ),
    );
    if (team === undefined && apart) engine.free(sum);
  }

  #holds({ number }: Piece): boolean {
    return this.#owners === undefined || this.#owners[number] === this.#options.team?.rank;
  }
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
  const { network, updates, parameters, rows, options, sums, part, last } = step;
  const { images, labels } = rows(engine, part.from, part.to);
  const { logits, tapes, kept } = await forward(engine, network, parameters, images, { ...options, samples: part });
  const apart = new Set(tapes.filter(({ spec }) => isApart(spec)).map(({ index }) => parameterName(index, 'weight')));
  const loss = await engine.scope('loss', (fork) => lossOf(fork, options.loss, logits, labels));
  await engine.all([
    async (fork) => {
      await backward(fork, tapes, loss.delta, (own, name, gradient) =>
        updates.add(own, name, gradient, last, apart.has(name)),
      );
    },
    async (fork) => {
      if (options.onLoss === undefined) return;
      const sum = await sums.add(fork, 'loss', await fork.together((all) => loss.sum(all)), last);
      if (sum !== undefined) await options.onLoss(fork, sum);
    },
  ]);
  updates.keep(engine, kept);
}
