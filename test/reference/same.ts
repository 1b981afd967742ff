import { expect } from 'vitest';

/** Bit-for-bit equality. As `toEqual`, which takes seconds for a megabyte, and names the first difference. */
export function expectSame<T extends Uint8Array | BigUint64Array>(actual: T | undefined, expected: T): void {
  expect(actual?.constructor.name).toBe(expected.constructor.name);
  if (actual === undefined) return;
  expect(actual.length, 'length').toBe(expected.length);
  if (Buffer.compare(bytesOf(actual), bytesOf(expected)) === 0) return;
  const index = expected.findIndex((value: number | bigint, i) => value !== actual[i]);
  expect(actual[index], `element ${index} of ${expected.length}`).toBe(expected[index]);
}

function bytesOf(values: Uint8Array | BigUint64Array): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}
