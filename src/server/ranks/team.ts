/**
 * The ranks of one party (docs/ranks.md), joined by links of the party's own into a tree: rank r hands sums to rank ⌊r / 2⌋, and what
 * rank 0 hands on goes down the same way. Rank 0, which has most to do, adds those of one rank alone. Shares travel here, and nothing but within one party.
 *
 * Labels, up: `agreed/N`, u8, empty, in a private session; `sum/LABEL`, u64 in blocks, a portion of each sum: a worker's share or part, the helper's part (nothing of a sum in two shares);
 * `rows/LABEL/RANK`, u64 in blocks, a worker's share of rows that this rank has computed, of the helper empty; in a serving session: `serving.ts`.
 * Down: `order/N`, u64, what is begun (kind, number; kind 0: the work is over, kind 3: what was opened is compared); of weights that enter products `weights/LABEL/NAME/operand`, what
 * they take of them (`SecureEngine.heldOperand`); of others `weights/LABEL/NAME/share`, to workers.
 *
 * Where ranks are processes also, down: `input/NAME`, u64 in blocks, E of an owner's input. Of a model that is not trained: `model/…` (`model.ts`).
 *
 * The helper waits for none of it: what it computes from portions and masks it computes when they are there, so it runs ahead as it does alone.
 */
import type { Link } from '../../channel/channel.ts';
import { WHILE_THE_LINK_LIVES } from '../../data/share.ts';
import type { Engine, Value } from '../../engine/engine.ts';
import { SecureEngine } from '../../engine/secure.ts';
import type { Parameters } from '../../nn/forward.ts';
import type { ParameterSpec } from '../../nn/network.ts';
import type { JoinedRows, RankOrder, Team } from '../../nn/ranks.ts';
import { later } from '../../party/later.ts';
import { sizeOf } from '../../ring/shape.ts';
import { follows, joinRows } from './rows.ts';
import type { SharedWeights } from './shared-weights.ts';
import { give, type Received, take } from './tensors.ts';
import { ranksUnder } from './tree.ts';

export interface TeamOptions {
  readonly rank: number;
  readonly size: number;
  /** To the rank that this one hands sums to. */
  readonly parent: Link | undefined;
  /** By rank. */
  readonly children: ReadonlyMap<number, Link>;
  /** Told before a sum, or rows, are handed on. */
  readonly onSum?: (() => void) | undefined;
  /** At rank 0 where all ranks are threads of this process. */
  readonly shared?: SharedWeights | undefined;
}

/** Of an order, bytes. */
const MOST_WORDS: number = 4 * 2 ** 20;

const KINDS = [undefined, 'step', 'evaluation', 'agree', 'inference'] as const;

export class RankTeam implements Team {
  readonly rank: number;
  readonly size: number;
  readonly #parent: Link | undefined;
  readonly #children: ReadonlyMap<number, Link>;
  readonly #onSum: (() => void) | undefined;
  readonly #shared: SharedWeights | undefined;
  #orders = 0;
  #agreements = 0;
  /** In a private session, at ranks that do not lead: compares with the same rank of the other worker what both have opened. */
  onAgree: () => Promise<void> = () => Promise.resolve();

  constructor({ rank, size, parent, children, onSum, shared }: TeamOptions) {
    this.rank = rank;
    this.size = size;
    this.#parent = parent;
    this.#children = children;
    this.#onSum = onSum;
    this.#shared = shared;
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

  async parameters(
    engine: Engine,
    label: string,
    specs: readonly ParameterSpec[],
    mine: Parameters | undefined,
  ): Promise<Parameters> {
    const secure = secureOf(engine);
    if (this.rank > 0)
      return new Map(
        await Promise.all(
          specs.map(async (spec) => [spec.name, await this.#given(secure, label, spec)] as [string, Value]),
        ),
      );
    await Promise.all(specs.map(({ name }) => this.#give(secure, `weights/${label}/${name}`, name, mine!.get(name)!)));
    return mine!;
  }

  async join(engine: Engine, label: string, rows: JoinedRows, mine: Value | undefined): Promise<Value | undefined> {
    const secure = secureOf(engine);
    await secure.settle();
    this.#onSum?.();
    return joinRows({ rank: this.rank, parent: this.#parent, children: this.#children }, secure, label, rows, mine);
  }

  /** Hands words on to all ranks below. @param label unlike any other of the session */
  async tell(label: string, words: Uint8Array): Promise<void> {
    await Promise.all([...this.#children.values()].map((link) => link.send(label, words.slice(), 0)));
  }

  /** What `tell` has told, which is told on. */
  async told(label: string): Promise<Uint8Array> {
    const { data } = await this.#above().receiveUpTo(label, 'u8', MOST_WORDS, WHILE_THE_LINK_LIVES);
    await this.tell(label, data);
    return data;
  }

  /**
   * What one rank alone has, on its way up to rank 0, which gets it; those between pass it on.
   * @param label unlike any other of the session  @param mine at that rank
   */
  async rise(
    label: string,
    rank: number,
    elements: number,
    mine?: BigUint64Array,
  ): Promise<BigUint64Array | undefined> {
    let data = mine;
    if (rank === this.rank) this.#onSum?.();
    else {
      const below = [...this.#children].find(([child]) => ranksUnder(child, this.size).includes(rank));
      if (below === undefined) return undefined;
      ({ data } = await take(below[1], label, elements));
    }
    if (this.rank === 0) return data;
    await give(this.#above(), label, data!, 0);
    return undefined;
  }

  /** Hands an array on to all ranks below. @param label unlike any other of the session */
  async hand(label: string, data: BigUint64Array): Promise<void> {
    await this.#down(label, data, 0);
  }

  /** What `hand` has handed on, which goes on to the ranks below this one. */
  async handed(label: string, elements: number): Promise<BigUint64Array> {
    return (await this.#passOn(label, elements)).data;
  }

  /** Tells the others why the work is over. */
  abort(reason: string): void {
    for (const link of this.#links()) link.abort(reason);
  }

  /** When all has been said. */
  async close(): Promise<void> {
    await Promise.all(this.#links().map((link) => link.close()));
  }

  #links(): Link[] {
    return [...(this.#parent === undefined ? [] : [this.#parent]), ...this.#children.values()];
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

  async #give(engine: SecureEngine, label: string, name: string, x: Value): Promise<void> {
    if (!isOperand(name)) {
      const { data } = await engine.held(x);
      if (data !== null) await this.#down(`${label}/share`, data, engine.rounds);
      return;
    }
    const { kept } = await engine.heldOperand(x);
    const give = (operand: BigUint64Array): Promise<void> => this.#down(`${label}/operand`, operand, engine.rounds);
    // The helper is ahead of its ranks: what it gave last may not have been read.
    if (engine.id === 2) void later(kept.then(give));
    else await kept.then((operand) => give(this.#shared?.put(name, operand) ?? operand));
  }

  /** A parameter that rank 0 hands on. Its name has the rank: an address of no other one. */
  async #given(engine: SecureEngine, label: string, { name, shape }: ParameterSpec): Promise<Value> {
    const [from, elements] = [`weights/${label}/${name}`, sizeOf(shape)];
    const own = `rank/${this.rank}/${name}`;
    const f = engine.fractionBits;
    const take = async (what: string, count: number): Promise<BigUint64Array> => {
      const { data, depth } = await this.#passOn(`${from}/${what}`, count);
      follows(engine, depth);
      return data;
    };
    if (!isOperand(name)) return engine.input(own, shape, f, engine.id === 2 ? null : await take('share', elements));
    return engine.operandInput(own, shape, f, { kept: later(take('operand', engine.heldElements(elements))) });
  }

  async #passOn(label: string, elements: number): Promise<Received> {
    const received = await take(this.#above(), label, elements);
    await this.#down(label, received.data, received.depth);
    return received;
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

/** Whether a parameter enters products, which need it opened; a bias is only added. */
function isOperand(name: string): boolean {
  return !name.endsWith('.bias');
}

function numberOf(order: RankOrder): number {
  switch (order.kind) {
    case 'step':
      return order.step;
    case 'evaluation':
      return order.evaluation;
    case 'inference':
      return order.batch;
  }
}

function secureOf(engine: Engine): SecureEngine {
  if (!(engine instanceof SecureEngine)) throw new Error('only parties have ranks');
  return engine;
}
