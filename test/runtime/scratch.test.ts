/** Borrowed arrays never share a byte, and all room comes back. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Scratch } from '../../runtime/scratch.ts';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';
import { expectSame } from '../reference/same.ts';
import { TestRandom } from '../reference/random.ts';

const SIZE = 100_000;
const room = (length: number): number => Math.ceil(length / 64) * 64;

describe('scratch', () => {
  it('gives each taker bytes of its own, whatever is taken and given back', () => {
    const length = fc.integer({ min: 1, max: 30_000 });
    fc.assert(
      fc.property(fc.array(fc.tuple(length, fc.nat())), (steps) => {
        const buffer = new ArrayBuffer(SIZE + 64);
        const scratch = new Scratch(buffer, 64, SIZE + 64, room);
        const held: Uint8Array[] = [];
        steps.forEach(([size, choice], i) => {
          if (choice % 2 === 0 && held.length > 0) {
            const [array] = held.splice(choice % held.length, 1);
            expect(new Set(array).size).toBe(1); // as it was filled
            scratch.give(array);
          } else {
            const array = scratch.take(size);
            expect(array.length).toBe(size);
            held.push(array.fill(i));
          }
        });
        scratch.give(...held);
        const whole = scratch.take(SIZE - (SIZE % 64));
        expect(whole.buffer).toBe(buffer);
      }),
    );
  });

  it('makes arrays where there is no room, and small ones', () => {
    const scratch = new Scratch(new ArrayBuffer(SIZE), 0, SIZE, room);
    const [first, second, small] = [scratch.take(60_000), scratch.take(60_000), scratch.take(10)];
    expect(first.buffer.byteLength).toBe(SIZE);
    expect(second.buffer.byteLength).toBe(60_000);
    expect(small.buffer.byteLength).toBe(10);
    scratch.give(small, second, first);
    expect(() => scratch.give(first)).toThrow('given back twice');
  });

  it("a wasm compute's arrays are operands and results like any other", async () => {
    const compute = await createWasmCompute({ workers: 0 });
    const random = new TestRandom(3);
    const source = random.bytes(50_001, 256);
    for (const prime of [17, 31, 67] as const) {
      const [out, lent] = [new Uint8Array(50_001), compute.scratch.take(50_001)];
      const end = compute.sample(prime, 0, source, out, 0);
      expect(compute.sample(prime, 0, source, lent, 0)).toBe(end);
      expectSame(lent.subarray(0, end), out.subarray(0, end));
      const packed = compute.pack(prime, out.subarray(0, end));
      expectSame(compute.pack(prime, lent.subarray(0, end)), packed);
      const unpacked = compute.scratch.take(end);
      expectSame(compute.unpack(prime, packed, end, unpacked), out.subarray(0, end));
      compute.scratch.give(lent, unpacked);
    }
    const [out, lent] = [new Uint8Array(99_999), compute.scratch.take(99_999)];
    compute.sampleNibbles(source, 99_999, out, 0);
    compute.sampleNibbles(source, 99_999, lent, 0);
    expectSame(lent, out);
    await compute.close();
  });
});
