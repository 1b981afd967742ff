/** The rules by which time is counted, on a clock that the test moves. */
import { describe, expect, it } from 'vitest';
import { scopeLabel } from '../../src/profile/line.ts';
import { rootProbe } from '../../src/profile/probe.ts';
import { MAXIMUM_LINES, Recorder, type Recording } from '../../src/profile/recorder.ts';

class Clock {
  now = 1000;
  slept = 0;
  cpu = 0;
  work(ms: number): void {
    this.now += ms;
    this.cpu += ms;
  }
  sleep(ms: number): void {
    this.now += ms;
    this.slept += ms;
  }
}

function recorderOn(clock: Clock, events = 100): Recorder {
  return new Recorder({ events, now: () => clock.now, slept: () => clock.slept, cpu: () => clock.cpu });
}

function lineOf(recording: Recording, scope: string, kind: string): Recording['lines'][number] {
  const found = recording.lines.filter((line) => line.scope === scope && line.kind === kind);
  expect(found).toHaveLength(1);
  return found[0];
}

function total(recording: Recording): number {
  return recording.lines.reduce((sum, { ownMs, localMs, idleMs }) => sum + ownMs + localMs + idleMs, 0);
}

describe('recorder', () => {
  it('gives work to the event that it leads to, sleep to what ended it, and each moment to one line', () => {
    const clock = new Clock();
    const recorder = recorderOn(clock);
    const probe = rootProbe(recorder).fork('step/1').fork('layer/0:dense').fork('0:matmul');
    recorder.begin();
    clock.work(3); // ring arithmetic before a send
    const sending = recorder.now();
    clock.work(1);
    probe.sent('P1', 'E', sending, 800, 840);
    const asking = recorder.now();
    const asked = probe.asks('P1', 'E');
    clock.sleep(10);
    probe.received(asked, 'E', asking, 800, 1);
    clock.work(2);
    const drawing = probe.scope.begin();
    clock.work(5);
    probe.scope.ran('random', 'U', drawing);
    const recording = recorder.recording();
    const scope = 'step/layer/0:dense/matmul';
    expect(lineOf(recording, scope, 'send')).toMatchObject({
      localMs: 3,
      ownMs: 1,
      calls: 1,
      payloadBytes: 800,
      frameBytes: 840,
    });
    expect(lineOf(recording, scope, 'receive')).toMatchObject({ idleMs: 10, spanMs: 10, rounds: 1, peer: 'P1' });
    expect(lineOf(recording, scope, 'random')).toMatchObject({ localMs: 2, ownMs: 5, name: 'U' });
    expect(total(recording)).toBeCloseTo(recording.endMs - recording.startMs, 9);
    expect(recording.cpuMs).toBe(11);
    expect(recording.awaited.peak).toBe(1);
    expect(recording.awaited.mean).toBeCloseTo(10 / 21, 9);
  });

  it('leaves out what was before it began, but for the length of the chain of messages', () => {
    const clock = new Clock();
    const recorder = recorderOn(clock);
    const probe = rootProbe(recorder);
    const receive = (depth: number): void => {
      const asked = probe.asks('P1', 'E');
      clock.sleep(10);
      probe.received(asked, 'E', 0, 800, depth);
    };
    receive(5); // of a warm-up
    recorder.begin();
    receive(7);
    const recording = recorder.recording();
    expect(lineOf(recording, '', 'receive')).toMatchObject({ calls: 1, idleMs: 10, payloadBytes: 800, rounds: 2 });
    expect(recording.columns.line).toHaveLength(1);
    expect(total(recording)).toBe(10);
  });

  it('a kernel on another thread covers the wait for a message', () => {
    const clock = new Clock();
    const recorder = recorderOn(clock);
    const probe = rootProbe(recorder);
    recorder.begin();
    const called = probe.scope.begin();
    clock.work(1); // operands are copied
    const gemm = probe.scope.issued('gemm', called);
    const asked = probe.asks('P2', 'q');
    clock.sleep(4);
    probe.received(asked, 'q', called, 8, 1);
    clock.sleep(6);
    probe.scope.finished(gemm, called, () => 2.5);
    const recording = recorder.recording();
    expect(lineOf(recording, '', 'kernel')).toMatchObject({ calls: 1, ownMs: 1, idleMs: 10, spanMs: 11, gpuMs: 2.5 });
    expect(lineOf(recording, '', 'receive')).toMatchObject({ idleMs: 0 });
    expect(recording.kernels.peak).toBe(1);
  });

  it('a kernel that ran on this thread is its own, also after its call returned', () => {
    const clock = new Clock();
    const recorder = recorderOn(clock);
    const { scope } = rootProbe(recorder);
    recorder.begin();
    const called = scope.begin();
    clock.work(2);
    const conv = scope.issued('conv', called);
    clock.work(3);
    scope.finished(conv, called, () => 0);
    expect(lineOf(recorder.recording(), '', 'kernel')).toMatchObject({ ownMs: 5, localMs: 0, idleMs: 0 });
  });

  it('counts what a party waits for when it is cut off', () => {
    const clock = new Clock();
    const recorder = recorderOn(clock);
    const probe = rootProbe(recorder);
    recorder.begin();
    probe.asks('P1', 'E');
    clock.sleep(60_000);
    const recording = recorder.recording();
    expect(lineOf(recording, '', 'receive').idleMs).toBe(60_000);
    expect(total(recording)).toBe(60_000);
  });

  it('room in a full link counts for the link, unless nobody slept', () => {
    const clock = new Clock();
    const recorder = recorderOn(clock);
    const probe = rootProbe(recorder);
    recorder.begin();
    const line = probe.sent('P1', 'E', recorder.now(), 8, 48);
    recorder.room(line);
    expect(lineOf(recorder.recording(), '', 'send').idleMs).toBe(0);
    clock.sleep(7);
    recorder.room(line);
    expect(lineOf(recorder.recording(), '', 'send')).toMatchObject({ idleMs: 7, calls: 1 });
  });

  it('a round is counted once, where the chain grew first', () => {
    const clock = new Clock();
    const recorder = recorderOn(clock);
    const probe = rootProbe(recorder);
    for (const depth of [1, 1, 3, 2]) {
      const line = probe.asks('P1', 'E');
      probe.received(line, 'E', recorder.now(), 8, depth);
    }
    expect(lineOf(recorder.recording(), '', 'receive').rounds).toBe(3);
  });

  it('keeps counting when the log is full, and when there are too many lines', () => {
    const clock = new Clock();
    const recorder = recorderOn(clock, 2);
    const root = rootProbe(recorder);
    recorder.begin();
    for (let i = 0; i < MAXIMUM_LINES + 10; i++) {
      const { scope } = root.fork(`part${'x'.repeat(i % 50)}${i}`);
      const start = scope.begin();
      clock.work(1);
      scope.ran('random', 'U', start);
    }
    const recording = recorder.recording();
    expect(recording.columns.line).toHaveLength(2);
    expect(recording.unlogged).toBe(MAXIMUM_LINES + 8);
    expect(recording.lines).toHaveLength(MAXIMUM_LINES);
    expect(total(recording)).toBe(MAXIMUM_LINES + 10);
  });

  it('addresses of messages differ by path and purpose, and agree between parties', () => {
    const columnsOf = (path: readonly string[], purpose: string): string => {
      const clock = new Clock();
      const recorder = recorderOn(clock);
      const probe = path.reduce((at, label) => at.fork(label), rootProbe(recorder));
      const start = recorder.now();
      clock.work(1);
      probe.sent('P1', purpose, start, 8, 48);
      const { columns } = recorder.recording();
      return `${columns.messageHigh[0]} ${columns.message[0]}`;
    };
    const addresses = [
      columnsOf(['step/1', '0:matmul'], 'E'),
      columnsOf(['step/2', '0:matmul'], 'E'),
      columnsOf(['step/1', '0:matmul'], 'F'),
      columnsOf(['step/1', '1:matmul'], 'E'),
    ];
    expect(new Set(addresses).size).toBe(4);
    expect(columnsOf(['step/1', '0:matmul'], 'E')).toBe(addresses[0]);
  });
});

describe('scopeLabel', () => {
  it.each([
    ['step/12', 'step'],
    ['batch/0', 'batch'],
    ['layer/3:relu', 'layer/3:relu'],
    ['17:truncateRelu', 'truncateRelu'],
    ['3', ''],
    ['v17', ''],
    ['all4.0', ''],
    ['carried/layers.0.weight', 'carried'],
    ['input/model/layers.0.weight', 'input'],
    ['whole', 'whole'],
  ])('%s → "%s"', (label, expected) => expect(scopeLabel(label)).toBe(expected));
});
