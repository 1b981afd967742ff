import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Link } from '../../src/channel/channel.ts';
import { materialize, oneHotSource, pixelSource, ringSource, type Source } from '../../src/data/encode.ts';
import { BLOCK_ELEMENTS, drawInputShare, receiveInputShare, shareInput } from '../../src/data/share.ts';
import { PairStreams } from '../../src/random/streams.ts';

/** Both ends of a link on which only messages by label matter. */
function mailbox(): { link: Link; sent: Map<string, BigUint64Array> } {
  const sent = new Map<string, BigUint64Array>();
  const link = {
    send: (label: string, data: BigUint64Array) => Promise.resolve(void sent.set(label, data)),
    receive: (label: string, _: string, length: number) => {
      const data = sent.get(label)!;
      expect(data.length).toBe(length);
      return Promise.resolve({ data, depth: 0 });
    },
  } as unknown as Link;
  return { link, sent };
}

const KEY = new Uint8Array(16).fill(7);

async function roundTrip(name: string, source: Source): Promise<{ x0: BigUint64Array; x1: BigUint64Array }> {
  const { link } = mailbox();
  await shareInput(name, source, new PairStreams(KEY), link);
  const x0 = await drawInputShare(name, source.elements, new PairStreams(KEY));
  const x1 = await receiveInputShare(name, source.elements, link);
  return { x0, x1 };
}

const sum = (a: BigUint64Array, b: BigUint64Array): bigint[] => Array.from(a, (x, i) => BigInt.asUintN(64, x + b[i]));

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

describe('sharing an input', () => {
  it('adds up, on edge values', async () => {
    const edges = BigUint64Array.of(0n, 1n, 2n ** 32n - 1n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n);
    const { x0, x1 } = await roundTrip('x', ringSource(edges));
    expect(sum(x0, x1)).toEqual([...edges]);
  });

  it('adds up over several blocks, none of which repeats a mask', async () => {
    const pixels = Uint8Array.from({ length: 2 * BLOCK_ELEMENTS + 5 }, (_, i) => i % 251);
    const source = pixelSource(pixels, 16);
    const { link, sent } = mailbox();
    await shareInput('images', source, new PairStreams(KEY), link);
    expect([...sent].map(([label, data]) => [label, data.length])).toEqual([
      ['input/images/0', BLOCK_ELEMENTS],
      ['input/images/1', BLOCK_ELEMENTS],
      ['input/images/2', 5],
    ]);
    const x0 = await drawInputShare('images', source.elements, new PairStreams(KEY));
    const x1 = await receiveInputShare('images', source.elements, link);
    for (const i of [0, 1, BLOCK_ELEMENTS - 1, BLOCK_ELEMENTS, 2 * BLOCK_ELEMENTS, pixels.length - 1]) {
      expect(BigInt.asUintN(64, x0[i] + x1[i])).toBe(source.block(i, i + 1)[0]);
    }
    expect(new Set([x0[0], x0[BLOCK_ELEMENTS], x0[2 * BLOCK_ELEMENTS]]).size).toBe(3);
  });

  it('gives P1 values that look uniform, whatever the input', async () => {
    const { x1 } = await roundTrip('zeros', ringSource(new BigUint64Array(4096)));
    const bytes = new Uint8Array(x1.buffer);
    const counts = new Array<number>(256).fill(0);
    for (const byte of bytes) counts[byte]++;
    const expected = bytes.length / 256;
    const chiSquare = counts.reduce((total, count) => total + (count - expected) ** 2 / expected, 0);
    // 255 degrees of freedom: beyond 400 with probability below 10^-7. The key is fixed, so this never flickers.
    expect(chiSquare).toBeLessThan(400);
    const other = await roundTrip('other', ringSource(new BigUint64Array(16)));
    expect(other.x1[0]).not.toBe(x1[0]);
  });

  it('lets others have their turn while P0 draws a large share', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 0);
    await drawInputShare('images', 40 * BLOCK_ELEMENTS, new PairStreams(KEY));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
  });
});
