/**
 * What ranks of one party hand each other of weights and gradients, each to all others (docs/ranks.md). A rank holds some pieces of the training
 * state. It gets the portions of their gradients from all, updates them with the same rank of the other parties, and hands on what products take
 * of them. Where ranks are threads that goes into memory that all read, and a message says that it is there.
 *
 * Labels: `sum/STEP/NAME`, u64, a run of a portion of a gradient, to who holds it; `weights/LABEL/NAME`, u64, of a run of a tensor what products take
 * of it (nothing, where it is in shared memory) or, of a tensor that also enters other operations, shares; `weights/LABEL/through`, u8, empty: what was
 * handed on at the time before the last is read no more. Of the state: `state/N`, u8, JSON, which tensors come; `state/N/I/data` and `…/opening`, u64.
 *
 * The helper waits for none of it: what it computes from portions and masks it computes when they are there, so it runs ahead as it does alone.
 */
import * as z from 'zod';
import type { Link } from '../../channel/channel.ts';
import { WHILE_THE_LINK_LIVES } from '../../data/share.ts';
import type { Value } from '../../engine/engine.ts';
import type { SecureEngine } from '../../engine/secure.ts';
import type { Parameters } from '../../nn/forward.ts';
import type { State } from '../../nn/optimizer.ts';
import type { Piece, Pieces, Tensor } from '../../nn/pieces.ts';
import type { PieceSum } from '../../nn/ranks.ts';
import { later } from '../../party/later.ts';
import { fresh } from '../../ring/pool.ts';
import { sizeOf } from '../../ring/shape.ts';
import { bytesOf, wordsOf } from './control.ts';
import { follows } from './rows.ts';
import type { SharedWeights } from './shared-weights.ts';
import { give, take } from './tensors.ts';

export interface ExchangeOptions {
  readonly rank: number;
  readonly size: number;
  /** To all others, by rank. */
  readonly links: ReadonlyMap<number, Link>;
}

/** A run of a tensor's elements, the pieces that one rank holds. */
interface Run {
  readonly from: number;
  readonly to: number;
  readonly pieces: readonly Piece[];
}

const facts = z
  .array(
    z.strictObject({
      key: z.string().max(256),
      shape: z.array(z.int().min(1)).min(1).max(8),
      fractionBits: z.int().min(0).max(63),
      data: z.boolean(),
      opening: z.int().min(0),
    }),
  )
  .max(2 ** 20);
const MOST_FACTS: number = 2 ** 26;

export class RankExchange {
  readonly #rank: number;
  readonly #size: number;
  readonly #links: ReadonlyMap<number, Link>;
  #owners: readonly number[] | undefined;
  /** How often weights were handed on. */
  #times = 0;
  /** By time: all are through with what was handed on at the time before. */
  readonly #through: Map<number, Promise<unknown>> = new Map();
  #states = 0;
  /** Where all ranks are threads of one process. */
  shared: SharedWeights | undefined;

  constructor({ rank, size, links }: ExchangeOptions) {
    this.#rank = rank;
    this.#size = size;
    this.#links = links;
  }

  async parameters(engine: SecureEngine, label: string, pieces: Pieces, mine: State): Promise<Parameters> {
    const time = this.#times++;
    if (this.shared !== undefined) this.#sayThrough(engine, label, time);
    const before = this.#through.get(time - 1) ?? Promise.resolve();
    const values = await Promise.all(
      pieces.tensors.map((tensor) =>
        tensor.operand
          ? this.#operand(engine, label, this.#runs(pieces, tensor), tensor, mine, { time, before })
          : this.#shares(engine, label, this.#runs(pieces, tensor), tensor, mine),
      ),
    );
    return new Map(values.map((x, i) => [pieces.tensors[i].name, x]));
  }

  async exchange(
    engine: SecureEngine,
    label: string,
    pieces: Pieces,
    tensor: Tensor,
    gradient: Value,
  ): Promise<PieceSum> {
    const portion = engine.portion(gradient);
    if (portion === undefined) return (_fork, _piece, own) => Promise.resolve(own); // at the helper, of a sum in two shares
    const runs = this.#runs(pieces, tensor);
    const own = runs.get(this.#rank);
    const received =
      own && [...this.#links.values()].map((link) => later(take(link, `sum/${label}`, own.to - own.from)));
    const handed = later(
      portion.then((data) =>
        this.#toHolders(runs, (link, { from, to }) =>
          give(link, `sum/${label}`, data.subarray(from, to), engine.rounds),
        ),
      ),
    );
    // The helper runs ahead; if its portion cannot be handed on, the link has failed, and with it the session.
    if (engine.id !== 2) await handed;
    return async (fork, piece, x) => {
      const secure = fork as SecureEngine;
      const theirs = received!.map(async (arrived) => {
        const { data, depth } = await arrived;
        follows(secure, depth);
        return data.subarray(piece.from - own!.from, piece.to - own!.from);
      });
      if (secure.id !== 2) await Promise.all(theirs);
      return secure.sumOfPortions(x, [secure.portion(x)!, ...theirs.map(later)]);
    };
  }

  /** The others get their pieces of what rank 0 has. */
  async deal(engine: SecureEngine, pieces: Pieces, all: State | undefined): Promise<State> {
    const label = `state/${this.#states++}`;
    if (all === undefined) return this.#takeState(engine, this.#links.get(0)!, label);
    const owners = this.#ownersOf(pieces);
    const holders = new Map(
      pieces.tensors.flatMap((tensor) => tensor.pieces).map(({ key, number }) => [key, owners[number]]),
    );
    const rankOf = (key: string): number => holders.get(key) ?? holders.get(key.slice(key.indexOf('/') + 1))!;
    const heldBy = (rank: number): State => new Map([...all].filter(([key]) => rankOf(key) === rank));
    await Promise.all([...this.#links].map(([rank, link]) => this.#giveState(engine, link, label, heldBy(rank))));
    return heldBy(0);
  }

  /** Rank 0 gets what the others have. */
  async gather(engine: SecureEngine, pieces: Pieces, mine: State, all: boolean): Promise<State | undefined> {
    const label = `state/${this.#states++}`;
    const keys = new Set(pieces.tensors.flatMap((tensor) => tensor.pieces.map(({ key }) => key)));
    const wanted: State = new Map([...mine].filter(([key]) => all || keys.has(key)));
    if (this.#rank > 0) {
      await this.#giveState(engine, this.#links.get(0)!, label, wanted);
      return undefined;
    }
    const theirs = await Promise.all([...this.#links.values()].map((link) => this.#takeState(engine, link, label)));
    return new Map([wanted, ...theirs].flatMap((state) => [...state]));
  }

  async #giveState(engine: SecureEngine, link: Link, label: string, state: State): Promise<void> {
    const held = await Promise.all([...state.values()].map((x) => engine.held(x)));
    const said = [...state].map(([key, { shape, fractionBits }], i): z.infer<typeof facts>[number] => {
      const { data, opening } = held[i];
      return { key, shape: [...shape], fractionBits, data: data !== null, opening: opening?.length ?? 0 };
    });
    await link.send(label, bytesOf(said), engine.rounds);
    for (const [i, { data, opening }] of held.entries()) {
      if (data !== null) await give(link, `${label}/${i}/data`, data, engine.rounds);
      if (opening !== undefined) await give(link, `${label}/${i}/opening`, opening, engine.rounds);
    }
  }

  async #takeState(engine: SecureEngine, link: Link, label: string): Promise<State> {
    const { data: json, depth } = await link.receiveUpTo(label, 'u8', MOST_FACTS, WHILE_THE_LINK_LIVES);
    follows(engine, depth);
    const state: State = new Map();
    for (const [i, { key, shape, fractionBits, data, opening }] of facts.parse(wordsOf(json)).entries()) {
      const share = data ? (await take(link, `${label}/${i}/data`, sizeOf(shape))).data : null;
      const opened = opening > 0 ? (await take(link, `${label}/${i}/opening`, opening)).data : undefined;
      state.set(key, engine.input(`${label}/${key}`, shape, fractionBits, share, opened));
    }
    return state;
  }

  /** In shared memory: what was handed on at the time before is read no more, once this rank has done what it has begun so far. */
  #sayThrough(engine: SecureEngine, label: string, time: number): void {
    const links = [...this.#links.values()];
    const name = `weights/${label}/through`;
    const said = engine.past().then(() => Promise.all(links.map((link) => link.send(name, new Uint8Array(0), 0))));
    const heard = links.map((link) => link.receive(name, 'u8', 0, WHILE_THE_LINK_LIVES));
    this.#through.set(time, later(Promise.all([said, ...heard])));
    this.#through.delete(time - 2);
  }

  /** @param before all are through with what was in the place that is written now */
  async #operand(
    engine: SecureEngine,
    label: string,
    runs: ReadonlyMap<number, Run>,
    { name, shape }: Tensor,
    mine: State,
    { time, before }: { readonly time: number; readonly before: Promise<unknown> },
  ): Promise<Value> {
    const elements = sizeOf(shape);
    const { shared } = this;
    const place = shared?.place(name, time) ?? fresh(engine.heldElements(elements));
    const from = `weights/${label}/${name}`;
    const put = (data: BigUint64Array, { from, to }: Pick<Run, 'from' | 'to'>): void => {
      for (let k = 0; k * elements < place.length; k++)
        place.set(data.subarray(k * (to - from), (k + 1) * (to - from)), k * elements + from);
    };
    const write = async (run: Run): Promise<void> => {
      // Now: the helper may have updated them by the time that there is room.
      const values = run.pieces.map((piece) => [piece, mine.get(piece.key)!] as const);
      await before;
      await Promise.all(
        values.map(async ([piece, x]) => {
          const straight = place.length === elements ? place.subarray(piece.from, piece.to) : undefined;
          const data = await (await engine.heldOperand(x, straight)).kept;
          if (straight === undefined) put(data, piece);
        }),
      );
      const part = shared === undefined ? taken(place, elements, run) : new BigUint64Array(0);
      await this.#toAll((link) => give(link, from, part, engine.rounds));
    };
    const read = async (link: Link, run: Run): Promise<void> => {
      const count = shared === undefined ? engine.heldElements(run.to - run.from) : 0;
      const { data, depth } = await take(link, from, count);
      follows(engine, depth);
      if (shared === undefined) put(data, run);
    };
    const parts = [...runs].map(([rank, run]) =>
      rank === this.#rank ? write(run) : read(this.#links.get(rank)!, run),
    );
    const kept = later(Promise.all(parts).then(() => place));
    return engine.operandInput(
      `rank/${this.#rank}/${name}`,
      shape,
      engine.fractionBits,
      { kept },
      shared === undefined,
    );
  }

  /** A parameter of which shares are needed. Its name has the rank: an address of no other one. */
  async #shares(
    engine: SecureEngine,
    label: string,
    runs: ReadonlyMap<number, Run>,
    { name, shape }: Tensor,
    mine: State,
  ): Promise<Value> {
    const own = `rank/${this.#rank}/${name}`;
    const from = `weights/${label}/${name}`;
    const share = engine.id === 2 ? null : new BigUint64Array(sizeOf(shape));
    await Promise.all(
      [...runs].map(async ([rank, run]) => {
        if (rank !== this.#rank) {
          if (share === null) return;
          const { data, depth } = await take(this.#links.get(rank)!, from, run.to - run.from);
          follows(engine, depth);
          share.set(data, run.from);
          return;
        }
        for (const { key, from } of run.pieces) {
          const { data } = await engine.held(mine.get(key)!);
          if (data !== null) share!.set(data, from);
        }
        if (share !== null) await this.#toAll((link) => give(link, from, share.slice(run.from, run.to), engine.rounds));
      }),
    );
    return engine.input(own, shape, engine.fractionBits, share);
  }

  async #toAll(send: (link: Link) => Promise<void>): Promise<void> {
    await Promise.all([...this.#links.values()].map(send));
  }

  async #toHolders(runs: ReadonlyMap<number, Run>, send: (link: Link, run: Run) => Promise<void>): Promise<void> {
    const others = [...runs].filter(([rank]) => rank !== this.#rank);
    await Promise.all(others.map(([rank, run]) => send(this.#links.get(rank)!, run)));
  }

  #ownersOf(pieces: Pieces): readonly number[] {
    return (this.#owners ??= pieces.owners(this.#size));
  }

  #runs(pieces: Pieces, { pieces: some }: Tensor): ReadonlyMap<number, Run> {
    const owners = this.#ownersOf(pieces);
    const runs = new Map<number, Run>();
    for (const piece of some) {
      const rank = owners[piece.number];
      const before = runs.get(rank);
      runs.set(rank, { from: before?.from ?? piece.from, to: piece.to, pieces: [...(before?.pieces ?? []), piece] });
    }
    return runs;
  }
}

/** Of a run, of each of the arrays that lie one behind the other in a place. */
function taken(place: BigUint64Array, elements: number, { from, to }: Run): BigUint64Array {
  const count = to - from;
  const part = new BigUint64Array((place.length / elements) * count);
  for (let k = 0; k * elements < place.length; k++)
    part.set(place.subarray(k * elements + from, k * elements + to), k * count);
  return part;
}
