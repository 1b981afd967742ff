import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/data/problem.ts';
import { formatSafetensors, parseSafetensors, type FloatTensor } from '../../src/data/safetensors.ts';

/** A file with this header, as text or object, and this many bytes of data. */
function fileWith(header: unknown, dataBytes = 0): Uint8Array {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const f64 = (shape: readonly number[], begin: number, end: number): object => ({
  dtype: 'F64',
  shape,
  data_offsets: [begin, end],
});

describe('safetensors', () => {
  it('gives back what was written', () => {
    const tensor = fc
      .array(fc.double({ noNaN: true }), { maxLength: 12 })
      .map((values): FloatTensor => ({ shape: [values.length, 1], data: Float64Array.from(values) }));
    const name = fc.string().filter((text) => text !== '__metadata__' && text !== '__proto__');
    fc.assert(
      fc.property(fc.dictionary(name, tensor), fc.dictionary(name, fc.string()), (tensors, metadata) => {
        const file = { tensors: new Map(Object.entries(tensors)), metadata: new Map(Object.entries(metadata)) };
        const bytes = formatSafetensors(file);
        expect(new DataView(bytes.buffer).getUint32(0, true) % 8).toBe(0);
        // A Buffer is what reading a file gives; its memory is shared with others.
        const read = parseSafetensors(Buffer.from(bytes), 'x');
        expect(new Map([...read.tensors].sort())).toEqual(new Map([...file.tensors].sort()));
        expect(new Map([...read.metadata].sort())).toEqual(new Map([...file.metadata].sort()));
      }),
    );
  });

  it('refuses every truncation', () => {
    const tensors = new Map([['w', { shape: [3], data: Float64Array.of(1, 2, 3) }]]);
    const whole = formatSafetensors({ tensors, metadata: new Map([['k', 'v']]) });
    for (let length = 0; length < whole.length; length++) {
      expect(() => parseSafetensors(whole.subarray(0, length), 'x'), `${length} bytes`).toThrow(Problem);
    }
  });

  it.each<[string, Uint8Array, RegExp]>([
    ['a header longer than any', new Uint8Array(16).fill(0xff), /header length: expected at most 1048576/],
    ['a header that is no JSON', fileWith('{"a":'), /not a JSON object/],
    ['a header that is no object', fileWith('[1]'), /not a JSON object/],
    ['bytes that are no UTF-8', fileWith('"\ud800"').map((byte) => (byte === 0xef ? 0xff : byte)), /not a JSON object/],
    ['metadata that are no texts', fileWith({ __metadata__: { a: 1 } }), /__metadata__ is not a list of texts/],
    [
      'another element type',
      fileWith({ w: { ...f64([1], 0, 4), dtype: 'F32' } }, 4),
      /expected element type F64, found F32/,
    ],
    ['a shape of another size', fileWith({ w: f64([2], 0, 8) }, 8), /w \[2\]: expected 16 bytes, found offsets 0 to 8/],
    ['offsets that run backwards', fileWith({ w: f64([1], 8, 0) }, 8), /expected 8 bytes/],
    ['a negative offset', fileWith({ w: f64([1], -8, 0) }, 8), /tensor w: data_offsets/],
    ['a fractional extent', fileWith({ w: f64([0.5], 0, 4) }, 4), /tensor w: shape/],
    ['an extent beyond numbers', fileWith({ w: f64([2 ** 53, 2 ** 53, 0], 0, 8) }, 8), /tensor w/],
    ['overlapping tensors', fileWith({ a: f64([2], 0, 16), b: f64([1], 8, 16) }, 16), /b overlaps/],
    ['a gap', fileWith({ a: f64([1], 0, 8), b: f64([1], 16, 24) }, 24), /b leaves a gap/],
    ['bytes after the end', fileWith({ a: f64([1], 0, 8) }, 9), /bytes after the last tensor/],
    ['offsets beyond the end', fileWith({ a: f64([2], 0, 16) }, 8), /truncated: expected 16 bytes of data, found 8/],
    ['an unknown field', fileWith({ a: { ...f64([1], 0, 8), more: 1 } }, 8), /tensor a/],
  ])('refuses %s', (_, bytes, message) => {
    expect(() => parseSafetensors(bytes, 'x')).toThrow(Problem);
    expect(() => parseSafetensors(bytes, 'x')).toThrow(message);
  });

  it('reads arbitrary bytes or refuses them in words', () => {
    const whole = formatSafetensors({
      tensors: new Map([['w', { shape: [2], data: Float64Array.of(1, 2) }]]),
      metadata: new Map(),
    });
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
        const changed = whole.slice();
        changed[at] = byte;
        try {
          parseSafetensors(changed, 'x');
        } catch (error) {
          expect(error).toBeInstanceOf(Problem);
        }
      }),
      { numRuns: 500 },
    );
  });
});
