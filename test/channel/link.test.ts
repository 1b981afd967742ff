import { afterEach, describe, expect, it, vi } from 'vitest';
import { ChannelError } from '../../src/channel/channel.ts';
import { encodeFrame, type Frame } from '../../src/channel/frame.ts';
import { FrameLink, type LinkOptions } from '../../src/channel/link.ts';
import { memoryPair, memoryTransports } from '../../src/channel/memory.ts';
import type { Transport } from '../../src/channel/transport.ts';

const u8 = (...bytes: number[]) => Uint8Array.from(bytes);
const u64 = (...elements: bigint[]) => BigUint64Array.from(elements);

/** A transport that keeps what is sent, with room on demand. */
class FakeTransport implements Transport {
  readonly sent: Uint8Array[] = [];
  room: Promise<void> | undefined;
  ended: 'closed' | 'destroyed' | undefined;
  send(parts: readonly Uint8Array[]) {
    this.sent.push(new Uint8Array(Buffer.concat(parts)));
    return this.room;
  }
  attach() {}
  detach() {}
  close() {
    this.ended ??= 'closed';
    return Promise.resolve();
  }
  destroy() {
    this.ended = 'destroyed';
  }
}

/** A link whose peer is the test: frames are fed as bytes, numbered unless the test says otherwise. */
function fed(options: LinkOptions = {}) {
  const transport = new FakeTransport();
  const link = new FrameLink('P0', 'P1', transport, options);
  let next = 0;
  const feed = (frame: Partial<Frame>) => {
    const full: Frame = { kind: 'u8', sequence: next, depth: 1, label: 'a', data: u8(), ...frame };
    next = full.sequence + 1;
    const { header, payload } = encodeFrame(full);
    link.onFrame([header, payload]);
  };
  return { link, transport, feed };
}

async function errorOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => 'no error',
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ChannelError);
  return (error as Error).message;
}

afterEach(() => vi.useRealTimers());

describe('messages', () => {
  it('are found by label, whichever of the two comes first', async () => {
    const { link, feed } = fed();
    const late = link.receive('late', 'u64', 2);
    feed({ label: 'early', data: u8(1, 2, 3), depth: 4 });
    feed({ label: 'late', kind: 'u64', data: u64(5n, 6n), depth: 9 });
    expect(await link.receive('early', 'u8', 3)).toEqual({ data: u8(1, 2, 3), depth: 4 });
    expect(await late).toEqual({ data: u64(5n, 6n), depth: 9 });
  });

  it('that wait are told of, those of before, too, and those that somebody waits for are not', async () => {
    const { link, feed } = fed();
    feed({ label: 'before' });
    const awaited = link.receive('awaited', 'u8', 0);
    const came: string[] = [];
    link.onWaiting((label) => came.push(label));
    feed({ label: 'awaited' });
    feed({ label: 'after' });
    await awaited;
    expect(came).toEqual(['before', 'after']);
    expect((await link.receive('after', 'u8', 0)).data).toEqual(u8());
  });

  it('of a length only the sender knows', async () => {
    const { link, feed } = fed();
    feed({ label: 'short', data: u8(1) });
    feed({ label: 'empty', data: u8() });
    expect((await link.receiveUpTo('short', 'u8', 100)).data).toEqual(u8(1));
    expect((await link.receiveUpTo('empty', 'u8', 0)).data).toEqual(u8());
    feed({ label: 'long', data: u8(1, 2, 3) });
    expect(await errorOf(link.receiveUpTo('long', 'u8', 2))).toBe(
      'P0 stopped: from P1: expected "long" (u8[up to 2]), found u8[3]',
    );
  });

  it('pass both ways over memory, and the traffic is counted where it leaves', async () => {
    const [a, b] = memoryPair('P0', 'P1');
    const data = u64(...Array.from({ length: 1000 }, (_, i) => BigInt(i)));
    await a.send('x', data.slice(), 3);
    await b.send('y', u8(7), 1);
    expect(await b.receive('x', 'u64', 1000)).toEqual({ data, depth: 3 });
    expect(await a.receive('y', 'u8', 1)).toEqual({ data: u8(7), depth: 1 });
    expect(a.sent).toEqual({ messages: 1, payloadBytes: 8000, frameBytes: 8032 });
    expect(b.sent).toEqual({ messages: 1, payloadBytes: 1, frameBytes: 33 });
    expect(b.received).toEqual(a.sent);
    expect(a.received).toEqual(b.sent);
    expect([a.peer, b.peer]).toEqual(['P1', 'P0']);
    await Promise.all([a.close(), b.close()]);
    expect(a.sent.messages).toBe(1);
  });

  it('received arrays belong to the receiver', async () => {
    const [a, b] = memoryPair('P0', 'P1');
    const data = u64(1n, 2n);
    await a.send('x', data, 1);
    const received = (await b.receive('x', 'u64', 2)).data;
    received.fill(0n);
    expect(data).toEqual(u64(1n, 2n));
  });
});

describe('faults of the peer', () => {
  type Case = [what: string, act: (h: ReturnType<typeof fed>) => void, text: string];
  const cases: Case[] = [
    ['a frame lost', ({ feed }) => feed({ sequence: 1 }), 'from P1: a frame is missing: sequence number 1, expected 0'],
    [
      'a frame doubled',
      ({ feed }) => [feed({ label: 'b' }), feed({ label: 'c', sequence: 0 })],
      'from P1: a frame came twice or late: sequence number 0, expected 1',
    ],
    ['a label doubled', ({ feed }) => [feed({ label: 'b' }), feed({ label: 'b' })], 'from P1: "b" came twice'],
    ['another type', ({ feed }) => feed({ kind: 'u64', data: u64(1n) }), 'from P1: expected "a" (u8[3]), found u64[1]'],
    ['another length', ({ feed }) => feed({ data: u8(1, 2) }), 'from P1: expected "a" (u8[3]), found u8[2]'],
    [
      'no frame at all',
      ({ link }) => link.onFrame([new Uint8Array(100)]),
      'from P1: not a frame: it does not begin with SNNf',
    ],
    [
      'goodbye',
      ({ feed }) => feed({ kind: 'bye', label: '' }),
      'from P1: it closed the link before it sent "a" (u8[3])',
    ],
  ];

  it.each(cases)('%s: fails the link and the pending receive, and tells the peer', async (_what, act, text) => {
    const harness = fed();
    const pending = harness.link.receive('a', 'u8', 3);
    act(harness);
    expect(await errorOf(pending)).toBe(`P0 stopped: ${text}`);
    expect(await harness.link.failed).toMatchObject({ message: `P0 stopped: ${text}` });
    expect(Buffer.from(harness.transport.sent[0].subarray(24)).toString()).toBe(text);
    expect(harness.transport.ended).toBe('closed');
    // For good, with the first reason.
    harness.feed({ label: 'more', sequence: 9 });
    expect(await errorOf(harness.link.receive('more', 'u8', 0))).toBe(`P0 stopped: ${text}`);
    expect(await errorOf(harness.link.send('out', u8(1), 1))).toBe(`P0 stopped: ${text}`);
    expect(await errorOf(harness.link.close())).toBe(`P0 stopped: ${text}`);
  });

  it('a message that waited is checked too', async () => {
    const { link, feed } = fed();
    feed({ label: 'x', data: u8(1, 2) });
    expect(await errorOf(link.receive('x', 'u64', 2))).toBe('P0 stopped: from P1: expected "x" (u64[2]), found u8[2]');
  });

  it('a label that was received before', async () => {
    const { link, feed } = fed();
    feed({ label: 'x' });
    await link.receive('x', 'u8', 0);
    feed({ label: 'x' });
    expect((await link.failed).message).toBe('P0 stopped: from P1: "x" came twice');
  });

  it('anything after goodbye', async () => {
    const first = fed();
    first.feed({ kind: 'bye', label: '' });
    first.feed({ label: 'x' });
    expect((await first.link.failed).message).toBe('P0 stopped: from P1: "x" came after the goodbye');
    const second = fed();
    second.feed({ kind: 'bye', label: '' });
    second.feed({ kind: 'bye', label: '' });
    expect((await second.link.failed).message).toBe('P0 stopped: from P1: it said goodbye twice');
    const third = fed();
    third.feed({ kind: 'bye', label: '' });
    expect(await errorOf(third.link.receive('x', 'u8', 1))).toBe(
      'P0 stopped: P1 closed the link before it sent "x" (u8[1])',
    );
  });

  it('more than the inbox may hold', async () => {
    const { link, feed } = fed({ inboxBytes: 4000 });
    for (const label of ['a', 'b', 'c']) feed({ label, data: new Uint8Array(1000) });
    await link.receive('a', 'u8', 1000);
    feed({ label: 'd', data: new Uint8Array(1000) });
    feed({ label: 'e', data: new Uint8Array(1000) });
    expect((await link.failed).message).toBe(
      'P0 stopped: from P1: 4 messages that nobody asked for take 5024 bytes, the limit is 4000',
    );
  });

  it('an abort names the peer and its reason, cleaned and cut', async () => {
    const { link, feed, transport } = fed();
    const pending = link.receive('a', 'u8', 3);
    feed({ kind: 'abort', label: '', data: new TextEncoder().encode('disk\x1b[2J full ' + 'x'.repeat(600)) });
    expect(await errorOf(pending)).toBe('P1 stopped: ' + ('disk?[2J full ' + 'x'.repeat(600)).slice(0, 500));
    expect(transport.sent).toEqual([]);
  });

  it('a connection that ends without goodbye', async () => {
    const { link, transport } = fed();
    const pending = link.receive('a', 'u8', 3);
    link.onClose('connection reset');
    expect(await errorOf(pending)).toBe('P0 lost P1: connection reset');
    expect(transport.ended).toBe('destroyed');
  });
});

describe('faults of the caller', () => {
  it('asking twice, before and after', async () => {
    const before = fed();
    void before.link.receive('x', 'u8', 1);
    expect(await errorOf(before.link.receive('x', 'u8', 1))).toBe('P0 stopped: asked twice for "x"');
    const after = fed();
    after.feed({ label: 'x' });
    await after.link.receive('x', 'u8', 0);
    expect(await errorOf(after.link.receive('x', 'u8', 0))).toBe('P0 stopped: asked twice for "x"');
  });

  it('a message that cannot be sent, or received', async () => {
    expect(await errorOf(fed().link.send('', u8(1), 1))).toBe('P0 stopped: a u8 message needs a label');
    expect(await errorOf(fed({ maxFrameBytes: 64 }).link.send('big', new Uint8Array(64), 1))).toContain(
      'send it in chunks',
    );
    expect(await errorOf(fed().link.send('x', u8(1), -2))).toBe('P0 stopped: "x": depth -2 is not in 0…2^32−1');
    expect(await errorOf(fed().link.receive('x', 'u8', -1))).toBe('P0 stopped: asked for -1 elements of "x"');
  });

  it('a failed send that nobody awaits shows on receive and on failed', async () => {
    const { link } = fed();
    const pending = link.receive('y', 'u8', 1);
    void link.send('ü', u8(1), 1);
    expect(await errorOf(pending)).toContain('not printable ASCII');
    expect((await link.failed).message).toContain('not printable ASCII');
  });

  it('abort: peers learn the reason, pending calls too; later aborts change nothing', async () => {
    const [a, b] = memoryPair('P0', 'P1');
    const atA = a.receive('x', 'u8', 1);
    const atB = b.receive('x', 'u8', 1);
    a.abort('model file\nmissing');
    a.abort('another reason');
    expect(await errorOf(atA)).toBe('P0 stopped: model file?missing');
    expect(await errorOf(atB)).toBe('P0 stopped: model file?missing');
    expect((await b.failed).message).toBe('P0 stopped: model file?missing');
  });
});

describe('time-outs', () => {
  it('name the message and what came instead', async () => {
    const { link, feed } = fed({ timeoutMs: 20 });
    for (const label of ['m1', 'm2', 'm3', 'm4']) feed({ label });
    const other = link.receive('other', 'u8', 1, 1000);
    expect(await errorOf(link.receive('path', 'u64', 128))).toBe(
      'P0 waited 0.02 s for "path" (u64[128]) from P1; 4 other messages are waiting: "m1", "m2", "m3", …',
    );
    expect(await errorOf(other)).toContain('P0 waited 0.02 s for "path"');
    expect(await errorOf(fed().link.receive('x', 'u8', 1, 5))).toBe(
      'P0 waited 0.005 s for "x" (u8[1]) from P1; no other message is waiting',
    );
  });

  it('last 60 s unless told otherwise; none at all when unlimited', async () => {
    vi.useFakeTimers();
    const { link } = fed();
    let failed = false;
    void link.failed.then(() => (failed = true));
    void link.receive('forever', 'u8', 1, 2 ** 31 - 1);
    void link.receive('endless', 'u8', 1, Infinity);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(failed).toBe(false);
    const usual = link.receive('usual', 'u8', 1);
    await vi.advanceTimersByTimeAsync(59_999);
    expect(failed).toBe(false);
    await vi.advanceTimersByTimeAsync(2);
    expect(await errorOf(usual)).toContain('waited 60 s for "usual"');
  });

  it('leave nothing behind after 10,000 messages', async () => {
    vi.useFakeTimers();
    const { link, feed } = fed();
    for (let i = 0; i < 10_000; i++) {
      const message = link.receive(`m${i}`, 'u8', 1);
      feed({ label: `m${i}`, data: u8(i & 255) });
      await message;
    }
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('close', () => {
  it('is orderly when both sides close, in either order', async () => {
    for (const first of [0, 1]) {
      const links = memoryPair('P0', 'P1');
      let failures = 0;
      for (const link of links) void link.failed.then(() => failures++);
      const one = links[first].close();
      await new Promise((resolve) => setTimeout(resolve, 5));
      await Promise.all([one, links[1 - first].close()]);
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(failures).toBe(0);
      expect(await errorOf(links[0].send('x', u8(1), 1))).toBe('P0 has closed the link to P1: cannot send "x"');
      expect(await errorOf(links[1].receive('x', 'u8', 1))).toBe('P1 has closed the link to P0: cannot receive "x"');
      await links[0].close();
    }
  });

  it('delivers what was sent before, and what is claimed before closing', async () => {
    const [a, b] = memoryPair('P0', 'P1');
    void a.send('last', u8(9), 1);
    const closing = a.close();
    expect((await b.receive('last', 'u8', 1)).data).toEqual(u8(9));
    await Promise.all([closing, b.close()]);
  });

  it('rejects when messages were not asked for', async () => {
    const [a, b] = memoryPair('P0', 'P1');
    await a.send('extra1', u8(9), 1);
    await a.send('extra2', u8(9), 1);
    const closing = a.close();
    expect(await errorOf(b.close())).toBe(
      'P1 stopped: closed with 2 messages from P0 that nobody asked for: "extra1", "extra2"',
    );
    await closing.catch(() => undefined);
  });

  it('rejects while something is awaited, when the peer never closes, and when it dies', async () => {
    const waiting = fed();
    const pending = waiting.link.receive('x', 'u8', 1);
    const text = 'P0 stopped: closed the link to P1 while waiting for "x" (u8[1])';
    expect(await errorOf(waiting.link.close())).toBe(text);
    expect(await errorOf(pending)).toBe(text);
    expect(await errorOf(fed({ timeoutMs: 10 }).link.close())).toBe('P0 waited 0.01 s for P1 to close the link');
    const dying = fed();
    const closing = dying.link.close();
    dying.link.onClose('connection reset');
    expect(await errorOf(closing)).toBe('P0 lost P1: connection reset');
  });
});

describe('back-pressure', () => {
  it('a send resolves when there is room, and rejects when the link fails first', async () => {
    const { link, transport } = fed();
    let makeRoom = () => {};
    transport.room = new Promise((resolve) => (makeRoom = resolve));
    let sent = false;
    const first = link.send('x', u8(1), 1).then(() => (sent = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(sent).toBe(false);
    makeRoom();
    await first;
    transport.room = new Promise(() => {});
    const second = link.send('y', u8(1), 1);
    link.abort('enough');
    expect(await errorOf(second)).toBe('P0 stopped: enough');
  });

  it('bounds what is on its way in memory, and a larger frame passes alone', async () => {
    let onItsWay = 0;
    let most = 0;
    const [a, b] = memoryPair('P0', 'P1', {
      queueBytes: 10_000,
      record: ({ data }) => void (onItsWay -= data.byteLength),
    });
    for (let i = 0; i < 50; i++) {
      onItsWay += 3000;
      most = Math.max(most, onItsWay);
      await a.send(`m${i}`, new Uint8Array(3000), 1);
    }
    onItsWay += 50_000;
    await a.send('large', new Uint8Array(50_000), 1);
    for (let i = 0; i < 50; i++) await b.receive(`m${i}`, 'u8', 3000);
    await b.receive('large', 'u8', 50_000);
    expect(onItsWay).toBe(0);
    expect(most).toBeGreaterThan(6000);
    expect(most).toBeLessThanOrEqual(13_000);
  });
});

describe('memory', () => {
  it('records what a party sees', async () => {
    const seen: unknown[] = [];
    const [a, b] = memoryPair('P0', 'P2', { record: (message) => seen.push(message) });
    await a.send('x', u8(1, 2), 5);
    (await b.receive('x', 'u8', 2)).data.fill(0);
    await Promise.all([a.close(), b.close()]);
    expect(seen).toEqual([{ from: 'P0', to: 'P2', label: 'x', depth: 5, data: u8(1, 2) }]);
  });

  it('a destroyed transport ends both sides, and senders that wait', async () => {
    const [atA, atB] = memoryTransports('P0', 'P1', { queueBytes: 10 });
    const [a, b] = [new FrameLink('P0', 'P1', atA), new FrameLink('P1', 'P0', atB)];
    const pending = b.receive('x', 'u8', 1);
    const stuck = a.send('big', new Uint8Array(100), 1);
    atB.destroy();
    expect(await errorOf(pending)).toBe('P1 lost P0: the connection was cut');
    expect(await errorOf(stuck)).toBe('P0 lost P1: the connection was cut');
  });
});
