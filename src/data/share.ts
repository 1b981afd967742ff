/**
 * An owner's inputs, shared: Share of PROTOCOLS §1 with the owner as dealer.
 *
 * ⟨x⟩₀ is a PRF stream of the pair (owner, P0): both draw it, nothing is sent. ⟨x⟩₁ = x − ⟨x⟩₀ goes to P1. Work goes in blocks, so
 * that the owner's memory stays bounded whatever the size of the input.
 *
 * Labels: `input/NAME/BLOCK`, u64, one message a block. Streams: path `input/NAME/BLOCK`, purpose `share`. Cost: 8 bytes an element,
 * owner to P1.
 */
import { setImmediate } from 'node:timers/promises';
import type { Link } from '../channel/channel.ts';
import type { PairStreams } from '../random/streams.ts';
import { halves } from '../ring/z64.ts';
import type { Source } from './encode.ts';

/** 512 KiB a block: it stays in the cache between drawing, subtracting and sending. */
export const BLOCK_ELEMENTS: number = 2 ** 16;

/**
 * As a time-out: for what comes when a computation or an upload is done, however long it takes. The parties watch over each other's
 * messages with their time-outs, and a link that fails rejects at once.
 */
export const WHILE_THE_LINK_LIVES: number = 2 ** 31 - 1;

/** Messages that an owner sends before any protocol message exists start chains of their own. */
const NO_DEPTH = 0;

interface Block {
  readonly label: string;
  readonly from: number;
  readonly to: number;
}

function* blocks(name: string, elements: number): Generator<Block> {
  for (let from = 0, i = 0; from < elements; from += BLOCK_ELEMENTS, i++) {
    yield { label: `input/${name}/${i}`, from, to: Math.min(from + BLOCK_ELEMENTS, elements) };
  }
}

function drawShare(streams: PairStreams, label: string, count: number): BigUint64Array {
  return streams.stream(label, 'share').z64(count);
}

/** x − y, written over x. */
function subtractInPlace(x: BigUint64Array, y: BigUint64Array): void {
  const a = halves(x);
  const b = halves(y);
  for (let i = 0; i < a.length; i += 2) {
    const borrow = a[i] < b[i] ? 1 : 0;
    a[i] -= b[i];
    a[i + 1] -= b[i + 1] + borrow;
  }
}

/** What the owner tells each party when all inputs are out: until then a party that has its own may not expect the others to start. */
const ALL_SENT = 'input/all-sent';

/** Owner: shares a source between P0 (by the pair's streams) and P1 (by messages). */
export async function shareInput(name: string, source: Source, p0Streams: PairStreams, p1: Link): Promise<void> {
  for (const { label, from, to } of blocks(name, source.elements)) {
    const block = source.block(from, to);
    subtractInPlace(block, drawShare(p0Streams, label, to - from));
    await p1.send(label, block, NO_DEPTH);
  }
}

/**
 * P0: its share of an owner's input, drawn from the streams of the pair (owner, P0). A large data set takes seconds; between two blocks this
 * party answers its peers, which would think it gone.
 */
export async function drawInputShare(
  name: string,
  elements: number,
  ownerStreams: PairStreams,
): Promise<BigUint64Array> {
  const share = new BigUint64Array(elements);
  for (const { label, from, to } of blocks(name, elements)) {
    share.set(drawShare(ownerStreams, label, to - from), from);
    await setImmediate();
  }
  return share;
}

/** P1: its share of an owner's input, as the owner sends it. */
export async function receiveInputShare(name: string, elements: number, owner: Link): Promise<BigUint64Array> {
  const share = new BigUint64Array(elements);
  for (const { label, from, to } of blocks(name, elements)) {
    share.set((await owner.receive(label, 'u64', to - from)).data, from);
  }
  return share;
}

/** Owner: all inputs are out. */
export async function tellAllSent(parties: readonly Link[]): Promise<void> {
  await Promise.all(parties.map((link) => link.send(ALL_SENT, new Uint8Array(0), NO_DEPTH)));
}

/** Party: waits until all inputs are out, however long the owner's line takes. */
export async function awaitAllSent(owner: Link): Promise<void> {
  await owner.receive(ALL_SENT, 'u8', 0, WHILE_THE_LINK_LIVES);
}
