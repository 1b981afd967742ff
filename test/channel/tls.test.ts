/** Links over TLS with pinned keys: who is taken, who is not, and what either learns. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, connect as connectTcp, type AddressInfo, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import type { PeerName } from '../../src/channel/channel.ts';
import { sessionIn } from '../../src/channel/client-hello.ts';
import { dial } from '../../src/channel/dial.ts';
import { portlessListener, type Listener } from '../../src/channel/listener.ts';
import type { LinkTls } from '../../src/channel/pins.ts';
import { certificate, shown, tlsOf } from './certificates.ts';
import { endAll, HOST, join, listeners, messageOf, opened } from './session.ts';

afterEach(endAll);

const members = ['P0', 'P1', 'P2'] as const;
const pair = ['P0', 'P1'] as const;
const short = (pin: string): string => `${pin.slice(0, 16)}…`;

/** A mesh member with TLS. */
const secure = (self: PeerName, ports: Record<PeerName, Listener>, all: readonly PeerName[], change = {}) =>
  join(self, ports, all, { tls: tlsOf(self), ...change });

/** P0 waits for P1 while somebody else tries, then P1 comes. Returns why that one was turned away. */
async function withStranger(approach: (ports: Record<PeerName, Listener>) => Promise<unknown>): Promise<string[]> {
  const ports = await listeners(tlsOf);
  const refused: string[] = [];
  const p0 = secure('P0', ports, pair, {
    onRefused: (reason: string) => void refused.push(reason.replace(/^127\.0\.0\.1:\d+: /, '')),
  });
  await approach(ports);
  const [a, b] = await Promise.all([p0, secure('P1', ports, pair)]);
  await Promise.all([a.close(), b.close()]);
  return refused;
}

/** What somebody gets who shakes hands by TLS alone, until the connection ends. */
async function got(port: number, options: object): Promise<string> {
  const socket = connectTls({ host: HOST, port, rejectUnauthorized: false, ...options });
  let bytes = '';
  socket.on('data', (data: Buffer) => (bytes += data.toString('latin1'))).on('error', () => undefined);
  socket.on('secureConnect', () => socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n'));
  await closed(socket);
  return bytes;
}

const closed = (socket: Socket): Promise<void> => new Promise((resolve) => void socket.once('close', () => resolve()));

describe('links over TLS', () => {
  it('of three parties carry messages and end in order', async () => {
    const ports = await listeners(tlsOf);
    const [p0, p1, p2] = await Promise.all(members.map((name) => secure(name, ports, members)));
    const large = BigUint64Array.from({ length: 2 ** 18 }, (_, i) => BigInt(i) * 0x9e3779b97f4a7c15n);
    await Promise.all([p0.links.get('P1')!.send('x', large, 1), p2.links.get('P0')!.send('y', Uint8Array.of(7), 1)]);
    const { data } = await p1.links.get('P0')!.receive('x', 'u64', large.length);
    expect(Buffer.from(data.buffer, data.byteOffset, data.byteLength).equals(Buffer.from(large.buffer))).toBe(true);
    expect((await p0.links.get('P2')!.receive('y', 'u8', 1)).data).toEqual(Uint8Array.of(7));
    expect(p0.pairKeys.get('P1')).toEqual(p1.pairKeys.get('P0'));
    await Promise.all([p0, p1, p2].map((mesh) => mesh.close()));
  });

  it('show nothing of what they carry', async () => {
    const ports = await listeners(tlsOf);
    const line: Buffer[] = [];
    const port = await relay(ports.P0.port, (bytes) => (line.push(bytes), bytes));
    const [p0, p1] = await Promise.all([
      secure('P0', ports, pair),
      secure('P1', ports, pair, { dial: { P0: `wss://${HOST}:${port}` } }),
    ]);
    await p0.links.get('P1')!.send('open sesame', new Uint8Array(100).fill(0x41), 1);
    await p1.links.get('P0')!.receive('open sesame', 'u8', 100);
    const text = Buffer.concat(line).toString('latin1');
    for (const word of ['SNNf', 'open sesame', 'AAAA', 'protocol', 'HTTP']) expect(text).not.toContain(word);
    // But for the session's name, in the first message alone.
    expect(text.split('session-1')).toHaveLength(2);
    await Promise.all([p0.close(), p1.close()]);
  });

  it('take a key that is one of two, and a certificate that has expired: the key is pinned', async () => {
    const next = await certificate('P1 next');
    const old = await certificate('P1', { pair: next.pair, days: -1 });
    expect(old.pin).toBe(next.pin);
    const both = (self: PeerName): LinkTls =>
      self === 'P1'
        ? tlsOf('P1', { key: old.key, certificate: old.certificate })
        : tlsOf(self, { pins: { P1: [shown.P1.pin, next.pin] } });
    const ports = await listeners(both);
    const [a, b] = await Promise.all([secure('P0', ports, pair), secure('P1', ports, pair, { tls: both('P1') })]);
    await Promise.all([a.close(), b.close()]);
  });
});

/** Passes bytes on in both directions, changed by `change`. Returns the port. */
async function relay(port: number, change: (bytes: Buffer) => Buffer): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer((client) => {
    const other = connectTcp(port, HOST);
    sockets.push(client, other);
    client.on('data', (data: Buffer) => other.write(change(data))).on('error', () => undefined);
    other.on('data', (data: Buffer) => client.write(change(data))).on('error', () => undefined);
    client.on('close', () => other.destroy());
    other.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
  opened.push({ end: () => (server.close(), sockets.forEach((socket) => socket.destroy())) });
  return (server.address() as AddressInfo).port;
}

describe('who dials', () => {
  it('without a certificate reads nothing and is turned away', async () => {
    const refused = await withStranger(async ({ P0 }) => expect(await got(P0.port, {})).toBe(''));
    expect(refused).toEqual(['a stranger showed no certificate']);
  });

  it('with a key nobody has pinned reads nothing, whatever else it shows', async () => {
    const own = await certificate('P1');
    const refused = await withStranger(async ({ P0 }) => {
      for (const cert of [own.certificate, own.certificate + shown.P1.certificate])
        expect(await got(P0.port, { key: own.key, cert })).toBe('');
    });
    const text = `a stranger showed a key with pin ${short(own.pin)}, expected`;
    expect(refused).toHaveLength(2);
    for (const reason of refused) expect(reason).toContain(text);
  });

  it('with the certificate of a peer and another key does not get that far', () => {
    const own = { key: shown.P2.key, cert: shown.P1.certificate };
    // No library lends itself to it: TLS would need a signature by the key of the certificate.
    expect(() => connectTls({ host: HOST, port: 1, ...own })).toThrow(/key values mismatch/);
  });

  it('by an older TLS is turned away', async () => {
    const { key, certificate: cert } = shown.P1;
    const refused = await withStranger(async ({ P0 }) => {
      expect(await got(P0.port, { key, cert, maxVersion: 'TLSv1.2' })).toBe('');
    });
    expect(refused).toEqual([]);
  });

  it('cannot resume a session of TLS', async () => {
    const { key, certificate: cert } = shown.P1;
    await withStranger(async ({ P0 }) => {
      const first = connectTls({ host: HOST, port: P0.port, rejectUnauthorized: false, key, cert });
      first.on('error', () => undefined).resume();
      const sessions: Buffer[] = [];
      first.on('session', (session) => sessions.push(session));
      first.on('secureConnect', () => first.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n'));
      await closed(first);
      expect(sessions.length).toBeGreaterThan(0);
      for (const session of sessions) {
        const second = connectTls({ host: HOST, port: P0.port, rejectUnauthorized: false, key, cert, session });
        second.on('error', () => undefined).resume();
        await once(second, 'secureConnect');
        // The server has no memory of it: a whole handshake takes place.
        expect(second.isSessionReused()).toBe(false);
        second.destroy();
      }
    });
  });

  it('with the TLS key of one role cannot pose as another, whatever identity key it has', async () => {
    const refused = await withStranger(async (ports) => {
      const impostor = secure('P1', ports, pair, { tls: { ...tlsOf('P2'), pins: tlsOf('P1').pins } });
      expect(await messageOf(impostor)).toBe('P0 refused the connection: a stranger, as P1: its TLS key is that of P2');
    });
    expect(refused).toEqual(['a stranger, as P1: its TLS key is that of P2']);
  });

  it('over plain TCP, and with garbage, gets nothing', async () => {
    await withStranger(async ({ P0 }) => {
      for (const garbage of ['GET / HTTP/1.1\r\n\r\n', '\x16\x03\x01\xff\xff'.padEnd(5000, '\x01')]) {
        const socket = connectTcp(P0.port, HOST);
        let bytes = 0;
        socket.on('data', (data) => (bytes += data.length)).on('error', () => undefined);
        socket.write(garbage, 'latin1');
        socket.end();
        await closed(socket);
        // At most an alert of TLS.
        expect(bytes).toBeLessThanOrEqual(7);
      }
    });
  });
});

describe('who is dialled', () => {
  /** Somebody who listens by TLS and keeps what is said to it. */
  async function falseParty(options: TlsOptions): Promise<{ port: number; said: Buffer[] }> {
    const said: Buffer[] = [];
    const server = createTlsServer({ ...options, requestCert: true, rejectUnauthorized: false }, (socket) => {
      socket.on('data', (data: Buffer) => said.push(data)).on('error', () => undefined);
    });
    server.on('tlsClientError', () => undefined);
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
    opened.push({ end: () => server.close() });
    return { port: (server.address() as AddressInfo).port, said };
  }

  it.each<[string, () => Promise<TlsOptions>]>([
    ['a key nobody has pinned', async () => keyOf(await certificate('P0'))],
    ['the key of another party', () => Promise.resolve(keyOf(shown.P2))],
    [
      'a key of its own and the certificate of the true one behind it',
      async () => {
        const own = await certificate('P0');
        return { key: own.key, cert: own.certificate + shown.P0.certificate };
      },
    ],
  ])('and has %s hears nothing', async (_what, options) => {
    const { port, said } = await falseParty(await options());
    const ports = await listeners(tlsOf);
    const joining = secure('P1', ports, pair, { dial: { P0: `wss://${HOST}:${port}` } });
    expect(await messageOf(joining)).toMatch(
      new RegExp(
        `^P1 cannot reach P0: cannot connect to wss://${HOST}:${port}: a key with pin .*…, expected P0 ${short(shown.P0.pin)}$`,
      ),
    );
    expect(Buffer.concat(said)).toHaveLength(0);
  });

  it('and has no TLS is given up on in time', async () => {
    const mute = createServer((socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => mute.listen(0, HOST, resolve));
    opened.push({ end: () => mute.close() });
    const { port } = mute.address() as AddressInfo;
    const dialling = dial(`wss://${HOST}:${port}`, { tls: tlsOf('P1'), peer: 'P0', timeoutMs: 1000 });
    expect(await messageOf(dialling)).toMatch(/^no answer from wss:.* for 1 s: no answer to TLS$/);
  });

  it('needs a URL that says whether there is TLS', async () => {
    const ports = await listeners(tlsOf);
    const without = join('P1', ports, pair, { dial: { P0: `wss://${HOST}:${ports.P0.port}` } });
    expect(await messageOf(without)).toContain('wss:// needs keys to show and to expect');
    const unencrypted = secure('P1', ports, pair, { dial: { P0: `ws://${HOST}:${ports.P0.port}` } });
    expect(await messageOf(unencrypted)).toContain('expected wss://HOST:PORT');
  });

  const keyOf = ({ key, certificate: cert }: { key: string; certificate: string }): TlsOptions => ({ key, cert });
});

describe('in the middle', () => {
  /** Ends TLS on both sides with stolen keys and passes on what is said. */
  async function middle(port: number, change: (bytes: Buffer) => Buffer): Promise<number> {
    const server = createTlsServer(
      { key: shown.P0.key, cert: shown.P0.certificate, requestCert: true, rejectUnauthorized: false },
      (client) => {
        const { key, certificate: cert } = shown.P1;
        const other = connectTls({ host: HOST, port, rejectUnauthorized: false, key, cert });
        client.on('data', (data: Buffer) => other.write(change(data))).on('error', () => undefined);
        other.on('data', (data: Buffer) => client.write(change(data))).on('error', () => undefined);
        client.on('close', () => other.destroy());
        other.on('close', () => client.destroy());
      },
    );
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
    opened.push({ end: () => server.close() });
    return (server.address() as AddressInfo).port;
  }

  it('stolen TLS keys of both ends do not suffice without an identity key', async () => {
    const ports = await listeners(tlsOf);
    const port = await middle(ports.P0.port, (bytes) => bytes);
    const refused: string[] = [];
    const p0 = secure('P0', ports, pair, { timeoutMs: 3000, onRefused: (reason: string) => void refused.push(reason) });
    const p1 = secure('P1', ports, pair, { dial: { P0: `wss://${HOST}:${port}` } });
    const proof = 'a stranger, as P1: it did not prove that it has the identity key of this role';
    expect(await messageOf(p1)).toBe(`P0 refused the connection: ${proof}`);
    expect(await messageOf(p0)).toMatch(/^P0 waited 3 s for P1 to connect/);
    expect(refused.join()).toContain(proof);
  });
});

/** Accepts connections and hands them to the process that started it. There the service starts the job, here it is the other way round. */
const HANDS_OVER = `
  const server = require('node:net').createServer({ pauseOnConnect: true }, (socket) =>
    process.send({ type: 'connection' }, socket),
  );
  server.listen(0, '${HOST}', () => process.send(server.address().port));
`;

describe('a socket that another process accepted', () => {
  it('is taken paused, with nothing read', async () => {
    const taking = portlessListener({ tls: tlsOf('P0') });
    opened.push({ end: () => taking.close() });
    const ports = { P0: taking } as Record<PeerName, Listener>;
    expect(taking.port).toBe(0);
    // Early bytes lie in the socket before anybody takes it.
    const server = createServer({ pauseOnConnect: true }, (socket) => setTimeout(() => taking.take(socket), 50));
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
    opened.push({ end: () => server.close() });
    const { port } = server.address() as AddressInfo;
    const expecting: string[] = [];
    const onExpecting = (peers: readonly PeerName[]): void => void expecting.push(peers.join());
    const [p0, p1] = await Promise.all([
      secure('P0', ports, pair, { onExpecting }),
      secure('P1', ports, pair, { listener: undefined, dial: { P0: `wss://${HOST}:${port}` } }),
    ]);
    expect(expecting).toEqual(['P1', '']);
    await Promise.all([p0.close(), p1.close()]);
  });

  it('is taken with what was read of it, which names the session', async () => {
    const taking = portlessListener({ tls: tlsOf('P0') });
    opened.push({ end: () => taking.close() });
    const named: unknown[] = [];
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      socket.once('readable', () => {
        const head = (socket.read() as Buffer | null) ?? Buffer.alloc(0);
        named.push(sessionIn(head));
        socket.unshift(head);
        taking.take(socket);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, HOST, resolve));
    opened.push({ end: () => server.close() });
    const { port } = server.address() as AddressInfo;
    const [p0, p1] = await Promise.all([
      secure('P0', { P0: taking } as Record<PeerName, Listener>, pair),
      secure('P1', { P0: taking } as Record<PeerName, Listener>, pair, {
        listener: undefined,
        dial: { P0: `wss://${HOST}:${port}` },
      }),
    ]);
    await p1.links.get('P0')!.send('x', new Uint8Array(100_000).fill(3), 1);
    expect((await p0.links.get('P1')!.receive('x', 'u8', 100_000)).data.every((byte) => byte === 3)).toBe(true);
    expect(named).toEqual([{ session: 'session-1' }]);
    await Promise.all([p0.close(), p1.close()]);
  });

  it('comes from a process that accepted it', async () => {
    const child = spawn(process.execPath, ['-e', HANDS_OVER], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    opened.push({ end: () => child.kill() });
    const [port] = (await once(child, 'message')) as [number];
    expect(port).toBeGreaterThan(0);
    const taking = portlessListener({ tls: tlsOf('P0') });
    opened.push({ end: () => taking.close() });
    child.on('message', (_message, socket) => taking.take(socket as Socket));
    const ports = { P0: taking } as Record<PeerName, Listener>;
    const [p0, p1] = await Promise.all([
      secure('P0', ports, pair),
      secure('P1', ports, pair, { listener: undefined, dial: { P0: `wss://${HOST}:${port}` } }),
    ]);
    await p1.links.get('P0')!.send('x', new Uint8Array(100_000).fill(3), 1);
    expect((await p0.links.get('P1')!.receive('x', 'u8', 100_000)).data.every((byte) => byte === 3)).toBe(true);
    await Promise.all([p0.close(), p1.close()]);
  });
});
