/** Bytes on the port of a listener: garbage, and what a WebSocket or TLS begins with, changed. */
import { connect } from 'node:net';
import fc from 'fast-check';
import { openListener, type Listener } from '../../src/channel/listener.ts';
import type { LinkTls } from '../../src/channel/pins.ts';
import { WebSocket } from 'ws';
import { change, changed, expect, fuzz, type Fuzz } from './fuzz.ts';

const HOST = '127.0.0.1';
const UPGRADE = Buffer.from(
  'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
    'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
);
/** What a client of TLS 1.3 begins with, up to where its extensions are. */
const CLIENT_HELLO = Buffer.from(`1603010044010000400303${'07'.repeat(32)}000002130101000015`, 'hex');

const said = (beginning: Buffer): fc.Arbitrary<Uint8Array> =>
  fc.oneof(
    fc.uint8Array({ maxLength: 500, size: 'max' }),
    fc
      .tuple(fc.array(change, { maxLength: 3 }), fc.uint8Array({ maxLength: 300, size: 'max' }))
      .map(([changes, more]) => new Uint8Array(Buffer.concat([changed(beginning, changes), more]))),
  );

/** Says it, ends, and waits until the other side has ended as well. */
function say(port: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST, () => socket.end(bytes));
    socket.on('error', () => undefined).on('close', () => resolve());
    socket.resume();
  });
}

/** @param tls of the listener and, with the two swapped, of a peer of its */
export async function lines(tls: LinkTls): Promise<{ readonly fuzzes: readonly Fuzz[]; readonly close: () => void }> {
  const plain = await openListener({ host: HOST, port: 0 });
  const secured = await openListener({ host: HOST, port: 0, tls });
  let through = 0;
  for (const listener of [plain, secured])
    listener.accept((connection) => {
      through++;
      connection.attach({ onFrame: () => undefined, onClose: () => undefined });
    });
  const serves = async (listener: Listener): Promise<void> => {
    const client = new WebSocket(`ws://${HOST}:${listener.port}`);
    await new Promise((resolve, reject) => client.on('open', resolve).on('error', reject));
    client.terminate();
  };
  const onPlain = fuzz('bytes on a port', 0.01, said(UPGRADE), (bytes) => say(plain.port, bytes));
  const onSecured = fuzz('bytes on a port with TLS', 0.01, said(CLIENT_HELLO), async (bytes) => {
    const before = through;
    await say(secured.port, bytes);
    expect(through === before, 'somebody got past TLS');
  });
  const close = (): void => void Promise.all([plain.close(), secured.close()]);
  const run = async (cases: number, seed: number): Promise<number> => {
    const tried = await onPlain.run(cases, seed);
    await serves(plain);
    return tried;
  };
  return { fuzzes: [{ ...onPlain, run }, onSecured], close };
}
