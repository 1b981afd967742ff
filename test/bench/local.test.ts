/** The table of local work: who is named for what, and that times and bytes of a made-up party come out where they belong. */
import type { Profiler } from 'node:inspector';
import { describe, expect, it } from 'vitest';
import { Counter, standIn } from '../../bench/local/counted.ts';
import type { Measured, SystemCounts } from '../../bench/local/preload.ts';
import { rowsOf } from '../../bench/local/rows.ts';
import { fileOf, labelOf, siteOf } from '../../bench/local/site.ts';

const ROOT = 'file:///dist/';

describe('who did it', () => {
  it('is the innermost protocol, and what it called without the helpers', () => {
    const site = siteOf([
      { name: 'load', file: 'src/ring/vector' },
      { name: 'combine', file: 'src/ring/z64' },
      { name: '', file: 'src/party/party' },
      { name: 'helper', file: 'src/protocols/paper/beaver' },
      { name: 'forward', file: 'src/nn/forward' },
    ]);
    expect(labelOf(site!)).toBe('beaver.helper > z64.combine');
  });

  it('is nobody of the build in its own scripts, or outside it', () => {
    expect(fileOf(`${ROOT}bench/local/preload.js`, ROOT)).toBeUndefined();
    expect(fileOf('node:net', ROOT)).toBeUndefined();
    expect(fileOf(`${ROOT}src/ring/z64.js`, ROOT)).toBe('src/ring/z64');
    expect(siteOf([{ name: 'write', file: undefined }])).toBeUndefined();
  });
});

const NO_THREAD = { ranMs: 0, waitedMs: 0, voluntary: 0, involuntary: 0 };
const NO_COLLECTION = { count: 0, ms: 0 };

/** The main thread ran for 30 ms, waited 10 for a core and slept 5. */
const SYSTEM: SystemCounts = {
  main: { ...NO_THREAD, ranMs: 30, waitedMs: 10 },
  others: { ...NO_THREAD, ranMs: 7 },
  ...{ wallMs: 45, asleepMs: 5, reads: 0, writes: 0, faults: 0 },
  collections: { minor: NO_COLLECTION, major: NO_COLLECTION, incremental: NO_COLLECTION, weak: NO_COLLECTION },
};

function node(id: number, functionName: string, url: string, children: number[] = []): Profiler.ProfileNode {
  return { id, callFrame: { functionName, url, scriptId: '', lineNumber: 0, columnNumber: 0 }, children };
}

describe('rows', () => {
  it('have the time on a core, by kind, and the bytes that were counted', () => {
    const beaver = `${ROOT}src/protocols/paper/beaver.js`;
    const profile: Profiler.Profile = {
      nodes: [
        node(1, '(root)', '', [2, 5, 6, 7]),
        node(2, 'helper', beaver, [3]),
        node(3, 'combine', `${ROOT}src/ring/z64.js`, [4]),
        node(4, 'wasm-function[12]', 'wasm://wasm/1'),
        node(5, '(garbage collector)', ''),
        node(6, '(idle)', ''),
        node(7, '', `${ROOT}src/channel/websocket.js`),
      ],
      ...{ startTime: 0, endTime: 55_000 },
      samples: [3, 4, 5, 6, 7, 7],
      timeDeltas: [0, 10_000, 20_000, 10_000, 5000, 10_000],
    };
    const common = { party: 'P0', steps: 2, system: SYSTEM };
    const counts = [
      {
        label: 'beaver.helper > z64.combine',
        deed: 'into',
        name: '',
        calls: 4,
        readBytes: 800,
        writtenBytes: 800,
        ms: 8,
      },
      {
        label: 'beaver.helper > z64.combine',
        deed: 'kernel',
        name: 'add',
        calls: 2,
        readBytes: 900,
        writtenBytes: 0,
        ms: 3,
      },
      { label: 'websocket.()', deed: 'socket', name: 'write', calls: 2, readBytes: 60, writtenBytes: 60, ms: 1 },
      { label: 'websocket.()', deed: 'socket', name: 'writev', calls: 2, readBytes: 60, writtenBytes: 60, ms: 3 },
    ] as const;
    const samples: Measured = { ...common, kind: 'samples', profile, kernels: { '12': 'gemm' } };
    const { rows, kinds } = rowsOf(samples, { ...common, kind: 'counts', counts }, ROOT);
    // 40 ms awake, of which 30 on a core; two steps.
    expect(rows.find(({ label }) => label === 'beaver.helper > z64.combine')).toEqual({
      ...{ party: 'P0', label: 'beaver.helper > z64.combine', ms: (30 * 0.75) / 2, kernelMs: (20 * 0.75) / 2 },
      ...{ passes: 3, readBytes: 850, writtenBytes: 400, intoBytes: 400, outBytes: 0, copiedBytes: 0, newBytes: 0 },
    });
    // Of 10 ms in which it was sampled, 4 on a core.
    expect(rows.find(({ label }) => label === 'websocket.()')).toMatchObject({ ms: 2, writtenBytes: 60 });
    expect(kinds).toMatchObject({ products: 7.5, collector: 3.75, asleep: 2.5, pool: 3.5, 'waiting for a core': 5 });
    // Of 10 ms in JavaScript, at 3/4, copies took 8.
    expect(kinds.copies).toBeCloseTo(3);
    expect(kinds['rest of JavaScript']).toBeCloseTo(0.75);
  });
});

describe('counting', () => {
  it('is of copies into and out of a memory, and of nothing before it starts', () => {
    const { Memory, Instance } = WebAssembly;
    const prototype = Object.getPrototypeOf(Uint8Array.prototype) as object;
    const methods = ['set', 'slice', 'fill'].map((name) => [name, Reflect.get(prototype, name) as unknown] as const);
    const arrays = { Uint8Array, BigUint64Array };
    const counter = new Counter(ROOT);
    try {
      counter.install();
      const memory = new WebAssembly.Memory({ initial: 1 });
      const inside = new BigUint64Array(memory.buffer);
      const outside = new BigUint64Array(1000);
      inside.set(outside);
      counter.start();
      inside.set(outside);
      outside.set(inside.subarray(0, 500));
      outside.set(outside.subarray(0, 100), 100);
      outside.subarray(0, 10).fill(1n);
      const counts = counter.stop();
      outside.set(inside.subarray(0, 500));
      expect(counts.map(({ deed, calls, writtenBytes }) => ({ deed, calls, writtenBytes }))).toEqual([
        { deed: 'into', calls: 1, writtenBytes: 8000 },
        { deed: 'out', calls: 1, writtenBytes: 4000 },
        { deed: 'copy', calls: 1, writtenBytes: 800 },
      ]);
    } finally {
      Object.assign(WebAssembly, { Memory, Instance });
      Object.assign(globalThis, arrays);
      for (const [name, method] of methods) Object.assign(prototype, { [name]: method });
    }
  });

  it('keeps what a method gives and is called on', () => {
    const counted = { add: (a: number, b: number) => a + b };
    const seen: unknown[] = [];
    standIn(counted, 'add', (add, of, args: [number, number]) => {
      seen.push(of, args);
      return add.apply(of, args);
    });
    expect(counted.add(1, 2)).toBe(3);
    expect(seen).toEqual([counted, [1, 2]]);
  });
});
