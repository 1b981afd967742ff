/** Patience by time in which the process ran, on a clock that the test moves. */
import { describe, expect, it } from 'vitest';
import { FrameLink } from '../../src/channel/link.ts';
import { Patience, type Timers } from '../../src/channel/patience.ts';
import type { Transport } from '../../src/channel/transport.ts';

/** A process: while it runs, timers come when they are due; when it stands still, all that are overdue come at its end. */
class Process implements Timers {
  #now = 0;
  #timers: { due: number; task: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, task: () => void): () => void {
    const timer = { due: this.#now + ms, task };
    this.#timers.push(timer);
    return () => (this.#timers = this.#timers.filter((other) => other !== timer));
  }

  get waiting(): number {
    return this.#timers.length;
  }

  runs(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#timers.filter(({ due }) => due <= end).sort((a, b) => a.due - b.due)[0];
      if (next === undefined) break;
      this.#now = Math.max(this.#now, next.due);
      this.#timers = this.#timers.filter((other) => other !== next);
      next.task();
    }
    this.#now = end;
  }

  standsStill(ms: number): void {
    this.#now += ms;
    this.runs(0);
  }
}

function patience(ms: number): { clock: Process; ended: () => boolean; waiting: Patience } {
  const clock = new Process();
  let ended = false;
  const waiting = new Patience(ms, () => (ended = true), clock);
  return { clock, ended: () => ended, waiting };
}

describe.each([20, 2000, 120_000])('a patience of %d ms', (ms) => {
  it('ends when the process has run so long, and not before', () => {
    const { clock, ended, waiting } = patience(ms);
    clock.runs(ms - 2);
    expect(ended()).toBe(false);
    expect(waiting.left).toBe(2);
    clock.runs(2);
    expect(ended()).toBe(true);
    expect(clock.waiting).toBe(0);
  });

  it('begins anew when the process has stood still, however long it had waited', () => {
    for (const before of [0, ms / 2, ms - 2]) {
      for (const still of [ms + 3000, 1e9]) {
        const { clock, ended, waiting } = patience(ms);
        clock.runs(before);
        clock.standsStill(still);
        expect(ended()).toBe(false);
        expect(waiting.left).toBe(ms);
        clock.runs(ms - 1);
        expect(ended()).toBe(false);
        clock.runs(1);
        expect(ended()).toBe(true);
      }
    }
  });

  it('counts a process that is only slow: a dead peer is noticed', () => {
    const { clock, ended } = patience(ms);
    const part = Math.min(ms / 8, 1000);
    let steps = 0;
    for (; !ended(); steps++) clock.standsStill(1.5 * part);
    expect(steps * 1.5 * part).toBeLessThan(2 * ms);
  });

  it('can be taken back', () => {
    const { clock, ended, waiting } = patience(ms);
    clock.runs(ms / 2);
    waiting.cancel();
    clock.runs(2 * ms);
    expect(ended()).toBe(false);
    expect(clock.waiting).toBe(0);
  });
});

describe('a link', () => {
  const transport: Transport = {
    send: () => undefined,
    attach: () => undefined,
    close: () => Promise.resolve(),
    destroy: () => undefined,
  } as unknown as Transport;

  it('waits for a message as long as its process runs', async () => {
    const timers = new Process();
    const link = new FrameLink('P0', 'P1', transport, { timeoutMs: 5000, timers });
    const failed: string[] = [];
    void link.failed.then((error) => failed.push(error.message));
    link.receive('x', 'u64', 1).catch(() => undefined);
    timers.runs(4000);
    timers.standsStill(3_600_000);
    timers.runs(4000);
    await Promise.resolve();
    expect(failed).toEqual([]);
    timers.runs(1000);
    await new Promise((resolve) => setImmediate(resolve));
    expect(failed).toEqual(['P0 waited 5 s for "x" (u64[1]) from P1; no other message is waiting']);
  });
});
