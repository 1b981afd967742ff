import { createServer, connect as connectTcp, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { freePorts } from '../../src/service/free-ports.ts';
import { FrameLink, type LinkOptions } from '../../src/channel/link.ts';
import { openListener, type ListenOptions, type Listener } from '../../src/channel/listener.ts';
import { SessionProgress } from '../../src/channel/progress.ts';
import { dial } from '../../src/channel/dial.ts';
import type { WebSocketOptions, WebSocketTransport } from '../../src/channel/websocket.ts';

const HOST = '127.0.0.1';
/** What a test opened, ended after it. */
const opened: { end: () => unknown }[] = [];
afterEach(async () => {
  for (const { end } of opened.splice(0).reverse()) await end();
});

async function listen(options: Partial<ListenOptions> = {}): Promise<Listener> {
  const listener = await openListener({ host: HOST, port: 0, ...options });
  opened.push({ end: () => listener.close() });
  return listener;
}

/** Two connected transports over a real socket: of the side that accepts, and of the side that dials. */
async function pair(options: WebSocketOptions = {}): Promise<[WebSocketTransport, WebSocketTransport]> {
  const listener = await listen(options);
  const accepted = new Promise<WebSocketTransport>((resolve) => {
    listener.accept((connection) => {
      listener.trust(connection);
      resolve(connection);
    });
  });
  const dialled = await dial(`ws://${HOST}:${listener.port}`, { ...options, timeoutMs: 30_000 });
  dialled.trust();
  const transports: [WebSocketTransport, WebSocketTransport] = [await accepted, dialled];
  for (const transport of transports) opened.push({ end: () => transport.destroy() });
  return transports;
}

async function linkedPair(options: WebSocketOptions & LinkOptions = {}): Promise<[FrameLink, FrameLink]> {
  const [a, b] = await pair(options);
  return [new FrameLink('P0', 'P1', a, options), new FrameLink('P1', 'P0', b, options)];
}

const messageOf = (promise: Promise<unknown>) =>
  promise.then(
    () => 'no error',
    (error: Error) => error.message,
  );

describe('a link over WebSocket', () => {
  it('carries messages of all sizes both ways, 8 MiB without change', async () => {
    const [a, b] = await linkedPair();
    for (const n of [0, 1, 15, 16, 2000, 2045, 2046, 2047, 2048, 2 ** 20]) {
      const data = BigUint64Array.from({ length: n }, (_, i) => BigInt(i) * 0x9e3779b97f4a7c15n);
      for (const [from, to] of [
        [a, b],
        [b, a],
      ] as const) {
        const [, message] = await Promise.all([from.send(`m${n}`, data, 1), to.receive(`m${n}`, 'u64', n)]);
        expect(Buffer.from(message.data.buffer, message.data.byteOffset, n * 8).equals(Buffer.from(data.buffer))).toBe(
          true,
        );
      }
    }
    await Promise.all([a.close(), b.close()]);
  });

  it('carries bytes and shared memory', async () => {
    const [a, b] = await linkedPair();
    const shared = new BigUint64Array(new SharedArrayBuffer(80_000));
    shared.fill(7n);
    await b.send('shared', shared, 1);
    await b.send('bytes', new Uint8Array(100_001).fill(9), 1);
    expect((await a.receive('shared', 'u64', 10_000)).data).toEqual(new BigUint64Array(10_000).fill(7n));
    expect((await a.receive('bytes', 'u8', 100_001)).data.every((byte) => byte === 9)).toBe(true);
    await Promise.all([a.close(), b.close()]);
  });

  it('holds senders back until the peer reads', async () => {
    const [a, b] = await linkedPair({ highWaterBytes: 2 ** 20 });
    const chunk = 2 ** 20;
    let sent = 0;
    const sending = (async () => {
      for (let i = 0; i < 40; i++, sent++) await a.send(`c${i}`, new Uint8Array(chunk), 1);
    })();
    // No turn of the event loop has passed: the first that exceeds the mark waits.
    await Promise.resolve();
    expect(sent).toBeLessThan(3);
    for (let i = 0; i < 40; i++) await b.receive(`c${i}`, 'u8', chunk);
    await sending;
    await Promise.all([a.close(), b.close()]);
  });

  it('names the peer when it is gone, and fails what waits', async () => {
    const [a, b] = await pair();
    const link = new FrameLink('P0', 'P1', a);
    const pending = link.receive('x', 'u8', 1);
    b.destroy();
    expect(await messageOf(pending)).toBe('P0 lost P1: the connection broke (code 1006)');
    expect((await link.failed).message).toBe('P0 lost P1: the connection broke (code 1006)');
  });

  it('a connection that closes without goodbye is no orderly end', async () => {
    const [a, b] = await pair();
    const link = new FrameLink('P0', 'P1', a);
    const closing = link.close();
    void b.close();
    expect(await messageOf(closing)).toBe('P0 lost P1: the connection was closed');
  });

  it('tells the peer why it stops', async () => {
    const [a, b] = await linkedPair();
    const pending = b.receive('x', 'u8', 1);
    void a.send('much', new Uint8Array(10_000_000), 1);
    a.abort('disk full');
    expect(await messageOf(pending)).toBe('P0 stopped: disk full');
  });

  it('refuses text, and messages above the limit', async () => {
    const listener = await listen({ maxFrameBytes: 1000 });
    const reasons: Promise<string>[] = [];
    listener.accept((connection) => {
      reasons.push(new FrameLink('P0', 'P1', connection, { timeoutMs: 5000 }).failed.then((error) => error.message));
    });
    for (const message of ['hello', new Uint8Array(1001)]) {
      const client = new WebSocket(`ws://${HOST}:${listener.port}`);
      client.on('open', () => client.send(message));
      await new Promise((resolve) => client.on('close', resolve));
    }
    expect(await Promise.all(reasons)).toEqual([
      'P0 lost P1: a text message, where only binary ones are allowed',
      'P0 lost P1: Max payload size exceeded',
    ]);
  });

  it('notices a peer that falls silent', async () => {
    // A relay that stops forwarding: the sockets stay open, as when a machine loses power.
    const listener = await listen({ livenessMs: 1000 });
    const sockets: Socket[] = [];
    const relay = createServer((client) => {
      const server = connectTcp(listener.port, HOST);
      sockets.push(client, server);
      client.on('data', (data) => server.write(data)).on('error', () => undefined);
      server.on('data', (data) => client.write(data)).on('error', () => undefined);
    });
    await new Promise<void>((resolve) => relay.listen(0, HOST, resolve));
    opened.push({ end: () => (relay.close(), sockets.forEach((socket) => socket.destroy())) });
    const accepted = new Promise<FrameLink>((resolve) => listener.accept((c) => resolve(new FrameLink('P0', 'P1', c))));
    const { port } = relay.address() as AddressInfo;
    const b = await dial(`ws://${HOST}:${port}`, { timeoutMs: 30_000, livenessMs: 1000 });
    opened.push({ end: () => b.destroy() });
    const a = await accepted;
    // Idle for long and alive.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    await a.send('still there', new Uint8Array(1), 1);
    for (const socket of sockets) socket.removeAllListeners('data').pause();
    expect((await a.failed).message).toBe('P0 lost P1: no sign of life for 1 s');
  });
});

describe('heartbeats', () => {
  it('in any number end no connection whose line is busy', async () => {
    const listener = await listen();
    const accepted = new Promise<WebSocketTransport>((resolve) => listener.accept(resolve));
    const sockets: Socket[] = [];
    const relay = createServer((client) => {
      const server = connectTcp(listener.port, HOST);
      sockets.push(client, server);
      client.pipe(server).on('error', () => undefined);
      server.pipe(client).on('error', () => undefined);
    });
    await new Promise<void>((resolve) => relay.listen(0, HOST, resolve));
    opened.push({ end: () => (relay.close(), sockets.forEach((socket) => socket.destroy())) });
    const b = await dial(`ws://${HOST}:${(relay.address() as AddressInfo).port}`, { timeoutMs: 30_000 });
    const a = await accepted;
    opened.push({ end: () => (a.destroy(), b.destroy()) });
    a.trust();
    b.trust();
    const heard: number[] = [];
    b.share(new SessionProgress(60_000), 'P0', { told: () => 0, acknowledge: (count) => void heard.push(count) });
    let told = 0;
    a.share(new SessionProgress(60_000), 'P1', { told: () => ++told, acknowledge: () => undefined });
    // What B says piles up: more than the system takes lies before the line.
    const [client] = sockets;
    client.unpipe().pause();
    for (let i = 0; i < 32; i++) void b.send([new Uint8Array(2 ** 20)]);
    for (let i = 0; i < 200; i++) a.tell();
    await expect.poll(() => heard.length).toBe(200);
    let bytes = 0;
    a.attach({ onFrame: (parts) => parts.forEach(({ length }) => (bytes += length)), onClose: () => (bytes = -1) });
    client.pipe(sockets[1]);
    await expect.poll(() => bytes).toBe(32 * 2 ** 20);
  });

  it('tell each side how far the other is, whatever else is sent', async () => {
    const [a, b] = await pair();
    const [mine, theirs] = [new SessionProgress(100), new SessionProgress(100)];
    const heard: [string, number][] = [];
    mine.hear = (peer, bytes) =>
      void heard.push([peer, new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0, true)]);
    a.share(mine, 'P1');
    b.share(theirs, 'P0');
    for (let i = 0; i < 1000; i++) theirs.note();
    await expect.poll(() => heard.some(([peer, count]) => peer === 'P1' && count >= 1000)).toBe(true);
  });
});

describe('listening and dialling', () => {
  it('says which port is in use', async () => {
    const { port } = await listen();
    const error = await openListener({ host: HOST, port }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      name: 'ChannelError',
      code: 'EADDRINUSE',
      message: `port ${port} on ${HOST} is in use: stop the other program or choose another with --port`,
    });
    await expect(openListener({ host: '192.0.2.1', port: 0 })).rejects.toThrow(
      '192.0.2.1 is not an address of this machine',
    );
  });

  it('parties start in any order', async () => {
    const [port] = await freePorts(1);
    const dialling = dial(`ws://${HOST}:${port}`, { timeoutMs: 30_000 });
    await new Promise((resolve) => setTimeout(resolve, 250));
    const listener = await listen({ port });
    const connection = await dialling;
    // It may connect before anyone takes it.
    const accepted = await new Promise<WebSocketTransport>((resolve) => listener.accept(resolve));
    void connection.send([Uint8Array.of(1, 2)]);
    const frame = await new Promise((resolve) => accepted.attach({ onFrame: resolve, onClose: resolve }));
    expect(frame).toEqual([Buffer.of(1, 2)]);
    connection.destroy();
  });

  it('gives up in time, or at once when waiting is hopeless', async () => {
    const listener = await listen();
    const url = `ws://${HOST}:${listener.port}`;
    await listener.close();
    expect(await messageOf(dial(url, { timeoutMs: 1000 }))).toMatch(
      new RegExp(`^no answer from ${url} for 1 s: .*ECONNREFUSED`),
    );
    expect(await messageOf(dial('nonsense', { timeoutMs: 5000 }))).toMatch(/^cannot connect to nonsense: /);
    const early = new AbortController();
    const dialling = messageOf(dial(url, { timeoutMs: 60_000, signal: early.signal }));
    early.abort(new Error('no longer needed'));
    expect(await dialling).toBe('no longer needed');
  });

  it('a server that does not answer the upgrade', async () => {
    const mute = createServer(() => undefined);
    await new Promise<void>((resolve) => mute.listen(0, HOST, resolve));
    const { port } = mute.address() as AddressInfo;
    expect(await messageOf(dial(`ws://${HOST}:${port}`, { timeoutMs: 300 }))).toMatch(/^no answer from .* for 0.3 s: /);
    mute.close();
  });

  it('answers plain HTTP with what it is, and survives garbage', async () => {
    const listener = await listen();
    const response = await fetch(`http://${HOST}:${listener.port}/`);
    expect([response.status, await response.text()]).toEqual([
      426,
      'Upgrade Required: a party of a computation listens here\n',
    ]);
    const socket = connectTcp(listener.port, HOST);
    socket.on('error', () => undefined);
    socket.write(new Uint8Array(1000).fill(0xee));
    await new Promise((resolve) => socket.on('close', resolve).resume());
    const connection = await dial(`ws://${HOST}:${listener.port}`, { timeoutMs: 30_000 });
    connection.destroy();
  });

  it('bounds what strangers take: bytes and connections', async () => {
    const listener = await listen();
    const url = `ws://${HOST}:${listener.port}`;
    const flood = new WebSocket(url, { perMessageDeflate: false });
    opened.push({ end: () => flood.terminate() });
    flood.on('open', () => flood.send(new Uint8Array(10_000_000))).on('error', () => undefined);
    expect(await new Promise((resolve) => flood.on('close', resolve))).toBe(1006);
    const crowd = await Promise.all(Array.from({ length: 128 }, () => dial(url, { timeoutMs: 60_000 })));
    const trusted = await new Promise<WebSocketTransport>((resolve) => listener.accept(resolve));
    listener.trust(trusted);
    // One has proved who it is: there is room for one more, and after that the oldest of the others must go.
    const next = await dial(url, { timeoutMs: 60_000 });
    const gone = Promise.race(crowd.map(async (connection, i) => (await connection.closed, i)));
    const last = await dial(url, { timeoutMs: 60_000 });
    expect(await gone).toBeLessThan(128);
    for (const connection of [...crowd, next, last]) connection.destroy();
  });

  it('closing the listener frees the port and leaves links alone', async () => {
    const listener = await listen();
    const accepted = new Promise<WebSocketTransport>((resolve) =>
      listener.accept((connection) => {
        listener.trust(connection);
        resolve(connection);
      }),
    );
    const dialled = await dial(`ws://${HOST}:${listener.port}`, { timeoutMs: 30_000 });
    const [a, b] = [new FrameLink('P0', 'P1', await accepted), new FrameLink('P1', 'P0', dialled)];
    await listener.close();
    await listen({ port: listener.port });
    await a.send('x', Uint8Array.of(5), 1);
    expect((await b.receive('x', 'u8', 1)).data).toEqual(Uint8Array.of(5));
    await Promise.all([a.close(), b.close()]);
  });
});
