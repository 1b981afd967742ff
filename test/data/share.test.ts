import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Link } from '../../src/channel/channel.ts';
import { materialize, oneHotSource, pixelSource, ringSource, type Source } from '../../src/data/encode.ts';
import { BLOCK_ELEMENTS } from '../../src/channel/blocks.ts';
import { receiveInput, receiveMasks, relayInput, shareInput } from '../../src/data/share.ts';
import { held, type OwnedInput } from '../../src/engine/ownedInput.ts';
import type { PartyId } from '../../src/party/party.ts';
import { PairStreams } from '../../src/random/streams.ts';
import * as z64 from '../../src/ring/z64.ts';

/** A link, both ends of it, on which messages are found by label; it checks type and length. */
class Mailbox {
  readonly sent = new Map<string, BigUint64Array | Uint8Array>();
  readonly link = {
    send: (label: string, data: BigUint64Array | Uint8Array) => {
      expect(this.sent.has(label), label).toBe(false);
      this.sent.set(label, data);
      return Promise.resolve();
    },
    receive: (label: string, type: 'u8' | 'u64', length: number) => {
      const data = this.sent.get(label);
      if (data === undefined) return Promise.reject(new Error(`no ${label}`));
      expect([data instanceof BigUint64Array ? 'u64' : 'u8', data.length]).toEqual([type, length]);
      return Promise.resolve({ data, depth: 0 });
    },
  } as unknown as Link;
}

type Pairs = Readonly<Record<'P0' | 'P1' | 'P2', PairStreams>>;

/** The owner's streams with each party; `base` stands for a session. */
function pairs(base: number): Pairs {
  const streams = (i: number): PairStreams => new PairStreams(new Uint8Array(16).fill(base + i));
  return { P0: streams(0), P1: streams(1), P2: streams(2) };
}

interface Received {
  readonly parts: readonly [OwnedInput, OwnedInput, OwnedInput];
  readonly toP1: Mailbox['sent'];
  readonly toP2: Mailbox['sent'];
  readonly toP0: Mailbox['sent'];
}

async function send(name: string, source: Source, streams: Pairs = pairs(1)): Promise<Received> {
  const [toP1, toP2, toP0] = [new Mailbox(), new Mailbox(), new Mailbox()];
  await shareInput(name, source, { links: { P1: toP1.link, P2: toP2.link }, streams });
  const ofP1 = await relayInput(name, source.elements, { link: toP1.link, streams: streams.P1 }, toP0.link);
  const ofP0 = await receiveInput(name, source.elements, { streams: streams.P0 }, toP0.link);
  const ofP2 = await receiveMasks(name, { link: toP2.link, streams: streams.P2 });
  return { parts: [ofP0, ofP1, ofP2], toP1: toP1.sent, toP2: toP2.sent, toP0: toP0.sent };
}

const chiSquareOf = (values: BigUint64Array): number => {
  const counts = new Array<number>(256).fill(0);
  for (const byte of new Uint8Array(values.buffer, values.byteOffset, values.byteLength)) counts[byte]++;
  const expected = values.byteLength / 256;
  return counts.reduce((total, count) => total + (count - expected) ** 2 / expected, 0);
};
/** 255 degrees of freedom: beyond 400 with probability below 10^-7. Keys are fixed, so this never flickers. */
const UNIFORM = 400;

describe('encoding', () => {
  it('rounds every pixel to nearest', () => {
    const pixels = Uint8Array.from({ length: 256 }, (_, i) => i);
    for (const bits of [8, 13, 16, 24]) {
      const encoded = materialize(pixelSource(pixels, bits));
      encoded.forEach((x, i) => {
        // |x / 2^bits − i / 255| ≤ 2^-(bits+1), in integers.
        const error = 510n * x - 2n * BigInt(i) * 2n ** BigInt(bits);
        expect(error <= 255n && error >= -255n).toBe(true);
      });
      expect(encoded[255]).toBe(2n ** BigInt(bits));
    }
  });

  it('gives the same elements in any blocks', () => {
    const labels = Uint8Array.from({ length: 50 }, (_, i) => (i * i) % 7);
    fc.assert(
      fc.property(fc.nat(350), fc.nat(350), (a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        for (const source of [oneHotSource(labels, 7), pixelSource(new Uint8Array(350).fill(99), 16)]) {
          expect(source.block(from, to)).toEqual(materialize(source).slice(from, to));
        }
      }),
    );
    const rows = materialize(oneHotSource(labels, 7));
    labels.forEach((label, row) => {
      expect([...rows.subarray(row * 7, row * 7 + 7)]).toEqual(
        Array.from({ length: 7 }, (_, i) => (i === label ? 1n : 0n)),
      );
    });
  });

  it('refuses labels beyond the classes', () => {
    expect(() => oneHotSource(Uint8Array.of(0, 3), 3)).toThrow('label 3 of image 1: expected 0 … 2');
  });
});

describe("an owner's input", () => {
  it('adds up, in shares and open, on edge values', async () => {
    const edges = BigUint64Array.of(0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n);
    const { parts } = await send('x', ringSource(edges));
    const [x0, x1, ofP2] = parts.map((part, id) => held(id as PartyId, part, edges.length));
    expect(z64.add(x0.data!, x1.data!)).toEqual(edges);
    expect(ofP2.data).toBeNull();
    const [U0, U1] = [ofP2.opening!.subarray(0, edges.length), ofP2.opening!.subarray(edges.length)];
    expect(x0.opening).toEqual(x1.opening);
    expect(z64.add(x0.opening!, z64.add(U0, U1))).toEqual(edges);
    expect(z64.sub(x0.data!, x0.opening!)).toEqual(U0);
    expect(x1.data).toEqual(U1);
  });

  it('goes to P1 once and from there to P0, in blocks, none of which repeats a mask', async () => {
    const pixels = Uint8Array.from({ length: 2 * BLOCK_ELEMENTS + 5 }, (_, i) => i % 251);
    const source = pixelSource(pixels, 16);
    const { parts, toP0, toP1, toP2 } = await send('images', source);
    const expected = [
      ['input/images', BLOCK_ELEMENTS],
      ['input/images/1', BLOCK_ELEMENTS],
      ['input/images/2', 5],
    ];
    for (const sent of [toP1, toP0]) expect([...sent].map(([label, data]) => [label, data.length])).toEqual(expected);
    expect([...toP2].map(([label, data]) => [label, data.length])).toEqual([['input/images/masks', 32]]);
    const x = z64.add(
      ...(([0, 1] as const).map((id) => held(id, parts[id], pixels.length).data!) as [BigUint64Array, BigUint64Array]),
    );
    expect(x).toEqual(materialize(source));
    for (const mask of parts[2].masks)
      expect(new Set([0, 1, 2].map((i) => mask.z64(i * BLOCK_ELEMENTS, 1)[0])).size).toBe(3);
  });

  it('looks uniform to each worker, whatever it is', async () => {
    const { parts } = await send('zeros', ringSource(new BigUint64Array(4096)));
    for (const id of [0, 1] as const) {
      const { data, opening } = held(id, parts[id], 4096);
      expect(chiSquareOf(opening!)).toBeLessThan(UNIFORM);
      expect(chiSquareOf(data!)).toBeLessThan(UNIFORM);
      // E is no mask that the worker knows: here it is −U, and neither −⟨U⟩₀ nor −⟨U⟩₁.
      expect(z64.add(opening!, parts[id].masks[0].z64(0, 4096))[0]).not.toBe(0n);
    }
  });

  it('gives P2 the same, whatever it is: two keys under a pad', async () => {
    const zeros = await send('x', ringSource(new BigUint64Array(9)));
    const ones = await send('x', ringSource(new BigUint64Array(9).fill(1n)));
    expect(zeros.toP2).toEqual(ones.toP2);
    const [sent] = [...zeros.toP2.values()];
    const keys = [pairs(1).P0, pairs(1).P1].map((pair) => pair.stream('input/x', 'masks').bytes(16));
    expect(Buffer.concat(keys).equals(sent as Uint8Array)).toBe(false);
    for (const key of keys) expect(Buffer.from(sent as Uint8Array).includes(Buffer.from(key))).toBe(false);
  });

  it('has masks of its own: another name, another session, another worker', async () => {
    const all = [
      await send('x', ringSource(new BigUint64Array(1))),
      await send('y', ringSource(new BigUint64Array(1))),
    ];
    all.push(await send('x', ringSource(new BigUint64Array(1)), pairs(10)));
    const first = all.flatMap(({ parts }) => parts[2].masks.map((mask) => mask.z64(0, 1)[0]));
    expect(new Set(first).size).toBe(6);
    expect(new Set(all.map(({ toP2 }) => Buffer.from([...toP2.values()][0] as Uint8Array).toString('hex'))).size).toBe(
      3,
    );
  });

  it('is the same again when a run goes on under its keys', async () => {
    const [first, again] = [
      await send('x', ringSource(BigUint64Array.of(7n, 8n, 9n))),
      await send('x', ringSource(BigUint64Array.of(7n, 8n, 9n))),
    ];
    expect([again.toP0, again.toP1, again.toP2]).toEqual([first.toP0, first.toP1, first.toP2]);
  });

  it('in a private session reaches P0 as the owner has sent it, or not at all', async () => {
    const values = BigUint64Array.from({ length: BLOCK_ELEMENTS + 3 }, (_, i) => BigInt(i));
    const streams = pairs(1);
    const [ofOwner, toP1, toP2] = [new Mailbox(), new Mailbox(), new Mailbox()];
    const links = { P0: ofOwner.link, P1: toP1.link, P2: toP2.link };
    await shareInput('x', ringSource(values), { links, streams });
    const toP0 = new Mailbox();
    await relayInput('x', values.length, { link: toP1.link, streams: streams.P1 }, toP0.link);
    expect([...ofOwner.sent].map(([label, data]) => [label, data.length])).toEqual([['input/x/digest', 32]]);
    const receive = (link: Link = toP0.link): Promise<OwnedInput> =>
      receiveInput('x', values.length, { streams: streams.P0, link: ofOwner.link }, link);
    expect((await receive()).opened!.length).toBe(values.length);
    // Each block, and the digest.
    const [first, second] = [...toP0.sent.values()] as BigUint64Array[];
    for (const [block, at] of [
      [first, 0],
      [first, BLOCK_ELEMENTS - 1],
      [second, 2],
    ] as const) {
      block[at] ^= 1n << 63n;
      await expect(receive()).rejects.toThrow('input/x: P1 has passed on to P0 other values than the owner has sent');
      block[at] ^= 1n << 63n;
    }
    (ofOwner.sent.get('input/x/digest') as Uint8Array)[31] ^= 1;
    await expect(receive()).rejects.toThrow('other values than the owner has sent');
    ofOwner.sent.clear();
    await expect(receive()).rejects.toThrow('no input/x/digest');
  });

  it('fails where a message is missing', async () => {
    const empty = new Mailbox().link;
    await expect(receiveMasks('x', { link: empty, streams: pairs(1).P2 })).rejects.toThrow('no input/x/masks');
    await expect(receiveInput('x', 3, { streams: pairs(1).P0 }, empty)).rejects.toThrow('no input/x');
    await expect(relayInput('x', 3, { link: empty, streams: pairs(1).P1 }, empty)).rejects.toThrow('no input/x');
  });

  it('stops P1 when the link to P0 fails', async () => {
    const { toP1 } = await send('x', ringSource(BigUint64Array.of(7n, 8n, 9n)));
    const link = { receive: () => Promise.resolve({ data: toP1.get('input/x'), depth: 0 }) } as unknown as Link;
    const broken = { send: () => Promise.reject(new Error('P0 is gone')) } as unknown as Link;
    await expect(relayInput('x', 3, { link, streams: pairs(1).P1 }, broken)).rejects.toThrow('P0 is gone');
  });
});
