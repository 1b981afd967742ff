/**
 * The ranks of one party (docs/ranks.md), joined by links of the party's own, each to all others. What is begun goes down a tree of them, losses
 * and counts up: rank r hands sums to rank ⌊r / 2⌋. Weights and gradients go from each to each (`exchange.ts`). Shares travel here, and nothing but within one party.
 *
 * Labels, up: `agreed/N`, u8, empty, in a private session; `sum/LABEL`, u64 in blocks, a portion of each sum: a worker's share or part, the helper's part (nothing of a sum in two shares).
 * To rank 0: `over/LABEL`, u8, empty: a rank has done its part of a step; `rows/LABEL/RANK`, u64 in blocks, a worker's share of rows that this rank has computed,
 * of the helper empty. Between rank 0 and another, in a serving session: `serving.ts`.
 * Down: `order/N`, u64, what is begun (kind, number; kind 0: the work is over, kind 3: what was opened is compared).
 *
 * Where ranks are processes also, down: `input/NAME`, u64 in blocks, E of an owner's input. Of a model that is not trained: `model/…` (`model.ts`); of what
 * is computed once for a batch: `STEP/together/LAYER/NAME/…`, and what an evaluation prepares, `evaluation/N/NAME/…` (`handed.ts`).
 */
import type { Link } from '../../channel/channel.ts';
import { WHILE_THE_LINK_LIVES } from '../../data/share.ts';
import type { Engine, Value } from '../../engine/engine.ts';
import { SecureEngine } from '../../engine/secure.ts';
import type { Handed } from '../../functions/wholeBatch.ts';
import type { Parameters } from '../../nn/forward.ts';
import type { State } from '../../nn/optimizer.ts';
import type { Pieces, Tensor } from '../../nn/pieces.ts';
import type { Gathered, JoinedRows, PieceSum, RankOrder, Team } from '../../nn/ranks.ts';
import type { OthersState } from '../../nn/wholeState.ts';
import { later } from '../../party/later.ts';
import { sizeOf } from '../../ring/shape.ts';
import { RankExchange } from './exchange.ts';
import { giveValue, takeValue } from './handed.ts';
import { follows, joinRows } from './rows.ts';
import { type SharedPlaces, SharedWeights } from './shared-weights.ts';
import { give, type Received, take } from './tensors.ts';
import { childrenOf, parentOf } from './tree.ts';

export interface TeamOptions {
  readonly rank: number;
  readonly size: number;
  /** To all others, by rank. */
  readonly links: ReadonlyMap<number, Link>;
  /** Told before rows are handed on, and others are told that this rank has done its part. */
  readonly onSum?: (() => void) | undefined;
}

const KINDS = [undefined, 'step', 'evaluation', 'agree', 'inference', 'gather'] as const;
const GATHERED = ['parameters', 'state'] as const;

export class RankTeam implements Team {
  readonly rank: number;
  readonly size: number;
  readonly #links: ReadonlyMap<number, Link>;
  readonly #parent: Link | undefined;
  readonly #children: ReadonlyMap<number, Link>;
  readonly #exchange: RankExchange;
  readonly #onSum: (() => void) | undefined;
  #orders = 0;
  #agreements = 0;
  /** In a private session, at ranks that do not lead: compares with the same rank of the other worker what both have opened. */
  onAgree: () => Promise<void> = () => Promise.resolve();

  constructor({ rank, size, links, onSum }: TeamOptions) {
    this.rank = rank;
    this.size = size;
    this.#links = links;
    this.#parent = rank === 0 ? undefined : links.get(parentOf(rank));
    this.#children = new Map(childrenOf(rank, size).map((child) => [child, links.get(child)!]));
    this.#exchange = new RankExchange({ rank, size, links });
    this.#onSum = onSum;
  }

  /** Weights are handed on in this memory. */
  share(places: SharedPlaces): void {
    this.#exchange.shared = new SharedWeights(places);
  }

  async begin(order: RankOrder): Promise<void> {
    await this.#down(`order/${this.#orders++}`, this.#order(order.kind, numberOf(order)), 0);
  }

  /** Rank 0: all others have compared what they have opened so far with the same rank of the other worker (`party/ledger.ts`). */
  async agree(): Promise<void> {
    const number = this.#agreements++;
    await this.#down(`order/${this.#orders++}`, this.#order('agree', number), 0);
    await this.#allAgree(number);
  }

  /** Those below have. */
  async #allAgree(number: number): Promise<void> {
    const children = [...this.#children.values()];
    await Promise.all(children.map((link) => link.receive(agreedLabel(number), 'u8', 0, WHILE_THE_LINK_LIVES)));
  }

  /** Rank 0: the work is over. */
  async end(): Promise<void> {
    await this.#down(`order/${this.#orders++}`, this.#order(undefined, 0), 0);
  }

  async next(): Promise<RankOrder | undefined> {
    const label = `order/${this.#orders++}`;
    const { data } = await this.#above().receive(label, 'u64', 2, WHILE_THE_LINK_LIVES);
    await this.#down(label, data, 0);
    const [kind, number] = Array.from(data, Number);
    if (kind >= KINDS.length) throw new Error(`rank ${this.rank}: told to do what no rank does (${kind})`);
    switch (KINDS[kind]) {
      case 'agree':
        await Promise.all([this.onAgree(), this.#allAgree(number)]);
        await this.#above().send(agreedLabel(number), new Uint8Array(0), 0);
        return this.next();
      case 'step':
        return { kind: 'step', step: number };
      case 'evaluation':
        return { kind: 'evaluation', evaluation: number };
      case 'inference':
        return { kind: 'inference', batch: number };
      case 'gather':
        return { kind: 'gather', what: GATHERED[number % GATHERED.length] };
      case undefined:
        return undefined;
    }
  }

  async sum(
    engine: Engine,
    label: string,
    before: Value | undefined,
    x: Value,
    among: number = this.size,
  ): Promise<Value | undefined> {
    const secure = secureOf(engine);
    const own = before === undefined ? [] : [secure.portion(before)];
    const theirs = [...this.#children].filter(([rank]) => rank < among).map(([, link]) => link);
    if (secure.portion(x) === undefined) return this.#withoutPortions(engine, before, x);
    const elements = sizeOf(x.shape);
    const portions = theirs.map(async (link) => {
      const { data, depth } = await take(link, `sum/${label}`, elements);
      follows(secure, depth);
      return data;
    });
    const terms = [...own, ...portions].map((portion) => later(portion!));
    if (this.rank === 0) return terms.length === 0 ? x : engine.add(await secure.sumOfPortions(x, terms), x);
    const sum = await secure.sumOfPortions(x, [...terms, secure.portion(x)!]);
    const handed = this.#handUp(secure, `sum/${label}`, sum);
    // The helper runs ahead; if its portion cannot be handed on, the link has failed, and with it the session.
    if (secure.id === 2) void later(handed);
    else await handed;
    return undefined;
  }

  deal(engine: Engine, pieces: Pieces, all: AsyncIterable<State> | undefined): Promise<State> {
    return this.#exchange.deal(secureOf(engine), pieces, all);
  }

  gather(engine: Engine, what: Gathered, pieces: Pieces, mine: State): Promise<OthersState | undefined> {
    return this.#exchange.gather(secureOf(engine), what, pieces, mine);
  }

  parameters(engine: Engine, label: string, pieces: Pieces, mine: State): Promise<Parameters> {
    return this.#exchange.parameters(secureOf(engine), label, pieces, mine);
  }

  exchange(engine: Engine, label: string, pieces: Pieces, tensor: Tensor, gradient: Value): Promise<PieceSum> {
    return this.#exchange.exchange(secureOf(engine), label, pieces, tensor, gradient);
  }

  async over(label: string): Promise<void> {
    const name = `over/${label}`;
    if (this.rank === 0) {
      const others = [...this.#links.values()];
      await Promise.all(others.map((link) => link.receive(name, 'u8', 0, WHILE_THE_LINK_LIVES)));
    } else {
      this.#onSum?.();
      await this.link(0).send(name, new Uint8Array(0), 0);
    }
  }

  async join(engine: Engine, label: string, rows: JoinedRows, mine: Value | undefined): Promise<Value | undefined> {
    const secure = secureOf(engine);
    await secure.settle();
    this.#onSum?.();
    return joinRows(this.rank, this.#links, secure, label, rows, mine);
  }

  /** To another rank, for what is said to it alone. */
  link(rank: number): Link {
    const link = this.#links.get(rank);
    if (link === undefined) throw new Error(`rank ${this.rank} has no link to rank ${rank}`);
    return link;
  }

  /** Rank 0 gets what this rank alone has computed. @param label unlike any other of the session */
  async giveLead(label: string, data: BigUint64Array): Promise<void> {
    this.#onSum?.();
    await give(this.link(0), label, data, 0);
  }

  /** Hands an array on to all ranks below. @param label unlike any other of the session  @param depth the chain behind it */
  async hand(label: string, data: BigUint64Array, depth: number): Promise<void> {
    await this.#down(label, data, depth);
  }

  /** What `hand` has handed on, which goes on to the ranks below this one. */
  async handed(label: string, elements: number): Promise<Received> {
    const received = await take(this.#above(), label, elements);
    await this.#down(label, received.data, received.depth);
    return received;
  }

  async handOn(engine: Engine, label: string, handed: Handed, x: Value | undefined): Promise<Value> {
    const secure = secureOf(engine);
    if (x === undefined) return takeValue(secure, this, label, handed);
    await giveValue(secure, this, label, handed.use, x);
    return x;
  }

  /** Tells the others why the work is over. */
  abort(reason: string): void {
    for (const link of this.#links.values()) link.abort(reason);
  }

  /** When all has been said. */
  async close(): Promise<void> {
    await Promise.all([...this.#links.values()].map((link) => link.close()));
  }

  /** At the helper, of a sum in two shares: nothing is handed on. */
  #withoutPortions(engine: Engine, before: Value | undefined, x: Value): Value | undefined {
    if (this.rank > 0) return undefined;
    return this.#children.size === 0 && before === undefined ? x : engine.add(before ?? x, x);
  }

  async #handUp(engine: SecureEngine, label: string, sum: Value): Promise<void> {
    const portion = await engine.portion(sum)!;
    this.#onSum?.();
    await give(this.#above(), label, portion, engine.rounds);
  }

  async #down(label: string, data: BigUint64Array, depth: number): Promise<void> {
    await Promise.all([...this.#children.values()].map((link) => give(link, label, data, depth)));
  }

  #above(): Link {
    if (this.#parent === undefined) throw new Error(`rank ${this.rank} leads: nobody stands above it`);
    return this.#parent;
  }

  #order(kind: (typeof KINDS)[number], number: number): BigUint64Array {
    return BigUint64Array.of(BigInt(KINDS.indexOf(kind)), BigInt(number));
  }
}

function agreedLabel(number: number): string {
  return `agreed/${number}`;
}

function numberOf(order: RankOrder): number {
  switch (order.kind) {
    case 'step':
      return order.step;
    case 'evaluation':
      return order.evaluation;
    case 'inference':
      return order.batch;
    case 'gather':
      return GATHERED.indexOf(order.what);
  }
}

function secureOf(engine: Engine): SecureEngine {
  if (!(engine instanceof SecureEngine)) throw new Error('only parties have ranks');
  return engine;
}
