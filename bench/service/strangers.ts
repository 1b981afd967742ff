/**
 * Strangers at a party's public ports: a process of its own, at the lowest priority, as real ones have cores of their own.
 *
 * Forked by `bench/strangers.ts`, which sends an `Order` and is sent a `Tally` when the last connection has been opened.
 */
import { randomBytes, randomInt } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { constants, setPriority } from 'node:os';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { makeTlsKey } from '../../src/federation/certificate.ts';
import { protocolOf } from '../../src/channel/client-hello.ts';

export interface Order {
  readonly count: number;
  /** Connections a second. */
  readonly rate: number;
  /** A regular expression: which kinds of strangers come. */
  readonly kinds: string;
  readonly ports: readonly { readonly port: number; readonly of: 'api' | 'links' }[];
}

export interface Tally {
  readonly opened: Readonly<Record<string, number>>;
  /** Connections that the system made, and those that ended before it did. */
  readonly connected: number;
  readonly refused: number;
  /** Ended by the party, of all that were connected, by now. */
  readonly ended: number;
  readonly seconds: number;
}

const HOST = '127.0.0.1';
/** Half of the strangers have one address, the others many; peers and members have 127.0.0.1. */
const ONE_ADDRESS = '127.0.0.2';

function address(): string {
  return randomInt(2) === 0 ? ONE_ADDRESS : `127.0.${randomInt(1, 255)}.${randomInt(1, 255)}`;
}

const strange = await makeTlsKey({ name: 'stranger', hosts: [HOST] });

const seen = { connected: 0, refused: 0, ended: 0 };

type Act = (port: number, of: 'api' | 'links') => Socket;

function tcp(port: number): Socket {
  const socket = connect({ host: HOST, port, localAddress: address() });
  let isConnected = false;
  socket.once('connect', () => {
    isConnected = true;
    seen.connected++;
  });
  socket.on('error', () => undefined);
  return socket.once('close', () => void (isConnected ? seen.ended++ : seen.refused++));
}

function tls(port: number, options: object = {}): Socket {
  return connectTls({ socket: tcp(port), rejectUnauthorized: false, ...options });
}

/** Sends one piece after another for as long as the connection lives. */
function drip(socket: Socket, ms: number, piece: () => string | Uint8Array): Socket {
  const timer = setInterval(() => socket.write(piece()), ms);
  return socket.on('close', () => clearInterval(timer));
}

const KINDS: Readonly<Record<string, Act>> = {
  'says nothing': (port) => tcp(port),
  'sends a byte now and then': (port) => drip(tcp(port), 700, () => Buffer.of(22)),
  garbage: (port) => {
    const socket = tcp(port);
    socket.write(randomBytes(randomInt(1, 8192)));
    return socket;
  },
  'garbage without end': (port) => drip(tcp(port), 20, () => randomBytes(16_384)),
  'TLS without a certificate': (port, of) =>
    tls(port, of === 'links' ? { ALPNProtocols: [protocolOf(randomBytes(16).toString('hex'))] } : {}),
  'TLS with a strange certificate': (port, of) => {
    const { key, certificate: cert } = strange;
    return tls(port, { key, cert, ALPNProtocols: of === 'links' ? [protocolOf('ab'.repeat(16))] : ['http/1.1'] });
  },
  'half of an HTTPS request': (port) => {
    const socket = tls(port);
    socket.write('POST /v1/jobs HTTP/1.1\r\nhost: party\r\nauthorization: Secure');
    return socket;
  },
  'a header letter by letter': (port) => {
    const socket = tls(port);
    socket.write('GET /v1/hello HTTP/1.1\r\nx: ');
    return drip(socket, 500, () => 'y');
  },
  'asks what anybody may, again and again': (port) =>
    drip(tls(port), 5, () => 'GET /v1/hello HTTP/1.1\r\nhost: party\r\n\r\n'.repeat(10)),
};

async function flood({ count, rate, kinds, ports }: Order): Promise<Tally> {
  const opened: Record<string, number> = {};
  Object.assign(seen, { connected: 0, refused: 0, ended: 0 });
  const names = Object.keys(KINDS).filter((name) => new RegExp(kinds).test(name));
  const began = performance.now();
  for (let n = 0; n < count; n++) {
    const name = names[n % names.length];
    const { port, of } = ports[Math.floor(n / names.length) % ports.length];
    const socket = KINDS[name](port, of);
    opened[name] = (opened[name] ?? 0) + 1;
    socket.on('error', () => undefined);
    socket.on('data', () => undefined);
    const wait = began + (1000 * n) / rate - performance.now();
    await (wait > 1 ? sleep(wait) : turn());
  }
  return { opened, ...seen, seconds: (performance.now() - began) / 1000 };
}

process.on('message', (message) => {
  void flood(message as Order).then((tally) => process.send!(tally));
});
process.on('disconnect', () => process.exit());
setPriority(constants.priority.PRIORITY_LOW);
