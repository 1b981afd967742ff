/** The digest of what two workers have opened: of the set of openings, whatever their order. */
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { DIGEST_BYTES, OpeningDigest, OpeningKeys } from '../../src/random/openings.ts';
import { PairStreams } from '../../src/random/streams.ts';

interface Opening {
  readonly path: string;
  readonly purpose: string;
  readonly value: Uint8Array;
}

const key = new Uint8Array(randomBytes(16));
const keysOf = (bytes: Uint8Array): OpeningKeys => new OpeningKeys(new PairStreams(bytes).stream('openings', 'keys'));
const keys = keysOf(key);
const openings = (count: number): Opening[] =>
  Array.from({ length: count }, (_, i) => ({
    path: `/step/${i >> 2}`,
    purpose: 'abcd'[i & 3],
    value: new Uint8Array(randomBytes(24)),
  }));

function digestOf(list: readonly Opening[], under: OpeningKeys = keys): Uint8Array {
  const digest = new OpeningDigest(under);
  for (const { path, purpose, value } of list) digest.add(path, purpose, value);
  return digest.take();
}

describe('a digest of openings', () => {
  it('is the same in every order, and counts', () => {
    for (const count of [0, 1, 5, 1023, 1024, 1025, 2500]) {
      const list = openings(count);
      const digest = digestOf(list);
      expect(digest).toHaveLength(DIGEST_BYTES);
      expect(digestOf(list.toReversed())).toEqual(digest);
      expect(digestOf(list.toSorted((a, b) => Buffer.compare(a.value, b.value)))).toEqual(digest);
      expect(Buffer.from(digest).readBigUInt64LE(16)).toBe(BigInt(count));
    }
  });

  it('is what its page says', () => {
    const stream = new PairStreams(key).stream('openings', 'keys');
    const [tags, blocks] = [stream.bytes(32), stream.bytes(16)];
    const list = openings(9);
    const sum = Buffer.alloc(16);
    for (const { path, purpose, value } of list) {
      const text = (part: string): Buffer => {
        const length = Buffer.alloc(4);
        length.writeUInt32BE(part.length);
        return Buffer.concat([length, Buffer.from(part)]);
      };
      const address = createHash('sha256').update(text(path)).update(text(purpose)).digest().subarray(0, 12);
      const gmac = createCipheriv('aes-256-gcm', tags, address, { authTagLength: 16 });
      gmac.setAAD(value).final();
      const block = createCipheriv('aes-128-ecb', blocks, null).setAutoPadding(false).update(gmac.getAuthTag());
      block.forEach((byte, i) => (sum[i] ^= byte));
    }
    expect(Buffer.from(digestOf(list).subarray(0, 16))).toEqual(sum);
  });

  it('differs for every other bit, place, number of openings and key', () => {
    const list = openings(6);
    const digest = digestOf(list);
    const change = (i: number, other: Partial<Opening>): Opening[] =>
      list.map((opening, at) => (at === i ? { ...opening, ...other } : opening));
    for (let bit = 0; bit < 8 * 24; bit += 5) {
      const value = list[2].value.slice();
      value[bit >> 3] ^= 1 << (bit & 7);
      expect(digestOf(change(2, { value }))).not.toEqual(digest);
    }
    expect(digestOf(change(0, { path: '/step/9' }))).not.toEqual(digest);
    expect(digestOf(change(0, { purpose: 'z' }))).not.toEqual(digest);
    expect(digestOf(change(0, { value: list[0].value.subarray(8) }))).not.toEqual(digest);
    expect(digestOf(list.slice(1))).not.toEqual(digest);
    expect(digestOf([...list, { ...list[0], purpose: 'e' }])).not.toEqual(digest);
    expect(digestOf(list, keysOf(new Uint8Array(16)))).not.toEqual(digest);
  });

  it('tells values that have changed places, and changes that are alike', () => {
    const list = openings(2);
    const swapped = [
      { ...list[0], value: list[1].value },
      { ...list[1], value: list[0].value },
    ];
    expect(digestOf(swapped)).not.toEqual(digestOf(list));
    // What is added up is no sum of what was changed: two changes alike do not take each other away.
    const alike = list.map((opening) => ({ ...opening, value: opening.value.map((byte, i) => byte ^ +(i === 7)) }));
    expect(digestOf(alike)).not.toEqual(digestOf(list));
  });

  it('begins anew once it is taken', () => {
    const list = openings(4);
    const digest = new OpeningDigest(keys);
    for (const part of [list.slice(0, 3), list.slice(3)]) {
      for (const { path, purpose, value } of part) digest.add(path, purpose, value);
      expect(digest.take()).toEqual(digestOf(part));
    }
    expect(digest.take()).toEqual(new Uint8Array(DIGEST_BYTES));
  });
});
