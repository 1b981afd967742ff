/**
 * What ranks of one party hand each other of weights and gradients, each to all others (docs/ranks.md). A rank holds some pieces of the training
 * state. It gets the portions of their gradients from all, updates them with the same rank of the other parties, and hands on what products take
 * of them. Where ranks are threads that goes into memory that all read, and a message says that it is there.
 *
 * Labels: `sum/STEP/NAME`, u64, a run of a portion of a gradient, to who holds it; `weights/LABEL/NAME`, u64, of a run of a tensor what products take
 * of it (nothing, where it is in shared memory) or, of a tensor that also enters other operations, shares; `weights/LABEL/through`, u8, empty: what was
 * handed on at the time before the last is read no more. Of the state: `state/N` or, where it is dealt, `state/N/TIME`, u8, JSON, which pieces come (none: no more) or
 * may be asked for; `state/N/asked/TIME`, u64, the place of one of them there (that behind the last: no more); `…/I/data` and `…/I/opening`, u64, piece I.
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
import type { Gathered, PieceSum } from '../../nn/ranks.ts';
import type { OthersState } from '../../nn/wholeState.ts';
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

type Facts = z.infer<typeof facts>[number];
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

  /** The others get their pieces of what rank 0 has, some after the others, and let go. */
  async deal(engine: SecureEngine, pieces: Pieces, all: AsyncIterable<State> | undefined): Promise<State> {
    const label = `state/${this.#states++}`;
    if (all === undefined) return this.#takeDealt(engine, label);
    const owners = this.#ownersOf(pieces);
    const holders = new Map(
      pieces.tensors.flatMap((tensor) => tensor.pieces).map(({ key, number }) => [key, owners[number]]),
    );
    const rankOf = (key: string): number => holders.get(key) ?? holders.get(key.slice(key.indexOf('/') + 1))!;
    const mine: State = new Map();
    const times = new Map<number, number>();
    const deal = async (rank: number, link: Link, some: State): Promise<void> => {
      const time = times.get(rank) ?? 0;
      times.set(rank, time + 1);
      await this.#giveState(engine, link, `${label}/${time}`, some);
    };
    for await (const state of all) {
      const heldBy = (rank: number): State => new Map([...state].filter(([key]) => rankOf(key) === rank));
      for (const [key, x] of heldBy(0)) mine.set(key, x);
      await Promise.all(
        [...this.#links].map(async ([rank, link]) => {
          const theirs = heldBy(rank);
          if (theirs.size > 0) await deal(rank, link, theirs);
        }),
      );
    }
    await Promise.all([...this.#links].map(([rank, link]) => deal(rank, link, new Map())));
    return mine;
  }

  async #takeDealt(engine: SecureEngine, label: string): Promise<State> {
    const link = this.#links.get(0)!;
    const mine: State = new Map();
    for (let time = 0; ; time++) {
      const facts = await this.#takeFacts(engine, link, `${label}/${time}`);
      if (facts.length === 0) return mine;
      for (const [i, { key }] of facts.entries())
        mine.set(key, await this.#takeValue(engine, link, `${label}/${time}`, facts, i));
    }
  }

  /** Rank 0 gets what it asks for of what the others have. */
  async gather(engine: SecureEngine, what: Gathered, pieces: Pieces, mine: State): Promise<OthersState | undefined> {
    const label = `state/${this.#states++}`;
    if (this.#rank > 0) {
      const state = what === 'state' ? mine : pieces.parametersOf(mine);
      await this.#giveAsked(engine, this.#links.get(0)!, label, what, state);
      return undefined;
    }
    const held = await Promise.all(
      [...this.#links.values()].map(async (link) => ({ link, facts: await this.#takeFacts(engine, link, label) })),
    );
    const places = new Map(held.flatMap(({ facts }, k) => facts.map(({ key }, i) => [key, { k, i }] as const)));
    const asked = held.map(() => 0);
    const ask = (k: number, i: number): Promise<void> =>
      held[k].link.send(`${label}/asked/${asked[k]++}`, BigUint64Array.of(BigInt(i)), 0);
    return {
      facts: new Map(
        held.flatMap(({ facts }) =>
          facts.map(({ key, fractionBits, opening }) => [key, { fractionBits, opened: opening > 0 }] as const),
        ),
      ),
      take: async (keys) => {
        const values = keys.map(async (key) => {
          const { k, i } = places.get(key)!;
          const { link, facts } = held[k];
          await ask(k, i);
          return [key, await this.#takeValue(engine, link, label, facts, i)] as const;
        });
        return new Map(await Promise.all(values));
      },
      end: async () => {
        await Promise.all(held.map(({ facts }, k) => ask(k, facts.length)));
      },
    };
  }

  async #giveAsked(engine: SecureEngine, link: Link, label: string, what: Gathered, state: State): Promise<void> {
    const values = [...state.values()];
    await this.#giveFacts(engine, link, label, state, what);
    for (let n = 0; ; n++) {
      const { data } = await link.receive(`${label}/asked/${n}`, 'u64', 1, WHILE_THE_LINK_LIVES);
      const i = Number(data[0]);
      if (i >= values.length) return;
      await this.#giveValue(engine, link, `${label}/${i}`, values[i], what);
    }
  }

  async #giveState(engine: SecureEngine, link: Link, label: string, state: State): Promise<void> {
    await this.#giveFacts(engine, link, label, state);
    for (const [i, x] of [...state.values()].entries()) await this.#giveValue(engine, link, `${label}/${i}`, x);
  }

  async #giveFacts(
    engine: SecureEngine,
    link: Link,
    label: string,
    state: State,
    what: Gathered = 'state',
  ): Promise<void> {
    const said = [...state].map(([key, x]): Facts => {
      const opening = what === 'state' && engine.opened(x) ? engine.openingElements(sizeOf(x.shape)) : 0;
      return { key, shape: [...x.shape], fractionBits: x.fractionBits, data: engine.id !== 2, opening };
    });
    await link.send(label, bytesOf(said), engine.rounds);
  }

  async #giveValue(engine: SecureEngine, link: Link, label: string, x: Value, what: Gathered = 'state'): Promise<void> {
    const { data, opening } = await engine.held(x);
    if (data !== null) await give(link, `${label}/data`, data, engine.rounds);
    if (opening !== undefined && what === 'state') await give(link, `${label}/opening`, opening, engine.rounds);
  }

  async #takeFacts(engine: SecureEngine, link: Link, label: string): Promise<readonly Facts[]> {
    const { data: json, depth } = await link.receiveUpTo(label, 'u8', MOST_FACTS, WHILE_THE_LINK_LIVES);
    follows(engine, depth);
    return facts.parse(wordsOf(json));
  }

  async #takeValue(
    engine: SecureEngine,
    link: Link,
    label: string,
    facts: readonly Facts[],
    i: number,
  ): Promise<Value> {
    const { key, shape, fractionBits, data, opening } = facts[i];
    const share = data ? (await take(link, `${label}/${i}/data`, sizeOf(shape))).data : null;
    const opened = opening > 0 ? (await take(link, `${label}/${i}/opening`, opening)).data : undefined;
    return engine.input(`${label}/${key}`, shape, fractionBits, share, opened);
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
