/**
 * The keys of comparison functions (`dcf.ts`) that P2 deals in a session: a row of them for each width, MOST_TOGETHER in a message. They are for
 * thresholds that P2 draws, not for those of any comparison, so they may lie ready before anybody knows what will be compared; a comparison takes the
 * next ones of the row and shifts its values to their thresholds (`functionSign.ts`). P2 says which these are, for the order in which concurrent
 * operations ask is its own. Where P2 deals ahead and too few lie ready, there are none, and the operation compares by digits: dealing keys takes
 * a core several times as long as digits do, and nobody waits for that.
 *
 * Of keys p·MOST_TOGETHER …, streams under `functions/BITS/GROUP/p`: thresholds are the sum of one that P2 has with each worker, so neither knows any; a
 * worker's seeds are its stream with P2; the AES key is public. P2 → P0, P1: the AES key, and corrections.
 */
import { aesKey } from '#aes';
import { AES_KEY_BYTES } from '../../random/aes.ts';
import * as z64 from '../../ring/z64.ts';
import type { Party } from '../../party/party.ts';
import { correctionBytes, generate, type Keys, MOST_TOGETHER, ROOT_BYTES } from './dcf.ts';

/** Below the session's root. */
const PATH = 'functions';
/** Messages under one path: what a party remembers of used addresses ends with it. */
const GROUP = 1024;
/** Messages that may be under way at a time: many times what P2's window (`party/window.ts`) asks for. */
const MOST_OPEN = 8192;
/** P2 deals ahead once no operation has asked for keys that long: before, it would be in the way of what is asked for, unless it is little. */
const REST_MS = 100;
const WORKERS = ['P0', 'P1'] as const;

/** Some keys of one message, from … to. */
export interface KeyRange {
  readonly keys: Keys;
  readonly from: number;
  readonly to: number;
}

/** Of one row, P2: the index of the first key, and the thresholds. */
export interface DealtRange {
  readonly start: number;
  readonly thresholds: BigUint64Array;
}

/** What P2 deals before anybody asks, in whole messages. */
export interface Ahead {
  /** Keys that lie ready, but for what a message holds beyond them. */
  readonly ready: number;
  /** Keys of the whole session, likewise. */
  readonly total: number;
  /** Whether also while keys are being asked for, once less than half of those that may lie ready do. */
  readonly beside: boolean;
}

const NONE: Ahead = { ready: 0, total: 0, beside: false };

/** Of both roles. One a session. */
export class FunctionKeys {
  readonly #party: Party;
  readonly #together: number;
  /** P2's, by width. */
  readonly #dealt: Map<number, Row<BigUint64Array>> = new Map();
  /** A worker's. */
  readonly #held: Map<number, Row<Keys>> = new Map();

  /**
   * @param party of the session: a path is taken below it
   * @param together keys of a message
   */
  constructor(party: Party, together: number = MOST_TOGETHER) {
    this.#party = party.fork(PATH);
    this.#together = together;
  }

  /** P2: the next `count` keys, which nobody has used; none where it deals ahead and fewer lie ready. */
  async deal(bits: number, count: number): Promise<DealtRange | undefined> {
    const row = this.#dealing(bits);
    const start = row.reserve(count);
    if (start === undefined) return undefined;
    const thresholds = new BigUint64Array(count);
    let at = 0;
    for (const { value, from, to } of await row.take(start, count)) {
      thresholds.set(value.subarray(from, to), at);
      at += to - from;
    }
    return { start, thresholds };
  }

  /** P2: deals ahead from now on. Resolves once all that may lie ready does. */
  keepAhead(bits: number, ahead: Ahead): Promise<void> {
    return this.#dealing(bits).keep(ahead);
  }

  /** P0, P1: the keys that P2 says are next. */
  async held(bits: number, start: number, count: number): Promise<KeyRange[]> {
    const ranges = await this.#holding(bits).take(start, count);
    return ranges.map(({ value, from, to }) => ({ keys: value, from, to }));
  }

  /** No more comparisons: what lies ready is taken, and forgotten. */
  async end(): Promise<void> {
    if (this.#party.id === 2) {
      await Promise.all([...this.#dealt.values()].map((row) => row.stop()));
      const told = new BigUint64Array(MOST_TOLD);
      told[0] = BigInt(this.#dealt.size);
      told.set(
        [...this.#dealt].flatMap(([bits, row]) => [BigInt(bits), BigInt(row.made)]),
        1,
      );
      await Promise.all(WORKERS.map((worker) => this.#party.send(worker, 'end', told.slice())));
      return;
    }
    const told = await this.#party.receive('P2', 'end', 'u64', MOST_TOLD);
    for (let i = 0; i < Math.min(Number(told[0]), (MOST_TOLD - 1) / 2); i++)
      await this.#holding(Number(told[2 * i + 1])).drain(Number(told[2 * i + 2]));
  }

  #dealing(bits: number): Row<BigUint64Array> {
    return this.#row(this.#dealt, bits, deal);
  }

  #holding(bits: number): Row<Keys> {
    return this.#row(this.#held, bits, receive);
  }

  #row<T>(
    rows: Map<number, Row<T>>,
    bits: number,
    make: (party: Party, bits: number, together: number) => Promise<T>,
  ): Row<T> {
    let row = rows.get(bits);
    if (row === undefined) {
      const together = this.#together;
      row = new Row(this.#party.fork(`${bits}`), (party) => make(party, bits, together), together);
      rows.set(bits, row);
    }
    return row;
  }
}

/** Elements of the last message: how many widths there are and, of each, its bits and messages. */
const MOST_TOLD = 129;

/** P2: the keys of a message, to both workers. Returns their thresholds. */
async function deal(party: Party, bits: number, together: number): Promise<BigUint64Array> {
  await party.pause();
  const [first, second] = WORKERS.map((worker) => party.stream(worker, 'threshold').z64(together));
  const thresholds = z64.lowBits(z64.accumulate(first, second), bits);
  const [roots0, roots1] = WORKERS.map((worker) => party.stream(worker, 'roots').bytes(ROOT_BYTES * together));
  const message = new Uint8Array(messageBytes(bits, together));
  const key = party.stream('P0', 'aes').bytes(AES_KEY_BYTES);
  message.set(key);
  generate(aesKey(key), bits, thresholds, [roots0, roots1], message.subarray(AES_KEY_BYTES));
  const { depth } = party;
  await Promise.all(WORKERS.map((worker, i) => party.send(worker, 'keys', i === 0 ? message : message.slice(), depth)));
  return thresholds;
}

/** P0, P1. */
async function receive(party: Party, bits: number, together: number): Promise<Keys> {
  const message = await party.receive('P2', 'keys', 'u8', messageBytes(bits, together));
  const roots = party.stream('P2', 'roots').bytes(ROOT_BYTES * together);
  const aes = aesKey(message.subarray(0, AES_KEY_BYTES));
  return { aes, roots, corrections: message.subarray(AES_KEY_BYTES) };
}

/** Bytes of a message. */
function messageBytes(bits: number, together: number): number {
  return AES_KEY_BYTES + together * correctionBytes(bits);
}

/** The messages that bring the keys up to the `to`-th, to one worker, without those that the first `from` came in. */
export function* keyMessages(
  bits: number,
  from: number,
  to: number,
): Generator<readonly [label: string, bytes: number], void> {
  for (let index = Math.ceil(from / MOST_TOGETHER); index < Math.ceil(to / MOST_TOGETHER); index++)
    yield [`/${PATH}/${bits}/${Math.floor(index / GROUP)}/${index % GROUP}:keys`, messageBytes(bits, MOST_TOGETHER)];
}

/** Keys of one width: message after message, each made once. */
class Row<T> {
  readonly #lane: Party;
  readonly #make: (party: Party) => Promise<T>;
  readonly #together: number;
  /** The present groups of messages. */
  readonly #groups: Map<number, Party> = new Map();
  readonly #messages: Map<number, { readonly value: Promise<T>; left: number }> = new Map();
  /** Messages that were asked for so far. */
  #made = 0;
  /** Of these, the ones that are there. */
  #there = 0;
  /** Keys before this one have been given away. */
  #next = 0;
  /** When they were. */
  #asked = -Infinity;
  #ahead: Ahead | undefined;
  #refilling: Promise<void> | undefined;
  #wake: () => void = () => undefined;

  constructor(lane: Party, make: (party: Party) => Promise<T>, together: number) {
    this.#lane = lane;
    this.#make = make;
    this.#together = together;
  }

  get made(): number {
    return this.#made;
  }

  /** The first of `count` keys that nobody else gets. */
  reserve(count: number): number | undefined {
    const start = this.#next;
    this.#asked = performance.now();
    if (this.#ahead !== undefined) {
      this.#refill().catch(() => undefined); // a link that failed has told the session
      if (start + count > this.#there * this.#together) return undefined;
    }
    this.#next += count;
    return start;
  }

  /** Goes on from now on while keys are used. Resolves when so many lie ready. */
  async keep(ahead: Ahead): Promise<void> {
    this.#ahead = ahead;
    await this.#refill();
  }

  /** No more is made that nobody asks for. */
  async stop(): Promise<void> {
    this.#ahead = undefined;
    this.#wake();
    await this.#refilling;
  }

  #refill(): Promise<void> {
    this.#refilling ??= this.#makeAhead().finally(() => (this.#refilling = undefined));
    return this.#refilling;
  }

  async #makeAhead(): Promise<void> {
    for (;;) {
      const made = this.#made * this.#together;
      const { ready, total, beside } = this.#ahead ?? NONE;
      if (made >= total || made - this.#next >= ready) return;
      const rest = REST_MS - (performance.now() - this.#asked);
      if (rest <= 0 || (beside && made - this.#next < ready / 2)) await this.#upTo(this.#made + 1);
      else await this.#sleep(rest);
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async take(start: number, count: number): Promise<{ value: T; from: number; to: number }[]> {
    if (!Number.isSafeInteger(start) || !Number.isSafeInteger(start + count) || start < 0)
      throw new RangeError('comparison function: no index of keys');
    const ranges: Promise<{ value: T; from: number; to: number }>[] = [];
    for (let at = start; at < start + count;) {
      const index = Math.floor(at / this.#together);
      const from = at - index * this.#together;
      const to = Math.min(this.#together, from + start + count - at);
      ranges.push(this.#some(index, to - from).then((value) => ({ value, from, to })));
      at += to - from;
    }
    return Promise.all(ranges);
  }

  /** Takes all of the first `total` messages. */
  async drain(total: number): Promise<void> {
    if (total > this.#made + MOST_OPEN) throw new Error('comparison function: more keys in the end than may be ready');
    await this.#upTo(total);
    this.#messages.clear();
  }

  async #some(index: number, count: number): Promise<T> {
    if (index >= this.#made + MOST_OPEN) throw new Error('comparison function: keys that are not dealt yet');
    this.#upTo(index + 1).catch(() => undefined); // whoever takes a message learns what is wrong with it
    const message = this.#messages.get(index);
    if (message === undefined || message.left < count) throw new Error('comparison function: keys are used twice');
    message.left -= count;
    if (message.left === 0) this.#messages.delete(index);
    return message.value;
  }

  /** Makes what is not made yet of the first `total` messages, in order. */
  async #upTo(total: number): Promise<void> {
    const made: Promise<T>[] = [];
    for (; this.#made < total; this.#made++) {
      const group = Math.floor(this.#made / GROUP);
      const value = this.#make(this.#group(group).fork(`${this.#made % GROUP}`));
      value.then(
        () => this.#there++,
        () => undefined, // told to whoever takes it
      );
      this.#messages.set(this.#made, { value, left: this.#together });
      made.push(value);
    }
    await Promise.all(made);
  }

  #group(index: number): Party {
    let group = this.#groups.get(index);
    if (group === undefined) {
      this.#groups.clear();
      this.#groups.set(index, (group = this.#lane.fork(`${index}`)));
    }
    return group;
  }
}
