/** What is measured is not changed: every call passes through, and the meter hears of each once. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { codeLength, P17, type Compute } from '../../runtime/compute.ts';
import { MeasuredCompute, type Meter } from '../../runtime/measured.ts';
import { MeasuredStream } from '../../src/random/measured.ts';
import { PairStreams } from '../../src/random/streams.ts';
import { testCompute } from '../simulate.ts';

class Heard implements Meter {
  readonly calls: string[] = [];
  gpuMs = 0;
  begin(): number {
    return this.calls.length;
  }
  ran(kind: 'kernel' | 'random', name: string): void {
    this.calls.push(`${kind} ${name}`);
  }
  issued(kernel: string): number {
    return this.calls.push(`issued ${kernel}`) - 1;
  }
  finished(issued: number, _start: number, gpuMs: () => number): void {
    this.calls.push(this.calls[issued].replace('issued', 'finished'));
    this.gpuMs += gpuMs();
  }
}

function ring(length: number): BigUint64Array {
  return new BigUint64Array(new Uint8Array(randomBytes(8 * length)).buffer);
}

describe('MeasuredCompute', () => {
  const n = 33;
  const [x, y] = [ring(n), ring(n)];
  const digits = new Uint8Array(n * codeLength(P17));
  const values = new Uint8Array(n).map((_, i) => i % 17);
  const small = { batch: 1, height: 4, width: 4, channels: 1, kernelHeight: 2, kernelWidth: 2, filters: 1 } as const;
  const shape = { ...small, stride: 1, padding: 0 };
  const words = { a: x, r: y, r0: x, delta: y, etaPrime: x };
  const [image, filter] = [ring(16), ring(4)];
  const comparison = { code: P17, party: 0, orEqual: false, g: digits, y, beta: new Uint8Array(n) } as const;
  const masks = { s: new Uint8Array(n * 16).fill(1), u: new Uint8Array(n * 16), rho: new Uint8Array(n) };
  const calls: [string, (compute: Compute) => unknown][] = [
    ['gemm', (c) => c.gemm({ m: 3, k: 11, n: 3, terms: [{ a: x, b: y }] })],
    ['conv', (c) => c.conv({ map: 'forward', shape, terms: [{ x: image, y: filter }] })],
    ['thermometer', (c) => c.thermometer(P17, x, digits)],
    ['compareShare', (c) => c.compareShare({ ...comparison, ...masks })],
    ['compareTest', (c) => c.compareTest(P17, new Uint8Array(n * 16), new Uint8Array(n * 16))],
    ['pack', (c) => c.pack(17, values)],
    ['unpack', (c) => c.unpack(17, c.pack(17, values), n)],
    ['truncate', (c) => c.truncateLocal(0, x, 16)],
    ['truncate', (c) => c.truncateDealt(1, x, { bits: 16, shift: y, top: new Uint8Array(2 * n) })],
    ['wrap', (c) => c.wrap(x, y)],
    ['convertShare', (c) => c.convertShare({ ...words, party: 0, etaMask: new Uint8Array(n) })],
  ];

  it.each(calls)('%s', async (name, call) => {
    const compute = await testCompute();
    const heard = new Heard();
    expect(await call(new MeasuredCompute(compute, heard))).toEqual(await call(compute));
    const own = heard.calls.filter((text) => text.endsWith(` ${name}`));
    expect([[`kernel ${name}`], [`issued ${name}`, `finished ${name}`]]).toContainEqual(own);
  });

  it('asks the backend for the time on its GPU', async () => {
    const compute = await testCompute();
    const result = ring(4);
    const gpu = {
      ...{ name: 'webgpu', gemm: () => Promise.resolve(result), close: () => Promise.resolve() },
      gpuNanoseconds: (of: unknown) => (of === result ? 2_500_000 : undefined),
    } as unknown as Compute;
    const heard = new Heard();
    await new MeasuredCompute(gpu, heard).gemm({ m: 2, k: 1, n: 2, terms: [] });
    expect(heard.gpuMs).toBe(2.5);
    await new MeasuredCompute(compute, heard).gemm({ m: 1, k: 1, n: 1, terms: [{ a: ring(1), b: ring(1) }] });
    expect(heard.gpuMs).toBe(2.5);
  });

  it('passes a failure on', async () => {
    const failing = { gemm: () => Promise.reject(new Error('out of memory')) } as unknown as Compute;
    const measured = new MeasuredCompute(failing, new Heard());
    await expect(measured.gemm({ m: 1, k: 1, n: 1, terms: [] })).rejects.toThrow('out of memory');
  });
});

describe('MeasuredStream', () => {
  it('draws what the stream draws', () => {
    const key = randomBytes(16);
    const stream = new PairStreams(key).stream('/step/1', 'R');
    const heard = new Heard();
    const measured = new MeasuredStream(new PairStreams(key).stream('/step/1', 'R'), heard, 'R');
    expect(measured.bytes(5)).toEqual(stream.bytes(5));
    expect(measured.z64(7)).toEqual(stream.z64(7));
    expect(measured.zp(17, 9)).toEqual(stream.zp(17, 9));
    expect(measured.zpStar(31, 9)).toEqual(stream.zpStar(31, 9));
    expect(measured.below(16, 9)).toEqual(stream.below(16, 9));
    expect(measured.bits(9)).toEqual(stream.bits(9));
    expect(heard.calls).toEqual(new Array(6).fill('random R'));
  });
});
