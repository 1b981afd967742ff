/** Clock offsets: the estimate against clocks that the test sets apart, and answers that make no sense. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerClock, askClock, type Exchange, offsetOf } from '../../src/channel/clock.ts';
import type { Link } from '../../src/channel/channel.ts';
import { memoryPair } from '../../src/channel/memory.ts';

describe('offsetOf', () => {
  const exchange = (offset: number, out: number, held: number, back: number, asked = 100): Exchange => {
    const received = asked + out + offset;
    return { asked, received, answered: received + held, heard: asked + out + held + back };
  };

  it('is exact when both directions take the same time', () => {
    expect(offsetOf([exchange(5000, 3, 2, 3)])).toEqual({ offsetMs: 5000, roundTripMs: 6 });
    expect(offsetOf([exchange(-5000, 29, 0, 29)])).toEqual({ offsetMs: -5000, roundTripMs: 58 });
  });

  it('goes by the shortest round trip', () => {
    const { offsetMs, roundTripMs } = offsetOf([exchange(7, 40, 0, 1), exchange(7, 1, 9, 1), exchange(7, 1, 0, 30)]);
    expect(offsetMs).toBeCloseTo(7, 9);
    expect(roundTripMs).toBeCloseTo(2, 9);
  });

  it('is wrong by at most half the round trip, whatever the delays', () => {
    const ms = fc.double({ min: 0, max: 500, noNaN: true });
    fc.assert(
      fc.property(
        fc.double({ min: -1e6, max: 1e6, noNaN: true }),
        fc.array(fc.tuple(ms, ms, ms), { minLength: 1 }),
        (offset, delays) => {
          const found = offsetOf(delays.map(([out, held, back]) => exchange(offset, out, held, back)));
          expect(Math.abs(found.offsetMs - offset)).toBeLessThanOrEqual(found.roundTripMs / 2 + 1e-6);
        },
      ),
    );
  });

  it('needs an exchange', () => expect(() => offsetOf([])).toThrow(/one exchange/));
});

describe('over a link', () => {
  it.each([0, 86_400_000, -1234.5])('finds an offset of %d ms', async (offset) => {
    const [a, b] = memoryPair('P1', 'P0');
    const [{ offsetMs, roundTripMs }] = await Promise.all([
      askClock(a, () => performance.now()),
      answerClock(b, () => performance.now() + offset),
    ]);
    expect(Math.abs(offsetMs - offset)).toBeLessThanOrEqual(roundTripMs / 2 + 1e-3);
    await Promise.all([a.close(), b.close()]);
  });

  it.each([
    ['NaN', Number.NaN, 1],
    ['infinite', 0, Infinity],
    ['answered before received', 10, 9],
    ['out of range', 1e300, 2e300],
  ])('refuses times that are %s', async (_, received, answered) => {
    const [a, b] = memoryPair('P1', 'P0');
    const asking = askClock(a, () => performance.now());
    await b.receive('clock/0', 'u8', 0);
    await b.send('clock/0/answer', new Uint8Array(new Float64Array([received, answered]).buffer), 0);
    await expect(asking).rejects.toThrow(/P0 says that it received at/);
  });

  it('refuses an answer of another length', async () => {
    const [a, b]: [Link, Link] = memoryPair('P1', 'P0');
    const asking = askClock(a, () => performance.now());
    await b.receive('clock/0', 'u8', 0);
    await b.send('clock/0/answer', new Uint8Array(8), 0);
    await expect(asking).rejects.toThrow(/clock\/0\/answer/);
  });
});
