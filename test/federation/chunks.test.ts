import { createHash, createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CHUNK_BYTES,
  chunkBytes,
  chunksOf,
  openedBytes,
  packKeys,
  PARTS,
  unpackKeys,
  type ChunkPlace,
} from '../../src/federation/chunks.ts';
import { digestOfChunks, openChunk, sealChunk } from '../../src/federation/chunk-cipher.ts';

const KEY = Buffer.alloc(32, 7);
const PLACE: ChunkPlace = { data: 'ab'.repeat(32), part: 'images', number: 3 };

describe('chunks', () => {
  it('cut the whole of a part, the last one shorter', () => {
    const sizes = fc.record({
      images: fc.integer({ min: 1, max: 100_000 }),
      rows: fc.integer({ min: 1, max: 40 }),
      columns: fc.integer({ min: 1, max: 40 }),
      channels: fc.integer({ min: 1, max: 4 }),
      classes: fc.integer({ min: 2, max: 100 }),
    });
    fc.assert(
      fc.property(sizes, fc.constantFrom(...PARTS), (document, part) => {
        const chunks = chunksOf(document, part);
        const bytes = Array.from({ length: chunks }, (_, number) => chunkBytes(document, part, number));
        expect(bytes.reduce((sum, each) => sum + each, 0)).toBe(openedBytes(document, part));
        expect(bytes.every((each, i) => each > 0 && (i === chunks - 1 || each === CHUNK_BYTES))).toBe(true);
        expect(chunkBytes(document, part, chunks)).toBe(0);
        expect(chunkBytes(document, part, -1)).toBe(0);
      }),
    );
  });

  it('open where they belong, and nowhere else', () => {
    const sealed = sealChunk(KEY, PLACE, Buffer.from('uniform'));
    expect(openChunk(KEY, PLACE, sealed)?.toString()).toBe('uniform');
    expect(openChunk(Buffer.alloc(32), PLACE, sealed)).toBeUndefined();
    for (const other of [{ number: 4 }, { part: 'labels' as const }, { data: 'cd'.repeat(32) }]) {
      expect(openChunk(KEY, { ...PLACE, ...other }, sealed)).toBeUndefined();
    }
  });

  it('with any bit changed, or cut at any place, do not open', () => {
    const sealed = sealChunk(KEY, PLACE, Buffer.from('uniform'));
    for (let i = 0; i < sealed.length; i++) {
      const changed = Buffer.from(sealed);
      changed[i] ^= 1 << (i % 8);
      expect(openChunk(KEY, PLACE, changed)).toBeUndefined();
      expect(openChunk(KEY, PLACE, sealed.subarray(0, i))).toBeUndefined();
    }
  });

  it('have a digest of digests, in order, under the content key', () => {
    const [one, two] = ['one', 'two'].map((text) => createHash('sha256').update(text).digest());
    const whole = createHmac('sha256', KEY)
      .update('securenn opened\0')
      .update(Buffer.concat([one, two]))
      .digest('hex');
    expect(digestOfChunks(KEY, [one, two])).toBe(whole);
    expect(digestOfChunks(KEY, [two, one])).not.toBe(whole);
  });

  it('have a digest by which P2, who can open it, cannot try what is in it', () => {
    // The labels of two images. P2 has both masks, so for each guess it has the E that would be uploaded.
    const mask = BigUint64Array.from({ length: 20 }, () => randomBytes(8).readBigUInt64LE());
    const guesses = Array.from({ length: 100 }, (_, i) => {
      const oneHot = new BigUint64Array(20);
      oneHot[i % 10] = 1n;
      oneHot[10 + Math.floor(i / 10)] = 1n;
      return createHash('sha256')
        .update(oneHot.map((x, at) => x - mask[at]))
        .digest();
    });
    const document = digestOfChunks(randomBytes(32), [guesses[37]]);
    const plain = guesses.map((guess) => createHash('sha256').update(guess).digest('hex'));
    const known = [randomBytes(32), new Uint8Array(32), new Uint8Array()];
    expect(plain).not.toContain(document);
    for (const key of known) expect(guesses.map((guess) => digestOfChunks(key, [guess]))).not.toContain(document);
  });
});

describe('keys of a data set', () => {
  it('are packed and unpacked by party, by their length alone', () => {
    const [content, mask, other] = [new Uint8Array(32).fill(1), new Uint8Array(16).fill(2), new Uint8Array(16).fill(3)];
    expect(unpackKeys('P0', packKeys({ content, masks: [mask] }))).toEqual({ content, masks: [mask] });
    expect(unpackKeys('P1', packKeys({ content, masks: [mask] }))).toEqual({ content, masks: [mask] });
    expect(unpackKeys('P2', packKeys({ masks: [mask, other] }))).toEqual({ masks: [mask, other] });
    expect(unpackKeys('P2', packKeys({ content, masks: [mask] }))).toBeUndefined();
    expect(unpackKeys('P0', new Uint8Array(47))).toBeUndefined();
  });
});
