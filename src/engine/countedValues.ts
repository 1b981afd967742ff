/**
 * Values of the engine that computes nothing (`counting.ts`): their openings and parts, the lanes of its operations, and the messages that
 * these send, added up frame by frame with the chains they form.
 */
import type { Border, Fill } from '../ring/pad.ts';
import { type Shape, sizeOf } from '../ring/shape.ts';
import type { CountedMemory } from './countedMemory.ts';
import type { CountedValue, Opening } from './countedValue.ts';
import type { Value } from './engine.ts';
import { LinearEngine } from './linear.ts';
import { DEFAULT_CHUNK } from '../party/party.ts';
import { inBlocks, type Stage, step } from '../party/steps.ts';
import type { Suite } from '../protocols/suite.ts';
import { type Lane, sendStages, sendSteps, type Traffic } from './traffic.ts';

export interface CountingOptions {
  readonly suite: 'direct' | 'paper';
  readonly truncation: 'dealt' | 'local';
  readonly fractionBits: number;
  readonly compareBits: number;
  /** Absent: semi-honest. */
  readonly security?: 'private' | undefined;
  /** Operations on at most so many values compare by functions; absent: none (`suite.ts`). */
  readonly few?: number | undefined;
  readonly chunk?: number;
}

/** Kinds of work. `multiply` counts the multiply-adds of all parties together (`beaver.ts`), the others elements. */
export const WORK = ['multiply', 'relu', 'select', 'truncate', 'open', 'deal', 'unitVectors', 'local'] as const;
const ELEMENT_BYTES = 8;
export type Work = Record<(typeof WORK)[number], number>;

/** What the forks of an engine share. */
export interface Counts {
  readonly options: CountingOptions;
  readonly suite: Suite<unknown, unknown>;
  readonly traffic: Traffic;
  readonly work: Work;
  readonly memory: CountedMemory;
  /** The layer's scope that the engine is within, if it is within one. */
  readonly layer?: string;
  readonly datasets: WeakSet<Value>;
}

export abstract class CountedValues extends LinearEngine<CountedValue> {
  protected readonly addsPublic = false;
  protected readonly lane: Lane;
  protected readonly counts: Counts;
  protected operations = 0;
  private values = 0;

  constructor(lane: Lane, counts: Counts) {
    super(counts.options.fractionBits);
    this.lane = lane;
    this.counts = counts;
  }

  get suite(): 'direct' | 'paper' {
    return this.counts.options.suite;
  }

  get truncation(): 'dealt' | 'local' {
    return this.counts.options.truncation;
  }

  get rounds(): number {
    return this.lane.rounds;
  }

  get traffic(): Traffic {
    return this.counts.traffic;
  }

  get work(): Readonly<Work> {
    return this.counts.work;
  }

  get memory(): CountedMemory {
    return this.counts.memory;
  }

  protected make(shape: Shape, fractionBits: number): CountedValue {
    return this.value(this.nextLane(), shape, fractionBits, false);
  }

  protected zeros(): null {
    return null;
  }

  protected linear(shape: Shape, fractionBits: number, operands: readonly CountedValue[]): CountedValue {
    this.did('local', sizeOf(shape));
    const partial = operands.some((operand) => operand.partial);
    return this.value(this.nextLane(), shape, fractionBits, partial);
  }

  protected paced(shape: Shape, fractionBits: number, x: CountedValue): Promise<CountedValue> {
    return Promise.resolve(this.linear(shape, fractionBits, [x]));
  }

  protected view(x: CountedValue, shape: Shape, fractionBits: number): CountedValue {
    return { ...x, shape, fractionBits };
  }

  protected did(kind: keyof Work, amount: number): void {
    this.counts.work[kind] += amount;
  }

  /** An opening E and a share of its mask, beside the value itself. */
  protected holdOpening(elements: number): void {
    this.#hold(2 * ELEMENT_BYTES * elements);
  }

  /** What is kept of a comparison: a bit t and a share of q (`directRelu.ts`). */
  protected holdBits(elements: number): void {
    this.#hold((1 + ELEMENT_BYTES) * elements);
    this.counts.memory.keepBits(elements, this.counts.layer);
  }

  #hold(bytes: number): void {
    this.counts.memory.make(bytes, this.counts.layer);
  }

  protected nextLane(): () => Lane {
    const label = `v${this.values++}`;
    return () => this.lane.fork(label);
  }

  protected value(
    makeLane: () => Lane,
    shape: Shape,
    fractionBits: number,
    partial: boolean,
    elements: () => number = () => sizeOf(shape),
  ): CountedValue {
    const mask = { lane: undefined, makeLane, opened: false, elements };
    this.#hold(ELEMENT_BYTES * sizeOf(shape));
    return { shape, fractionBits, data: null, mask, partial, whole: {} };
  }

  /** Masks and opens a value under its own lane, the first time it is needed. */
  protected open(mask: Opening, user: Lane): void {
    mask.lane ??= mask.makeLane();
    if (!mask.opened) {
      mask.opened = true;
      joinWorkers(mask.lane, user);
      this.#openTerms(mask.lane, mask.terms ?? []);
      const elements = mask.elements();
      if (elements > 0) {
        sendSteps(mask.lane, [step('exchange', ...inBlocks(':E', elements))], -1, this.counts.traffic);
        this.did('open', elements);
        this.holdOpening(elements);
      }
    }
    joinWorkers(user, mask.lane);
  }

  /** Opens values side by side. */
  #openTerms(lane: Lane, terms: readonly Opening[]): void {
    const before = [...lane.depths];
    for (const term of terms) {
      const user = lane.at(before);
      this.open(term, user);
      joinWorkers(lane, user);
    }
  }

  override slice(x: Value, from: number, to: number): CountedValue {
    return leaves(super.slice(x, from, to), x, 1);
  }

  override sumColumns(x: Value): CountedValue {
    return leaves(super.sumColumns(x), x, x.shape[1]);
  }

  override addRow(x: Value, row: Value): CountedValue {
    return this.#openedBy(super.addRow(x, row), [x, row]);
  }

  override pad(x: Value, border: Border, fill: Fill): CountedValue {
    return this.#openedBy(super.pad(x, border, fill), [x]);
  }

  override split(x: Value, shapes: readonly Shape[]): CountedValue[] {
    const pieces = super.split(x, shapes);
    if (pieces.length === 1 || (x as CountedValue).opened !== true) return pieces;
    return pieces.map((piece) => ({ ...piece, opened: true, mask: { ...piece.mask, elements: () => 0 } }));
  }

  override join(pieces: readonly Value[], shape: Shape): CountedValue {
    const whole = super.join(pieces, shape);
    if (pieces.length === 1) return whole;
    const opened = pieces.every((piece) => (piece as CountedValue).opened === true);
    return { ...this.#openedBy(whole, pieces), ...(opened && { opened }) };
  }

  /** A value that is opened by the openings of others; sends nothing then. */
  #openedBy(y: CountedValue, others: readonly Value[]): CountedValue {
    if (y.partial) return y;
    const terms = others.map((other) => (other as CountedValue).mask);
    const elements = (): number => {
      this.holdOpening(sizeOf(y.shape));
      return 0;
    };
    return { ...y, mask: { ...y.mask, elements, terms } };
  }

  /** The value in two shares: P2 deals its part, once. */
  protected whole(x: Value): CountedValue {
    const value = x as CountedValue;
    if (!value.partial) return value;
    if (value.whole.value === undefined) {
      value.mask.lane ??= value.mask.makeLane();
      const lane = value.mask.lane.fork('whole');
      lane.join(this.lane);
      const size = sizeOf(x.shape);
      sendSteps(lane, [step('ahead', ...inBlocks(':Z', size))], lane.depths[2], this.counts.traffic);
      this.did('deal', size);
      value.whole.value = this.value(() => lane, x.shape, x.fractionBits, false);
    }
    return this.view(value.whole.value, x.shape, x.fractionBits);
  }

  /** The lane of the next operation; deals alternate between the workers. */
  protected operation(name: string): Lane {
    const index = this.operations++;
    return this.lane.fork(`${index}:${name}`, index % 2 === 0 ? 'P0' : 'P1');
  }

  /** One operation. P2's part of it runs on its own: what follows does not depend on it but through what the workers receive. */
  protected run(name: string, stages: readonly Stage[], count: number): void {
    const lane = this.operation(name);
    sendStages(lane, stages, count, this.counts.options.chunk ?? DEFAULT_CHUNK, this.counts.traffic);
    joinWorkers(this.lane, lane);
  }
}

/** y, made of what x is: by as many terms an element, if a truncation has left x. */
function leaves(y: CountedValue, x: Value, terms: number): CountedValue {
  const { left } = x as CountedValue;
  if (left === undefined) return y;
  return { ...y, left: { shape: { ...left.shape, terms: terms * left.shape.terms } } };
}

/** P2 runs ahead: its own chain does not pass from operation to operation. */
export function joinWorkers(lane: Lane, { depths }: Lane): void {
  for (let id = 0; id < 2; id++) lane.depths[id] = Math.max(lane.depths[id], depths[id]);
}
