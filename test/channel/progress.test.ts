/** A wait is measured by progress anywhere in the session, not by the clock alone. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FrameLink } from '../../src/channel/link.ts';
import { memoryTransports } from '../../src/channel/memory.ts';
import { SessionProgress } from '../../src/channel/progress.ts';

const TIMEOUT = 1000;

/** Of a process whose clock and use of the processor the test sets. */
function session() {
  const process = { cpuMs: 0 };
  const progress = new SessionProgress(TIMEOUT, () => Date.now(), () => process.cpuMs); // prettier-ignore
  return { process, progress };
}

const count = (n: number): Uint8Array => new Uint8Array(Float64Array.of(n).buffer);
const countOf = (progress: SessionProgress): number => new Float64Array(progress.told().slice().buffer)[0];

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('a wait for a message', () => {
  function waiting() {
    const { progress, process } = session();
    const [transport] = memoryTransports('P0', 'P1');
    const link = new FrameLink('P0', 'P1', transport, { timeoutMs: TIMEOUT, progress });
    const message = link.receive('x', 'u8', 1);
    let error: string | undefined;
    message.catch((reason: Error) => (error = reason.message));
    return { progress, process, seen: () => error };
  }
  const LATE = 'P0 waited 1 s for "x" (u8[1]) from P1; no other message is waiting';

  it('ends after the time-out when nobody gets on', async () => {
    const { seen } = waiting();
    await vi.advanceTimersByTimeAsync(TIMEOUT - 1);
    expect(seen()).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(seen()).toBe(LATE);
  });

  it.each(['P1', 'P2', 'owner'] as const)('goes on while %s does, and ends a time-out after it stops', async (peer) => {
    const { progress, seen } = waiting();
    for (let i = 1; i <= 50; i++) {
      await vi.advanceTimersByTimeAsync(TIMEOUT / 2);
      progress.hear(peer, count(i));
    }
    expect(seen()).toBeUndefined();
    await vi.advanceTimersByTimeAsync(TIMEOUT - 1);
    expect(seen()).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(seen()).toBe(LATE);
  });

  it('ends though the peer answers, when its count stands still', async () => {
    const { progress, seen } = waiting();
    progress.hear('P1', count(7));
    for (let i = 0; i < 4; i++) {
      await vi.advanceTimersByTimeAsync(TIMEOUT / 4);
      progress.hear('P1', count(7));
    }
    expect(seen()).toBe(LATE);
  });

  it.each([
    ['nothing', new Uint8Array(0)],
    ['too little', new Uint8Array(7)],
    ['no number', count(NaN)],
    ['no whole number', count(1.5)],
    ['infinity', count(Infinity)],
    ['less than nothing', count(-1)],
  ])('takes %s for no progress', async (_, bytes) => {
    const { progress, seen } = waiting();
    await vi.advanceTimersByTimeAsync(TIMEOUT / 2);
    progress.hear('P1', bytes);
    await vi.advanceTimersByTimeAsync(TIMEOUT / 2);
    expect(seen()).toBe(LATE);
  });
});

describe('a party tells that it got on', () => {
  it('when it computed, though it sent nothing; not when it merely stayed awake', () => {
    const { progress, process } = session();
    const before = countOf(progress);
    vi.advanceTimersByTime(progress.tickMs);
    process.cpuMs += 0.049 * progress.tickMs;
    expect(countOf(progress)).toBe(before);
    vi.advanceTimersByTime(progress.tickMs);
    process.cpuMs += 0.051 * progress.tickMs;
    expect(countOf(progress)).toBe(before + 1);
    // The other links ask at the same moment: that is too short a time to judge by.
    process.cpuMs += 1;
    expect(countOf(progress)).toBe(before + 1);
  });

  it('when it sent or received a message', async () => {
    const [a, b] = memoryTransports('P0', 'P1');
    vi.useRealTimers();
    const sides = [session().progress, session().progress] as const;
    const sender = new FrameLink('P0', 'P1', a, { progress: sides[0] });
    const receiver = new FrameLink('P1', 'P0', b, { progress: sides[1] });
    await sender.send('x', Uint8Array.of(5), 1);
    await receiver.receive('x', 'u8', 1);
    expect(sides.map(countOf)).toEqual([1, 1]);
  });

  it('four times in a time-out, and at least every 2.5 s', () => {
    expect(new SessionProgress(1000).tickMs).toBe(250);
    expect(new SessionProgress(120_000).tickMs).toBe(2500);
    expect(new SessionProgress(1).tickMs).toBe(25);
  });
});
