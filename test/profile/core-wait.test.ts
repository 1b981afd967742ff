/** Waiting for a core: read as Linux writes it, once a step, and not at all where nobody counts it. */
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { coreTimeMeter, coreWaitMeter } from '../../src/profile/core-wait.ts';
import { rootProbe } from '../../src/profile/probe.ts';
import { MAXIMUM_READINGS, Recorder } from '../../src/profile/recorder.ts';
import { temporaryFolder } from '../folder.ts';

const folder = temporaryFolder('core-wait');

describe('coreWaitMeter', () => {
  it('gives the second figure in milliseconds, again at each call', () => {
    const path = join(folder, 'schedstat');
    writeFileSync(path, '46715337 112517188 19\n');
    const read = coreWaitMeter(path)!;
    expect(read()).toBeCloseTo(112.517188, 9);
    writeFileSync(path, '56715337 212517188 20\n');
    expect(read()).toBeCloseTo(212.517188, 9);
  });

  it('of the time on a core there is the first', () => {
    const path = join(folder, 'schedstat');
    writeFileSync(path, '46715337 112517188 19\n');
    expect(coreTimeMeter(path)!()).toBeCloseTo(46.715337, 9);
  });

  it.runIf(existsSync('/proc/thread-self/schedstat'))('is of the thread that asks', async () => {
    const path = new URL('../../src/profile/core-wait.ts', import.meta.url).href;
    const own = coreTimeMeter()!;
    const before = own();
    // The thread works for a while and says how long; this one sleeps.
    const script = `
      import(${JSON.stringify(path.replace('/src/', '/dist/src/').replace(/ts$/, 'js'))}).then(({ coreTimeMeter }) => {
        const read = coreTimeMeter();
        const from = read();
        while (read() - from < 200);
        require('node:worker_threads').parentPort.postMessage(read() - from);
      });`;
    const worker = new Worker(script, { eval: true });
    const [worked] = (await once(worker, 'message')) as [number];
    await worker.terminate();
    expect(worked).toBeGreaterThanOrEqual(200);
    expect(own() - before).toBeLessThan(200);
  });

  it.each([
    ['no such file', undefined],
    ['a file of something else', 'nothing\n'],
    ['an empty file', ''],
  ])('%s: nobody counts it', (name, content) => {
    const path = join(folder, name);
    if (content !== undefined) writeFileSync(path, content);
    expect(coreWaitMeter(path)).toBeUndefined();
  });
});

describe('a recorder', () => {
  it('reads it at the start, at the end of each fork of the root party, and at the end', () => {
    let [time, waited] = [100, 7];
    const recorder = new Recorder({ now: () => time, slept: () => 0, cpu: () => 0, coreWait: () => waited });
    const root = rootProbe(recorder);
    [time, waited] = [110, 8];
    recorder.begin();
    const step = root.fork('step/1');
    const inner = step.fork('layer/0:dense').fork('1:matmul');
    [time, waited] = [120, 9];
    inner.over();
    [time, waited] = [130, 12];
    step.over();
    [time, waited] = [140, 13];
    expect(recorder.recording().coreWaits).toEqual([
      { atMs: 110, waitedMs: 8 },
      { atMs: 130, waitedMs: 12 },
      { atMs: 140, waitedMs: 13 },
    ]);
  });

  it('keeps so many readings and the last one', () => {
    let time = 0;
    const recorder = new Recorder({ now: () => ++time, slept: () => 0, cpu: () => 0, coreWait: () => time });
    const root = rootProbe(recorder);
    for (let i = 0; i < MAXIMUM_READINGS + 10; i++) root.fork(`step/${i}`).over();
    const { coreWaits } = recorder.recording();
    expect(coreWaits).toHaveLength(MAXIMUM_READINGS + 1);
    expect(coreWaits.at(-1)!.waitedMs).toBe(time);
  });

  it('has none where nobody counts it', () => {
    const recorder = new Recorder({ coreWait: undefined });
    rootProbe(recorder).fork('step/1').over();
    expect(recorder.recording().coreWaits).toEqual([]);
  });
});
