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
import { partsOfRank } from './ranks.ts';
import { PartsTogether } from './across.ts';
import type { Together } from './layers/layer.ts';
import type { Team } from './ranks.ts';

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

/** A layer that needs all samples of a batch at once, as errors name it: parts of it are computed side by side. */
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
  const before = new Map(state);
  const label = `step/${options.step}`;
  const parameters = (await team?.parameters(engine, label, pieces, state)) ?? pieces.parameters(engine, state);
  const parts = partsOf(options.batch, options.microBatch);
  const own = team === undefined ? parts : partsOfRank(parts, team);
  const updates = new Updates(engine, label, pieces, state, own.length, options);
  const isTogether = parts.length > 1 && layerAcrossBatch(network) !== undefined;
  const together = isTogether ? new PartsTogether(engine, label, own.length, team) : undefined;
  const step: Step = { network, updates, parameters, rows, options, together };
  const train = (part: BatchPart): Promise<PartResult> =>
    parts.length === 1 ? trainPart(engine, step, part) : engine.part(part, (fork) => trainPart(fork, step, part));
  const results = isTogether ? await Promise.all(own.map(train)) : await inTurn(own, train);
  updates.keep(engine, results.at(-1)!.kept);
  await sumLosses(engine, label, results, options);
  // What products took of them is put together in each step.
  for (const { name, operand, pieces: some } of pieces.tensors)
    if (operand && (some.length > 1 || team !== undefined)) engine.free(parameters.get(name)!);
  // Of several ranks others may still be handed it.
  if (team === undefined) for (const [key, x] of before) if (state.get(key) !== x) engine.free(x);
}

interface Step {
  readonly network: Network;
  readonly updates: Updates;
  readonly parameters: Parameters;
  readonly rows: Rows;
  readonly options: StepOptions;
  readonly together: Together | undefined;
}

/** What is left of a part: its loss, where it is wanted, and what layers keep themselves, which is the same for all parts. */
interface PartResult {
  readonly loss: Value | undefined;
  readonly kept: ReadonlyMap<string, Value>;
}

async function inTurn<X, Y>(items: readonly X[], task: (item: X) => Promise<Y>): Promise<Y[]> {
  const results: Y[] = [];
  for (const item of items) results.push(await task(item));
  return results;
}

/** Of some parts, and what has computed the last of them. */
interface GradientSum {
  readonly sum: Value;
  readonly parts: number;
  readonly after: Engine;
}

/** The updates of a step: gradients summed over this rank's parts, then over all ranks, and the pieces that this rank holds. */
class Updates {
  readonly #step: Engine;
  readonly #label: string;
  readonly #pieces: Pieces;
  readonly #state: State;
  readonly #options: StepOptions;
  readonly #owners: readonly number[] | undefined;
  readonly #parts: number;
  readonly #sums: Map<string, GradientSum> = new Map();

  /** @param parts that this rank has */
  constructor(step: Engine, label: string, pieces: Pieces, state: State, parts: number, options: StepOptions) {
    this.#step = step;
    this.#label = label;
    this.#pieces = pieces;
    this.#state = state;
    this.#parts = parts;
    this.#options = options;
    this.#owners = options.team && pieces.owners(options.team.size);
  }

  /** What layers keep themselves. All ranks have it, and each keeps the pieces that it holds. */
  keep(engine: Engine, kept: ReadonlyMap<string, Value>): void {
    const held = new Set(
      this.#pieces.tensors.flatMap(({ pieces }) => pieces.filter((piece) => this.#holds(piece)).map(({ key }) => key)),
    );
    for (const [key, piece] of this.#pieces.split(engine, kept)) if (held.has(key)) this.#state.set(key, piece);
  }

  /** A gradient of a part; with that of the last one the update. @param apart it is in an array that nobody else has */
  async add(engine: Engine, name: string, gradient: Value, apart: boolean): Promise<void> {
    const before = this.#sums.get(name);
    const sum = before === undefined ? gradient : engine.add(before.sum, gradient);
    const parts = (before?.parts ?? 0) + 1;
    if (before !== undefined) engine.follow(before.after);
    if (parts < this.#parts) {
      this.#sums.set(name, { sum, parts, after: engine });
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

/** Shows what the losses of this rank's parts, and of all ranks, add up to, if it is wanted. */
async function sumLosses(
  engine: Engine,
  label: string,
  results: readonly PartResult[],
  { team, onLoss }: StepOptions,
): Promise<void> {
  const losses = results.flatMap(({ loss }) => loss ?? []);
  const last = losses.pop();
  if (onLoss === undefined || last === undefined) return;
  const before = losses.length === 0 ? undefined : losses.reduce((sum, loss) => engine.add(sum, loss));
  const sum =
    team === undefined
      ? before === undefined
        ? last
        : engine.add(before, last)
      : await team.sum(engine, `${label}/loss`, before, last);
  if (sum !== undefined) await onLoss(engine, sum);
}

async function trainPart(engine: Engine, step: Step, part: BatchPart): Promise<PartResult> {
  const { network, updates, parameters, rows, options, together } = step;
  const { images, labels } = rows(engine, part.from, part.to);
  const training = { ...options, samples: part, together };
  const { logits, tapes, kept } = await forward(engine, network, parameters, images, training);
  const apart = new Set(tapes.filter(({ spec }) => isApart(spec)).map(({ index }) => parameterName(index, 'weight')));
  const loss = await engine.scope('loss', (fork) => lossOf(fork, options.loss, logits, labels));
  const [, sum] = await engine.all([
    (fork) =>
      backward(fork, tapes, loss.delta, (own, name, gradient) => updates.add(own, name, gradient, apart.has(name))),
    (fork) => (options.onLoss === undefined ? Promise.resolve(undefined) : fork.together((all) => loss.sum(all))),
  ]);
  if (engine.truncation === 'dealt') engine.free(images); // else operands are what they were made of
  return { loss: sum, kept };
}
