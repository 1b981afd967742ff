import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { compileKernels } from '../../runtime/wasm/kernelFiles.ts';
import type { KernelCall } from '../../runtime/wasm/kernels.ts';
import { WorkerPool } from '../../runtime/wasm/pool.ts';
import { createWasmCompute } from '../../runtime/wasm/wasm.ts';
import { TestRandom } from '../reference/random.ts';

type Module = Awaited<ReturnType<typeof compileKernels>>;
let module: Module;

beforeAll(async () => {
  module = await compileKernels('kernels');
});

/** wrap of n zeros at `at`; fails in the kernel when that lies outside the memory. */
function callAt(at: number, n = 1): KernelCall {
  return { kernel: 'wrap', bytes: 0, load: (_, base) => [n, at || base, at || base, base], store: () => undefined };
}

function workerThat(script: string): URL {
  const source = `import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => { ${script} });`;
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`);
}

test('many calls in flight all finish', async () => {
  const pool = new WorkerPool(module, 2);
  const random = new TestRandom(1);
  const inputs = Array.from({ length: 50 }, () => random.ring(3));
  const results = await Promise.all(
    inputs.map(async (input) => {
      const out = new Uint8Array(3);
      await pool.run({
        kernel: 'wrap',
        bytes: 256,
        load(memory, base) {
          memory.words.set(input, base / 8);
          return [3, base, base, base + 128];
        },
        store: (memory, base) => out.set(memory.bytes.subarray(base + 128, base + 131)),
      });
      return out;
    }),
  );
  expect(results).toEqual(inputs.map((input) => Uint8Array.from(input, (x) => Number(x >> 63n))));
  await pool.close(new Error('done'));
});

test('a call that traps rejects, the worker goes on', async () => {
  const pool = new WorkerPool(module, 1);
  await expect(pool.run(callAt(0xfffffff0))).rejects.toThrow(/kernel wrap failed: memory access out of bounds/);
  await pool.run(callAt(0));
  await pool.close(new Error('done'));
});

test('an operand that cannot be copied rejects its call alone', async () => {
  const pool = new WorkerPool(module, 1);
  const bad: KernelCall = {
    ...callAt(0),
    load: () => {
      throw new RangeError('offset is out of bounds');
    },
  };
  const results = await Promise.allSettled([pool.run(bad), pool.run(callAt(0))]);
  expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
  await pool.close(new Error('done'));
});

test.each([
  ['throws', `throw new Error('out of luck')`, 'worker 0 failed: out of luck'],
  ['exits', `process.exit(3)`, 'worker 0 exited with code 3'],
])('a worker that %s rejects every call, now and later, with the reason', async (_, script, reason) => {
  const pool = new WorkerPool(module, 1, workerThat(script));
  const calls = Array.from({ length: 5 }, () => pool.run(callAt(0)));
  for (const call of await Promise.allSettled(calls)) {
    expect(call).toMatchObject({ status: 'rejected', reason: new Error(`wasm: ${reason}`) });
  }
  await expect(pool.run(callAt(0))).rejects.toThrow(reason);
  await pool.close(new Error('done'));
});

test('close rejects what is under way and what is queued', async () => {
  const pool = new WorkerPool(module, 1, workerThat(''));
  const settled = Promise.allSettled(Array.from({ length: 5 }, () => pool.run(callAt(0))));
  await pool.close(new Error('closed'));
  for (const call of await settled) expect(call).toMatchObject({ status: 'rejected', reason: new Error('closed') });
});

test.each([0, 2])('a closed compute with %i workers refuses work', async (workers) => {
  const compute = await createWasmCompute({ workers });
  const a = new TestRandom(1).ring(512 * 512);
  const pending = compute.gemm({ m: 512, k: 512, n: 512, terms: [{ a, b: a }] });
  const outcome = Promise.allSettled([pending]);
  await compute.close();
  await compute.close();
  if (workers > 0) expect((await outcome)[0].status).toBe('rejected');
  const one = BigUint64Array.of(1n);
  await expect(compute.gemm({ m: 1, k: 1, n: 1, terms: [{ a: one, b: one }] })).rejects.toThrow('compute is closed');
});

test('the number of workers is checked', async () => {
  await expect(createWasmCompute({ workers: -1 })).rejects.toThrow('workers must be a count, is -1');
  await expect(createWasmCompute({ workers: 1.5 })).rejects.toThrow(RangeError);
});

test('idle workers do not keep the process alive, busy ones do', async () => {
  const script = `
    import { createWasmCompute } from './runtime/wasm/wasm.ts';
    const compute = await createWasmCompute({ workers: 2 });
    const a = new BigUint64Array(256 * 256).fill(3n);
    const [first] = await compute.gemm({ m: 256, k: 256, n: 256, terms: [{ a, b: a }] });
    console.log(first);`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', script];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 240_000 });
  expect(stdout.trim()).toBe(`${9 * 256}n`);
});
