/**
 * An owner's inputs on their way to the parties (PROTOCOLS §1, "Owners' inputs"): shared and open at once, with the owner as dealer of the mask.
 *
 * For each input the owner and P_j draw a key from their pair's streams; its streams are ⟨U⟩_j. P2 gets both keys, under a pad from its pair's
 * streams. E = X − ⟨U⟩₀ − ⟨U⟩₁ goes to P1, which passes it on to P0: the owner's line, the slowest one as a rule, carries it once.
 * Work goes in blocks, so that the owner's memory stays bounded whatever the size of the input.
 *
 * What each sees: P_j has E and ⟨U⟩_j, uniform both, for ⟨U⟩_{1−j} is not known to it; P2 has U alone.
 *
 * In a private session the owner also tells P0 the SHA-256 of E, so that P1, which passes it on, cannot put another input in its place: it says
 * nothing that E does not say, and P0 takes nothing that has another one.
 *
 * Labels: `input/NAME/masks`, 32 bytes, to P2; `input/NAME`, u64, one message a block (`blocks.ts`); in a private session `input/NAME/digest`, 32
 * bytes, to P0. Streams: path `input/NAME`; purposes `masks` (owner and P_j: the key; owner and P2: the pad) and, under the input's key, `U`. Cost: 8
 * bytes an element from the owner to P1, and from P1 to P0.
 */
import { createHash, type Hash, timingSafeEqual } from 'node:crypto';
import { blocks, receiveBlocks } from '../channel/blocks.ts';
import { ChannelError, type Link } from '../channel/channel.ts';
import { later } from '../party/later.ts';
import type { Masks, OwnedInput } from '../engine/ownedInput.ts';
import { STREAM_KEY_BYTES } from '../random/primitives.ts';
import { PairStreams } from '../random/streams.ts';
import { decrease } from '../ring/z64.ts';
import type { Source } from './encode.ts';
import { MASK, maskPath } from './mask-address.ts';

/**
 * As a time-out: for what comes when a computation or an upload is done, however long it takes. The parties watch over each other's
 * messages with their time-outs, and a link that fails rejects at once.
 */
export const WHILE_THE_LINK_LIVES: number = 2 ** 31 - 1;

/** Messages that an owner sends before any protocol message exists start chains of their own. */
const NO_DEPTH = 0;

/** What the owner tells each party when all inputs are out: until then a party that has its own may not expect the others to start. */
const ALL_SENT = 'input/all-sent';

const DIGEST = 'sha256';
const DIGEST_BYTES = 32;

function digestLabel(name: string): string {
  return `input/${name}/digest`;
}

function note(digest: Hash, { buffer, byteOffset, byteLength }: BigUint64Array): void {
  digest.update(new Uint8Array(buffer, byteOffset, byteLength));
}

/** The key of ⟨U⟩_j, from the streams of the owner and P_j. */
function maskKey(name: string, pair: PairStreams): Uint8Array {
  return pair.stream(`input/${name}`, 'masks').bytes(STREAM_KEY_BYTES);
}

/** ⟨U⟩_j, element by element. A data set that is stored at the parties has one key for its inputs `images` and `labels`. */
export function maskOf(name: string, key: Uint8Array): Masks {
  const table = new PairStreams(key).table(maskPath(name), MASK);
  return {
    z64: (from, n) => table.z64(from, n),
    rows: (starts, n) => table.rows(starts, n),
    keys: (elements) => [{ name, key, elements }],
  };
}

/** Adds the pad of the owner and P2, or takes it away: bit by bit, modulo 2. */
function padded(name: string, keys: Uint8Array, pair: PairStreams): Uint8Array {
  const pad = pair.stream(`input/${name}`, 'masks').bytes(keys.length);
  return keys.map((byte, i) => byte ^ pad[i]);
}

/** The owner's ends: links and streams of each pair with a party. */
export interface Owned {
  /** To P0 in a private session. */
  readonly links: Readonly<Record<'P1' | 'P2', Link> & { P0?: Link | undefined }>;
  readonly streams: Readonly<Record<'P0' | 'P1' | 'P2', PairStreams>>;
}

/** Owner: deals a mask and opens the source under it. @param sent told of each block's elements once the link has taken them */
export async function shareInput(
  name: string,
  source: Source,
  { links, streams }: Owned,
  sent: (elements: number) => void = () => undefined,
): Promise<void> {
  const keys = [maskKey(name, streams.P0), maskKey(name, streams.P1)];
  await links.P2.send(`input/${name}/masks`, padded(name, Buffer.concat(keys), streams.P2), NO_DEPTH);
  const masks = keys.map((key) => maskOf(name, key));
  const digest = links.P0 && createHash(DIGEST);
  for (const { label, from, to } of blocks(`input/${name}`, source.elements)) {
    const block = source.block(from, to);
    for (const mask of masks) decrease(block, mask.z64(from, to - from));
    if (digest !== undefined) note(digest, block);
    await links.P1.send(label, block, NO_DEPTH);
    sent(to - from);
  }
  if (digest !== undefined) await links.P0!.send(digestLabel(name), new Uint8Array(digest.digest()), NO_DEPTH);
}

/**
 * P0: an owner's input, as P1 passes it on. It waits as long as P1 waits for the owner.
 * @param owner its link in a private session: what P1 passes on is compared with what the owner says that it has sent
 */
export async function receiveInput(
  name: string,
  elements: number,
  owner: { readonly streams: PairStreams; readonly link?: Link | undefined },
  P1: Link,
): Promise<OwnedInput> {
  const { streams, link } = owner;
  const digest = link && createHash(DIGEST);
  const came = digest && ((block: BigUint64Array): void => note(digest, block));
  const opened = await receiveBlocks(P1, `input/${name}`, elements, WHILE_THE_LINK_LIVES, came);
  if (digest !== undefined) {
    const { data } = await link!.receive(digestLabel(name), 'u8', DIGEST_BYTES, WHILE_THE_LINK_LIVES);
    if (!timingSafeEqual(digest.digest(), data))
      throw new ChannelError(`input/${name}: P1 has passed on to P0 other values than the owner has sent`);
  }
  return { opened, masks: [maskOf(name, maskKey(name, streams))] };
}

/** P1: an owner's input, passed on to P0 at the pace of that link, from where it is kept. */
export async function relayInput(
  name: string,
  elements: number,
  owner: { readonly link: Link; readonly streams: PairStreams },
  P0: Link,
): Promise<OwnedInput> {
  const opened = new BigUint64Array(elements);
  let passedOn: Promise<void> = Promise.resolve();
  for (const { label, from, to } of blocks(`input/${name}`, elements)) {
    opened.set((await owner.link.receive(label, 'u64', to - from)).data, from);
    passedOn = later(passedOn.then(() => P0.send(label, opened.subarray(from, to), NO_DEPTH)));
  }
  await passedOn;
  return { opened, masks: [maskOf(name, maskKey(name, owner.streams))] };
}

/** P2: the mask of an owner's input. It comes when the owner has sent the inputs before it. */
export async function receiveMasks(
  name: string,
  owner: { readonly link: Link; readonly streams: PairStreams },
): Promise<OwnedInput> {
  const { data } = await owner.link.receive(`input/${name}/masks`, 'u8', 2 * STREAM_KEY_BYTES, WHILE_THE_LINK_LIVES);
  const keys = padded(name, data, owner.streams);
  const masks = [keys.subarray(0, STREAM_KEY_BYTES), keys.subarray(STREAM_KEY_BYTES)].map((key) => maskOf(name, key));
  return { opened: null, masks };
}

/** Owner: all inputs are out. */
export async function tellAllSent(parties: readonly Link[]): Promise<void> {
  await Promise.all(parties.map((link) => link.send(ALL_SENT, new Uint8Array(0), NO_DEPTH)));
}

/** Party: waits until all inputs are out, however long the owner's line takes. */
export async function awaitAllSent(owner: Link): Promise<void> {
  await owner.receive(ALL_SENT, 'u8', 0, WHILE_THE_LINK_LIVES);
}
