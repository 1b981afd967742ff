import { createCipheriv, createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { CipherStream, type Stream } from '../../src/random/stream.ts';
import { PairStreams } from '../../src/random/streams.ts';

const KEY = Uint8Array.from({ length: 16 }, (_, i) => i + 1);
type Values = Uint8Array | BigUint64Array;
const SAMPLERS: readonly ((stream: Stream, n: number) => Values)[] = [
  (s, n) => s.bytes(n),
  (s, n) => s.z64(n),
  (s, n) => s.zp(17, n),
  (s, n) => s.zpStar(17, n),
  (s, n) => s.zp(67, n),
  (s, n) => s.zpStar(31, n),
  (s, n) => s.below(5, n),
  (s, n) => s.bits(n),
];

/** With its length in front. */
function framed(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** The key stream by its definition, one block at a time through AES-ECB. */
function blocks(path: string, purpose: string, count: number): Buffer {
  const address = createHash('sha256').update(framed(path)).update(framed(purpose)).digest().subarray(0, 12);
  const out: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(i);
    out.push(createCipheriv('aes-128-ecb', KEY, null).update(Buffer.concat([address, counter])));
  }
  return Buffer.concat(out);
}

describe('PairStreams', () => {
  it('AES-128-CTR known answer (SP 800-38A F.5.1): a stream is the encryption of zeros', () => {
    const key = Buffer.from('2b7e151628aed2a6abf7158809cf4f3c', 'hex');
    const counter = Buffer.from('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', 'hex');
    const stream = new CipherStream(createCipheriv('aes-128-ctr', key, counter), 1024);
    const plain = Buffer.from('6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51', 'hex');
    const cipher = '874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff';
    expect(Buffer.from(stream.bytes(32).map((b, i) => b ^ plain[i])).toString('hex')).toBe(cipher);
  });

  it('the counter block is the address and a counter from 0, also across pieces', () => {
    const streams = new PairStreams(KEY);
    for (const [path, purpose] of [
      ['train/3/conv1', 'mask'],
      ['', ''],
      ['ä€😀', 'ü'],
    ]) {
      expect(
        Buffer.from(streams.stream(path, purpose).bytes(100)).equals(blocks(path, purpose, 7).subarray(0, 100)),
      ).toBe(true);
    }
    const long = streams.stream('p', 'q').bytes(70_000);
    expect(Buffer.from(long).equals(blocks('p', 'q', 4375))).toBe(true);
  });

  it.each([1, 255, 256, 257, 300, 8191, 8192, 8193, 65_535, 65_536, 65_537])(
    'a first draw of %i bytes, and what follows it',
    (n) => {
      const expected = blocks('p', 'q', 5400).subarray(0, n + 20_003);
      const stream = new PairStreams(KEY).stream('p', 'q');
      const drawn = [stream.bytes(n), stream.bytes(3), stream.bytes(20_000)];
      expect(Buffer.concat(drawn).equals(expected)).toBe(true);
    },
  );

  it.each([
    [0, 1],
    [1, 1],
    [1, 2],
    [1022, 1],
    [1023, 3],
    [131_071, 1025],
    [3, 20_000],
    [5, 0],
  ])('a table from element %i on: %i elements of the same stream', (from, n) => {
    const streams = new PairStreams(KEY);
    const expected = streams
      .stream('p', 'q')
      .z64(from + n)
      .subarray(from);
    const table = streams.table('p', 'q');
    expect(table.z64(from, n)).toEqual(expected);
    expect(table.z64(from, n)).toEqual(expected);
  });

  it.each([
    [1, [5, 0, 8]],
    [3, [0, 4, 9]],
    [10, [30, 31, 30, 0]],
    [784, [784 * 7, 784 * 3, 784 * 4, 0, 1, 784 * 100, 784 * 2, 784 * 9, 784 * 11, 784 * 5, 784 * 6]],
    [20_000, [20_000, 1]],
    [4, []],
  ])('a table gives rows of %i elements from %j on', (n, starts) => {
    const table = new PairStreams(KEY).table('p', 'q');
    const expected = starts.flatMap((from) => [...table.z64(from, n)]);
    expect(Array.from(table.rows(starts, n))).toEqual(expected);
  });

  it('a table ends where the block counter would wrap, and counts blocks in all its bytes', () => {
    const table = new PairStreams(KEY).table('p', 'q');
    const last = table.z64(2 ** 33 - 2, 2);
    const counter = Buffer.concat([
      createHash('sha256').update(framed('p')).update(framed('q')).digest().subarray(0, 12),
      Buffer.from('ffffffff', 'hex'),
    ]);
    const block = createCipheriv('aes-128-ecb', KEY, null).update(counter);
    expect([...last]).toEqual([block.readBigUInt64LE(0), block.readBigUInt64LE(8)]);
    expect(table.rows([2 ** 33 - 2], 2)).toEqual(last);
    for (const [from, n] of [
      [2 ** 33 - 2, 3],
      [-1, 1],
      [0.5, 1],
      [0, -1],
    ]) {
      expect(() => table.z64(from, n)).toThrow(RangeError);
      expect(() => table.rows([0, from], n)).toThrow(RangeError);
    }
  });

  it('both ends draw the same, other keys, paths and purposes draw others', () => {
    const drawn = (key: Uint8Array, path: string, purpose: string) =>
      new PairStreams(key).stream(path, purpose).z64(8).join();
    expect(drawn(KEY, 'a', 'b')).toBe(drawn(KEY.slice(), 'a', 'b'));
    const other = KEY.slice();
    other[15] ^= 1;
    const all = [
      drawn(KEY, 'a', 'b'),
      drawn(other, 'a', 'b'),
      drawn(KEY, 'b', 'a'),
      drawn(KEY, 'a', 'c'),
      drawn(KEY, 'ab', ''),
      drawn(KEY, '', 'ab'),
      drawn(KEY, 'a\0', 'b'),
      drawn(KEY, 'a', '\0b'),
    ];
    expect(new Set(all).size).toBe(all.length);
  });

  it('does not depend on the order in which streams are opened and read', () => {
    const [one, two] = [new PairStreams(KEY), new PairStreams(KEY)];
    const a1 = one.stream('a', 'm');
    const b1 = one.stream('b', 'm');
    const first = [a1.zp(17, 100), b1.zp(17, 100), a1.zp(17, 100)];
    const b2 = two.stream('b', 'm');
    const second = [b2.zp(17, 100)];
    const a2 = two.stream('a', 'm');
    expect([a2.zp(17, 100), second[0], a2.zp(17, 100)]).toEqual(first);
  });

  it('no value is drawn twice: long draws hold no repeated block', () => {
    const z = new PairStreams(KEY).stream('x', 'y').z64(200_000);
    expect(new Set(z).size).toBe(z.length);
  });

  it('keeps its key and its state to itself', () => {
    const streams = new PairStreams(KEY);
    const stream = streams.stream('a', 'b');
    stream.bytes(10);
    for (const object of [streams, stream]) {
      const shown =
        inspect(object, { showHidden: true, depth: 10 }) + JSON.stringify(object) + Object.keys(object).join();
      expect(shown).toMatch(/^(PairStreams|CipherStream) \{\}\{\}$/);
    }
  });

  it('copies its key', () => {
    const key = KEY.slice();
    const streams = new PairStreams(key);
    key.fill(0);
    expect(streams.stream('a', 'b').bytes(16)).toEqual(new PairStreams(KEY).stream('a', 'b').bytes(16));
  });

  it('refuses wrong keys and ambiguous addresses', () => {
    expect(() => new PairStreams(new Uint8Array(15))).toThrow('stream key: expected 16 bytes, found 15');
    const streams = new PairStreams(KEY);
    expect(() => streams.stream('\ud800', 'x')).toThrow('well-formed');
    expect(() => streams.stream('x', 'a\udfff')).toThrow('well-formed');
  });
});

describe('Stream', () => {
  const open = () => new PairStreams(KEY).stream('s', 't');

  it('parts of a draw equal the whole, for every sampler (where a part ends on a whole byte)', () => {
    for (const draw of SAMPLERS) {
      const whole = [...draw(open(), 150_000)];
      const stream = open();
      const parts = [8, 64, 0, 65_536, 70_000, 14_392].flatMap((n): (number | bigint)[] => [...draw(stream, n)]);
      expect(parts.length).toBe(whole.length);
      expect(parts.every((value, i) => value === whole[i])).toBe(true);
    }
  });

  it('different samplers continue on one another', () => {
    const stream = open();
    const all = open().bytes(64);
    expect(stream.bytes(3)).toEqual(all.slice(0, 3));
    expect(stream.bits(9)).toEqual(
      Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7, 8], (i) => (all[3 + (i >> 3)] >> (i & 7)) & 1),
    );
    expect(stream.zpStar(17, 3)).toEqual(Uint8Array.of((all[5] & 15) + 1, (all[5] >> 4) + 1, (all[6] & 15) + 1));
    expect(stream.z64(1)).toEqual(new BigUint64Array(all.slice(7, 15).buffer));
    const rest = [...all.slice(15)].filter((b) => b < 201);
    expect([...stream.zp(67, 10)]).toEqual(rest.slice(0, 10).map((b) => b % 67));
  });

  it('n = 0 gives nothing and moves nothing; other counts are checked', () => {
    for (const draw of SAMPLERS) {
      const stream = open();
      expect(draw(stream, 0).length).toBe(0);
      expect(stream.bytes(16)).toEqual(open().bytes(16));
      for (const n of [-1, 1.5, NaN, Infinity]) expect(() => draw(stream, n)).toThrow(`cannot draw ${n} samples`);
    }
    expect(() => open().zp(15, 1)).toThrow('Z_p: expected an odd prime below 256, found 15');
    expect(() => open().below(0, 1)).toThrow('bound 0: expected an integer in 1…256');
    expect([...open().below(1, 3)]).toEqual([0, 0, 0]);
  });

  it('ends at its limit instead of repeating', () => {
    const limited = () => new CipherStream(createCipheriv('aes-128-ctr', KEY, Buffer.alloc(16)), 1000);
    const stream = limited();
    expect(stream.bytes(999).length).toBe(999);
    expect(stream.bytes(1).length).toBe(1);
    expect(() => stream.bytes(1)).toThrow('a random stream ends after 1000 bytes');
    expect(() => limited().z64(126)).toThrow('ends after 1000 bytes');
    expect(() => limited().zp(17, 1001)).toThrow('ends after 1000 bytes');
  });
});
