/** The line of benchmarks: what passes comes whole, in order, and no sooner than its model lets it. */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Line } from '../../bench/service/line.ts';

/** Sends back what comes. */
const echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket));
const line = new Line();
let socket: Socket;

beforeAll(async () => {
  await once(echo.listen(0, '127.0.0.1'), 'listening');
  await line.open((echo.address() as AddressInfo).port);
  socket = connect(line.port, '127.0.0.1');
  await once(socket, 'connect');
});

afterAll(() => {
  socket.destroy();
  line.close();
  echo.close();
});

/** @returns milliseconds until all of it is back */
async function thereAndBack(bytes: Buffer): Promise<number> {
  const began = performance.now();
  const parts: Buffer[] = [];
  let length = 0;
  const back = new Promise<void>((resolve) => {
    socket.on('data', (part: Buffer) => {
      parts.push(part);
      length += part.length;
      if (length >= bytes.length) resolve();
    });
  });
  for (let at = 0; at < bytes.length; at += 10_000) socket.write(bytes.subarray(at, at + 10_000));
  await back;
  socket.removeAllListeners('data');
  expect(Buffer.concat(parts).equals(bytes)).toBe(true);
  return performance.now() - began;
}

const bytes = Buffer.from(Uint32Array.from({ length: 250_000 }, (_, i) => Math.imul(i, 2654435761)).buffer);

it('passes everything on without a model', async () => {
  expect(await thereAndBack(bytes)).toBeGreaterThan(0);
});

it('takes the round trip and the bandwidth of its model, from when it is given one', async () => {
  line.model = { rttMs: 100, megabytesPerSecond: 1000 };
  // Two timers may each be a millisecond early.
  expect(await thereAndBack(bytes.subarray(0, 100))).toBeGreaterThan(98);
  line.model = { rttMs: 0, megabytesPerSecond: 2 };
  // The last of a million bytes leaves after half a second.
  expect(await thereAndBack(bytes)).toBeGreaterThan(490);
});

it('holds no bytes back when the model goes', async () => {
  line.model = { rttMs: 40, megabytesPerSecond: 10 };
  const slow = thereAndBack(bytes);
  line.model = undefined;
  await slow;
  expect(await thereAndBack(bytes)).toBeGreaterThan(0);
});
