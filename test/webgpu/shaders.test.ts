import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Gpu } from '../../runtime/webgpu/device.ts';
import { Dispatcher } from '../../runtime/webgpu/dispatch.ts';
import { readShaderFile } from '../../runtime/webgpu/node.ts';
import { PipelineCache, resolveShader, type ReadShader } from '../../runtime/webgpu/shaders.ts';
import { EDGES, TestRandom } from '../reference/random.ts';
import { expectSame } from '../reference/same.ts';
import { openTestDevice } from './open.ts';

function readFrom(files: Readonly<Record<string, string>>): ReadShader {
  return (path) => {
    const text = files[path];
    return text === undefined ? Promise.reject(new Error(`no file ${path}`)) : Promise.resolve(text);
  };
}

let gpu: Gpu;

beforeAll(async () => {
  gpu = await openTestDevice();
});

afterAll(() => gpu.close());

describe('includes', () => {
  test('are taken once, in order, relative to the file that names them', async () => {
    const read = readFrom({
      'main.wgsl': '// main\n//#include "shared/a.wgsl"\n//#include "shared/b.wgsl"\nend',
      'shared/a.wgsl': '//#include "b.wgsl"\na',
      'shared/b.wgsl': '//#include "a.wgsl"\nb',
    });
    const lines = await resolveShader(read, 'main.wgsl');
    expect(lines.map(({ file, number, text }) => `${file}:${number} ${text}`)).toEqual([
      'main.wgsl:1 // main',
      'shared/b.wgsl:2 b',
      'shared/a.wgsl:2 a',
      'main.wgsl:4 end',
    ]);
  });

  test('of a file that is not there fail', async () => {
    await expect(resolveShader(readFrom({ 'main.wgsl': '//#include "x.wgsl"' }), 'main.wgsl')).rejects.toThrow(
      'no file x.wgsl',
    );
  });
});

describe('pipelines', () => {
  const good = '@compute @workgroup_size(1) fn main() {}';

  test('are compiled once, also for those who ask at once', async () => {
    let reads = 0;
    const cache = new PipelineCache(gpu.device, () => Promise.resolve((reads++, good)));
    const kernel = { file: 'good.wgsl', constants: {} };
    const [first, second] = await Promise.all([cache.get(kernel), cache.get(kernel)]);
    expect(second).toBe(first);
    expect(await cache.get(kernel)).toBe(first);
    expect(reads).toBe(1);
  });

  test('an error shows the line, where it came from and the place', async () => {
    const cache = new PipelineCache(
      gpu.device,
      readFrom({
        'bad.wgsl': `//#include "shared/c.wgsl"\n${good}`,
        'shared/c.wgsl': '// fine\nfn f() -> u32 { return 1.5; }',
      }),
    );
    const error = await cache.get({ file: 'bad.wgsl', constants: {} }).catch((reason: unknown) => reason as Error);
    expect(error).toBeInstanceOf(Error);
    const [what, where, source, mark] = (error as Error).message.split('\n');
    expect(what).toBe('webgpu: bad.wgsl does not compile');
    expect(where).toMatch(/^ {2}shared\/c\.wgsl:2:24: \S/);
    expect(source).toBe('    fn f() -> u32 { return 1.5; }');
    expect(mark).toBe(`    ${' '.repeat(23)}^`);
  });

  test('constants that do not fit name the kernel', async () => {
    const cache = new PipelineCache(gpu.device, readFrom({ 'good.wgsl': good }));
    await expect(cache.get({ file: 'good.wgsl', constants: { NONE: 1 } })).rejects.toThrow('no pipeline for good.wgsl');
  });

  test('one that failed may be asked for again', async () => {
    let text = 'nonsense';
    const cache = new PipelineCache(gpu.device, () => Promise.resolve(text));
    await expect(cache.get({ file: 'x.wgsl', constants: {} })).rejects.toThrow('x.wgsl does not compile');
    text = good;
    await expect(cache.get({ file: 'x.wgsl', constants: {} })).resolves.toBeDefined();
  });

  test('a call the device refuses is an error of that call', async () => {
    const dispatcher = new Dispatcher(gpu, readFrom({ 'good.wgsl': good }));
    const kernel = { file: 'good.wgsl', constants: {} };
    const call = { kernel, uniforms: [], operands: [], result: [0, 1], groups: [1, 1, 1] } as const;
    await expect(dispatcher.run(call)).rejects.toThrow('webgpu: good.wgsl was refused');
  });
});

test('u64.wgsl on edge values and random ones', async () => {
  const random = new TestRandom(11);
  const pairs = EDGES.flatMap((x) => EDGES.map((y) => [x, y] as const));
  const a = BigUint64Array.from([...pairs.map(([x]) => x), ...random.ring(100)]);
  const b = BigUint64Array.from([...pairs.map(([, y]) => y), ...random.ring(100)]);
  const probe = readFileSync(join(import.meta.dirname, 'u64Probe.wgsl'), 'utf8');
  const read: ReadShader = (path) => (path === 'u64Probe.wgsl' ? Promise.resolve(probe) : readShaderFile(path));
  const n = a.length;
  const found = await new Dispatcher(gpu, read).run({
    kernel: { file: 'u64Probe.wgsl', constants: {} },
    uniforms: [],
    operands: [
      [0, a],
      [1, b],
    ],
    result: [2, 6 * n],
    groups: [n, 1, 1],
  });
  const operations: readonly ((x: bigint, y: bigint) => bigint)[] = [
    (x, y) => x + y,
    (x, y) => x - y,
    (x, y) => x * y,
    (x) => -x,
    (x, y) => x << (y & 63n),
    (x, y) => x >> (y & 63n),
  ];
  const expected = operations.map((apply) => BigUint64Array.from(a, (x, i) => BigInt.asUintN(64, apply(x, b[i]))));
  for (const [i, values] of expected.entries()) expectSame(found.subarray(i * n, (i + 1) * n), values);
});
