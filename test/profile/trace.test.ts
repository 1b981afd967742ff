/** The trace: well-formed, on one clock, and nothing on a thread lies across something else. */
import { describe, expect, it } from 'vitest';
import { writeTrace } from '../../src/profile/trace.ts';
import { threeParties } from './parts.ts';

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly id?: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

function eventsOf(ahead: number): TraceEvent[] {
  return (JSON.parse(writeTrace(threeParties(ahead))) as { traceEvents: TraceEvent[] }).traceEvents;
}

describe('trace', () => {
  const events = eventsOf(0);

  it('has a process for each party', () => {
    const names = events.filter(({ name }) => name === 'process_name').map(({ pid, args }) => [pid, args?.name]);
    expect(names).toEqual([
      [0, 'P0'],
      [1, 'P1'],
      [2, 'P2'],
    ]);
  });

  it('is on one clock, however far apart the clocks were', () => {
    const times = (list: readonly TraceEvent[]): unknown[] =>
      list.map(({ name, pid, ts, dur }) => [name, pid, ts, dur]);
    expect(times(eventsOf(3_600_000))).toEqual(times(events));
  });

  it('tiles every thread', () => {
    const slices = events.filter(({ ph }) => ph === 'X');
    expect(slices.length).toBeGreaterThan(8);
    for (const thread of new Set(slices.map(({ pid, tid }) => `${pid} ${tid}`))) {
      let end = 0;
      for (const { ts, dur } of slices.filter(({ pid, tid }) => `${pid} ${tid}` === thread)) {
        expect(ts).toBeGreaterThanOrEqual(end - 1);
        end = ts! + dur!;
      }
    }
  });

  it('joins a message at both ends', () => {
    const [start] = events.filter(({ ph }) => ph === 's');
    const [finish] = events.filter(({ ph }) => ph === 'f');
    expect(start).toMatchObject({ pid: 2, ts: 71_000, args: { bytes: 840 } });
    expect(finish).toMatchObject({ pid: 0, ts: 100_000, id: start.id });
  });

  it('shows layers and waiting by name', () => {
    const names = events.map(({ name }) => name);
    expect(names).toEqual(
      expect.arrayContaining(['layer/0:dense', 'wait for P2', 'matrix product', 'message on its way']),
    );
  });
});
