/** AES and SHA-256 of a page are the same, bit for bit, as Node's own. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import * as node from '../../src/random/aes-node.ts';
import * as web from '../../src/random/aes-web.ts';

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const plain = (from: Uint8Array): number[] => Array.from(from);

it('hashes alike', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (text) => {
      expect(plain(web.sha256(text))).toEqual(plain(node.sha256(text)));
    }),
  );
});

it('encrypts blocks alike', () => {
  const blocks = fc.integer({ min: 0, max: 40 }).chain((count) => bytes(16 * count));
  fc.assert(
    fc.property(bytes(16), blocks, (key, text) => {
      expect(plain(web.aesKey(key).blocks(text))).toEqual(plain(node.aesKey(key).blocks(text)));
    }),
  );
});

it('gives the same key stream, however it is cut, over the end of a byte of the counter', () => {
  const cuts = fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 8 });
  const from = fc.constantFrom(0, 1, 255, 2 ** 16 - 3, 2 ** 24 - 5, 2 ** 32 - 2 ** 12);
  fc.assert(
    fc.property(bytes(16), bytes(16), from, cuts, (key, first, count, lengths) => {
      new DataView(first.buffer).setUint32(12, count);
      const [here, there] = [node, web].map(({ aesKey }) => aesKey(key).counter(first));
      for (const length of lengths) {
        const zeros = new Uint8Array(length);
        expect(Buffer.compare(here.update(zeros), there.update(zeros))).toBe(0);
      }
    }),
    { numRuns: 50 },
  );
});

it('refuses a key of another length', () => {
  for (const { aesKey } of [node, web]) expect(() => aesKey(new Uint8Array(15)).blocks(new Uint8Array(16))).toThrow();
});
