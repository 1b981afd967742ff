import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Compute } from '../../runtime/compute.ts';
import type { Gpu } from '../../runtime/webgpu/device.ts';
import { Dispatcher, type Step } from '../../runtime/webgpu/dispatch.ts';
import { elementwiseStep, type ElementwiseJob } from '../../runtime/webgpu/elementwise.ts';
import { readShaderFile } from '../../runtime/webgpu/node.ts';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';
import { TestRandom } from '../reference/random.ts';
import { expectSame } from '../reference/same.ts';
import { openTestDevice } from './open.ts';

const ONES = (1n << 64n) - 1n;
const OPERATIONS = {
  add: (a: bigint, b: bigint) => a + b,
  subtract: (a: bigint, b: bigint) => a - b,
  multiply: (a: bigint, b: bigint) => a * b,
} as const;

let gpu: Gpu;
let cpu: Compute;
let dispatcher: Dispatcher;
const random = new TestRandom(31);

beforeAll(async () => {
  gpu = await openTestDevice();
  cpu = await createWasmCompute({ workers: 0 });
  dispatcher = new Dispatcher(gpu, readShaderFile);
});

afterAll(async () => {
  gpu.close();
  await cpu.close();
});

const run = (job: ElementwiseJob): Promise<BigUint64Array> => dispatcher.run(elementwiseStep(gpu, job) as Step);

/** Random numbers, and among them those where carries and shifts go wrong. */
function values(length: number): BigUint64Array {
  const out = random.ring(length);
  [0n, 1n, ONES, 1n << 63n, 0xffffffffn, 1n << 32n].forEach((value, i) => {
    if (i < length) out[i] = value;
  });
  return out;
}

describe.each(['add', 'subtract', 'multiply'] as const)('%s', (operation) => {
  test.each([
    ['element by element', 130, 130],
    ['a row, as a bias', 130, 13],
    ['a public number', 65, 1],
    ['one element', 1, 1],
  ])('%s', async (_name, length, period) => {
    const x = values(length);
    const y = values(period).reverse();
    const expected = x.map((a, i) => BigInt.asUintN(64, OPERATIONS[operation](a, y[i % period])));
    expectSame(await run({ operation, x, y }), expected);
  });
});

test.each([0, 1] as const)('local truncation of P%i', async (party) => {
  for (const bits of [0, 1, 13, 31, 32, 33, 63]) {
    const x = values(70);
    expectSame(await run({ operation: `truncate${party}`, x, bits }), cpu.truncateLocal(party, x, bits));
  }
});

test('a chain stays on the device', async () => {
  const [x, y] = [values(64), values(64)];
  const sum = elementwiseStep(gpu, { operation: 'add', x, y }) as Step;
  const expected = x.map((a, i) => BigInt.asUintN(64, (a + y[i]) * 5n));
  expectSame(await run({ operation: 'multiply', x: sum, y: BigUint64Array.of(5n) }), expected);
});

test('what does not fit is refused', () => {
  const x = values(6);
  expect(() => elementwiseStep(gpu, { operation: 'add', x, y: values(4) })).toThrow('x has 6 elements, y 4');
  expect(() => elementwiseStep(gpu, { operation: 'add', x: values(0), y: values(0) })).toThrow('x has 0 elements');
  expect(() => elementwiseStep(gpu, { operation: 'add', x })).toThrow('y for arithmetic');
  expect(() => elementwiseStep(gpu, { operation: 'truncate0', x, bits: 64 })).toThrow('0 to 63 bits');
  expect(elementwiseStep({ ...gpu, maxBindingBytes: 40 }, { operation: 'add', x, y: x })).toBeUndefined();
});
