import { describe, expect, it } from 'vitest';
import type { Cancel, Clock } from '../../src/channel/timers.ts';
import { systemClock } from '../../src/channel/timers.ts';
import { FrameLink } from '../../src/channel/link.ts';
import { describeLink, LINKS, oneWayMs, parseLink, type LinkModel } from '../../src/channel/linkModel.ts';
import { memoryTransports } from '../../src/channel/memory.ts';
import { shaped, ShapedTransport } from '../../src/channel/shaped.ts';
import type { FrameSink, Transport } from '../../src/channel/transport.ts';

/** Time that passes when a test says so; calls come exactly when due, or `late` milliseconds after. */
class TestClock implements Clock {
  time = 0;
  late = 0;
  #calls: { due: number; task: () => void }[] = [];

  now(): number {
    return this.time;
  }

  at(due: number, _early: number, task: () => void): Cancel {
    const call = { due: Math.max(due, this.time) + this.late, task };
    this.#calls.push(call);
    return () => (this.#calls = this.#calls.filter((other) => other !== call));
  }

  /** Until nothing is due by `end`. Promises run between calls. */
  async run(end: number): Promise<void> {
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const next = this.#calls.toSorted((a, b) => a.due - b.due)[0];
      if (next === undefined || next.due > end) break;
      this.#calls = this.#calls.filter((call) => call !== next);
      this.time = Math.max(this.time, next.due);
      next.task();
    }
    this.time = end;
  }
}

/** Notes what is handed down, and when. */
class Below implements Transport {
  readonly arrivals: { at: number; bytes: number; first: number }[] = [];
  ended: 'no' | 'closed' | 'destroyed' = 'no';
  room: Promise<void> | undefined;
  sink: FrameSink | undefined;
  readonly #clock: Clock;
  onArrival: (bytes: number) => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  send(parts: readonly Uint8Array[]): Promise<void> | undefined {
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    this.arrivals.push({ at: this.#clock.now(), bytes, first: parts[0][0] });
    this.onArrival(bytes);
    return this.room;
  }

  attach(sink: FrameSink): void {
    this.sink = sink;
  }

  detach(): void {
    this.sink = undefined;
  }

  close(): Promise<void> {
    this.ended = 'closed';
    return Promise.resolve();
  }

  destroy(): void {
    this.ended = 'destroyed';
  }
}

function setUp(model: LinkModel): { clock: TestClock; below: Below; link: ShapedTransport } {
  const clock = new TestClock();
  const below = new Below(clock);
  return { clock, below, link: new ShapedTransport(below, model, clock) };
}

const bytes = (count: number, first = 0): Uint8Array[] => {
  const part = new Uint8Array(count);
  part[0] = first;
  return [part];
};
const MB = 1_000_000;
const FAST: LinkModel = { rttMs: 20, megabytesPerSecond: 100_000 };

describe('a shaped transport, by arithmetic', () => {
  it('one round trip takes the round-trip time and both messages on the line', async () => {
    const clock = new TestClock();
    const model = { rttMs: 58, megabytesPerSecond: 1 };
    const [there, back] = [new Below(clock), new Below(clock)];
    const [asker, answerer] = [there, back].map((below) => new ShapedTransport(below, model, clock));
    there.onArrival = () => void answerer.send(bytes(3000));
    void asker.send(bytes(1000));
    await clock.run(1000);
    expect(there.arrivals.map(({ at }) => at)).toEqual([29 + 1]);
    expect(back.arrivals.map(({ at }) => at)).toEqual([58 + 1 + 3]);
  });

  it('one large message takes bytes / bandwidth, and half a round trip', async () => {
    for (const model of [LINKS.lan, LINKS.wan]) {
      const { clock, below, link } = setUp(model);
      void link.send([new Uint8Array(24), new Uint8Array(8 * MB)]);
      await clock.run(10_000);
      expect(below.arrivals).toHaveLength(1);
      expect(below.arrivals[0].at).toBeCloseTo((8 * MB + 24) / (1000 * model.megabytesPerSecond) + model.rttMs / 2, 9);
      expect(below.arrivals[0].at).toBeCloseTo(oneWayMs(model, 8 * MB + 24), 9);
    }
  });

  it('two directions at once do not share their bandwidth', async () => {
    const clock = new TestClock();
    const [there, back] = [new Below(clock), new Below(clock)];
    for (const below of [there, back]) void new ShapedTransport(below, LINKS.wan, clock).send(bytes(4 * MB));
    await clock.run(10_000);
    for (const below of [there, back]) expect(below.arrivals[0].at).toBeCloseTo(100 + 29, 9);
  });

  it('messages sent together leave one after the other, in order; their times under way overlap', async () => {
    const { clock, below, link } = setUp(LINKS.wan);
    for (let i = 0; i < 5; i++) void link.send(bytes(40_000, i));
    await clock.run(1000);
    expect(below.arrivals.map(({ first }) => first)).toEqual([0, 1, 2, 3, 4]);
    below.arrivals.forEach(({ at }, i) => expect(at).toBeCloseTo(29 + (i + 1), 9));
  });

  it('an idle line saves up nothing', async () => {
    const { clock, below, link } = setUp(LINKS.wan);
    void link.send(bytes(40_000));
    await clock.run(500);
    void link.send(bytes(40_000));
    await clock.run(1000);
    expect(below.arrivals.map(({ at }) => Math.round(at))).toEqual([30, 530]);
  });

  it('calls that come late do not add up', async () => {
    const { clock, below, link } = setUp(LINKS.wan);
    clock.late = 5;
    for (let i = 0; i < 100; i++) void link.send(bytes(40_000));
    await clock.run(1000);
    expect(below.arrivals).toHaveLength(100);
    const last = below.arrivals.at(-1)!.at;
    expect(last).toBeGreaterThanOrEqual(129);
    expect(last).toBeLessThanOrEqual(129 + 5 + 1e-9);
  });
});

describe('room', () => {
  it('is told when a socket’s worth waits beyond what the link holds', async () => {
    const { clock, below, link } = setUp({ rttMs: 100, megabytesPerSecond: 40 }); // 2 MB under way
    const limit = 8 * 2 ** 20 + 2 * MB;
    let rooms = 0;
    expect(link.send(bytes(limit))).toBeUndefined();
    void link.send(bytes(MB))?.then(() => rooms++);
    await clock.run(below.arrivals.length);
    expect(rooms).toBe(0);
    await clock.run(limit / 40_000 + 50 + 1e-6);
    expect(below.arrivals).toHaveLength(1);
    expect(rooms).toBe(1);
  });

  it('of the transport below is waited for', async () => {
    const { clock, below, link } = setUp(FAST);
    let release = (): void => undefined;
    below.room = new Promise((resolve) => (release = resolve));
    for (let i = 0; i < 3; i++) void link.send(bytes(10, i));
    await clock.run(100);
    expect(below.arrivals.map(({ first }) => first)).toEqual([0]);
    below.room = undefined;
    release();
    await clock.run(200);
    expect(below.arrivals.map(({ first }) => first)).toEqual([0, 1, 2]);
  });
});

describe('the end', () => {
  it('an orderly one lets everything leave first, when it is due', async () => {
    const { clock, below, link } = setUp(LINKS.wan);
    void link.send(bytes(100));
    const closed = link.close();
    await clock.run(28);
    expect([below.arrivals.length, below.ended]).toEqual([0, 'no']);
    await clock.run(30);
    await closed;
    expect([below.arrivals.length, below.ended]).toEqual([1, 'closed']);
    await expect(link.send(bytes(1))).rejects.toThrow('the connection was closed');
  });

  it('of nothing sent is at once', async () => {
    const { below, link } = setUp(LINKS.wan);
    await link.close();
    expect(below.ended).toBe('closed');
  });

  it('a cut drops what has not left and refuses who waits', async () => {
    const { clock, below, link } = setUp(LINKS.wan);
    const room = link.send(bytes(20 * MB))!;
    link.destroy();
    await expect(room).rejects.toThrow('the connection was cut');
    await clock.run(10_000);
    expect([below.arrivals.length, below.ended]).toEqual([0, 'destroyed']);
  });

  it('of the transport below reaches who waits, and an orderly end does not wait for it', async () => {
    const { clock, below, link } = setUp(LINKS.wan);
    below.room = Promise.reject(new Error('the peer has gone'));
    below.room.catch(() => undefined);
    void link.send(bytes(10));
    const room = link.send(bytes(20 * MB))!;
    await clock.run(40);
    await expect(room).rejects.toThrow('the peer has gone');
    await link.close();
    expect(below.ended).toBe('closed');
  });

  it('no model: the transport itself', () => {
    const below = new Below(new TestClock());
    expect(shaped(below, undefined)).toBe(below);
    expect(shaped(below, FAST)).toBeInstanceOf(ShapedTransport);
  });
});

describe('links over shaped transports, by the clock', () => {
  function links(model: LinkModel, timeoutMs = 5000): [FrameLink, FrameLink] {
    const [a, b] = memoryTransports('P0', 'P1').map((transport) => shaped(transport, model));
    return [new FrameLink('P0', 'P1', a, { timeoutMs }), new FrameLink('P1', 'P0', b, { timeoutMs })];
  }

  it('twenty round trips take twenty round-trip times', async () => {
    const [a, b] = links({ rttMs: 10, megabytesPerSecond: 1000 });
    const answering = (async () => {
      for (let i = 0; i < 20; i++) {
        await b.receive(`q${i}`, 'u8', 1);
        await b.send(`r${i}`, new Uint8Array(1), i);
      }
    })();
    const trips: number[] = [];
    for (let i = 0; i < 20; i++) {
      const start = performance.now();
      void a.send(`q${i}`, new Uint8Array(1), i);
      await a.receive(`r${i}`, 'u8', 1);
      trips.push(performance.now() - start);
    }
    await answering;
    expect(trips.reduce((sum, ms) => sum + ms, 0)).toBeGreaterThan(195);
    // A busy machine calls late, but not every time.
    expect(Math.min(...trips)).toBeLessThan(20);
    await Promise.all([a.close(), b.close()]);
  });

  it('a time-out counts the time on the link', async () => {
    const [a, b] = links({ rttMs: 2000, megabytesPerSecond: 1 }, 50);
    void a.send('x', new Uint8Array(1), 1);
    await expect(b.receive('x', 'u8', 1)).rejects.toThrow(/waited 0.05 s/);
    await expect(a.failed.then((error) => error.message)).resolves.toMatch(/P1 stopped|lost P1/);
  });

  it('the system clock is early by what it may be, and a call can be taken back', async () => {
    const due = performance.now() + 12;
    let cancelled = false;
    systemClock.at(performance.now() + 5, 0, () => (cancelled = true))();
    await new Promise<void>((resolve) => systemClock.at(due, 0.2, resolve));
    expect(performance.now()).toBeGreaterThanOrEqual(due - 0.2);
    expect(cancelled).toBe(false);
  });
});

describe('links in words', () => {
  it('are read', () => {
    expect(parseLink('lan')).toEqual({ rttMs: 0.22, megabytesPerSecond: 625 });
    expect(parseLink('wan')).toEqual({ rttMs: 58, megabytesPerSecond: 40 });
    expect(parseLink('20:125')).toEqual({ rttMs: 20, megabytesPerSecond: 125 });
    expect(parseLink('0:.5')).toEqual({ rttMs: 0, megabytesPerSecond: 0.5 });
    expect(describeLink(LINKS.wan)).toBe('58 ms, 40 MB/s');
  });

  it.each([
    '',
    'LAN',
    'toString',
    '20',
    '20:',
    ':125',
    '1:2:3',
    '-1:5',
    '1e3:5',
    '20:0',
    '20001:5',
    '1:1e9',
    '1:0.001',
  ])('of no sense are refused: "%s"', (text) => expect(() => parseLink(text)).toThrow(/expected .*found/));

  it('say what is understood', () => {
    expect(() => parseLink('dsl')).toThrow(
      'expected lan (0.22 ms, 625 MB/s), wan (58 ms, 40 MB/s), or RTT_MS:MBPS, milliseconds there and back and megabytes a second, such as 20:125, found "dsl"',
    );
  });
});
