import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { connect } from 'node:tls';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_HELLO_BYTES, protocolOf, sessionIn } from '../../src/channel/client-hello.ts';

const SESSION = 'c0ffee'.repeat(5).slice(0, 32);

/** What a TLS client of this Node sends first. */
async function helloWith(protocols: string[] | undefined): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const client = connect({ host: '127.0.0.1', port, ...(protocols && { ALPNProtocols: protocols }) });
  client.on('error', () => undefined);
  const [socket] = (await once(server, 'connection')) as [Socket];
  const [head] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  server.close();
  return head;
}

describe('the session in a ClientHello', () => {
  it('is found in what Node sends, as soon as all of it is there', async () => {
    const head = await helloWith(['http/1.1', protocolOf(SESSION)]);
    expect(sessionIn(head)).toEqual({ session: SESSION });
    for (let length = 0; length < head.length; length++) expect(sessionIn(head.subarray(0, length))).toBe('more');
    expect(sessionIn(Buffer.concat([head, Buffer.alloc(100)]))).toEqual({ session: SESSION });
  });

  it('is not found where none is named, or no TLS is spoken', async () => {
    expect(sessionIn(await helloWith(undefined))).toBeUndefined();
    expect(sessionIn(await helloWith(['h2']))).toBeUndefined();
    expect(sessionIn(Buffer.from('GET / HTTP/1.1\r\n\r\n'))).toBeUndefined();
    const endless = Buffer.alloc(MAX_HELLO_BYTES, 0xff);
    endless[0] = 22;
    expect(sessionIn(endless)).toBeUndefined();
  });

  it('is looked for in anything without harm', async () => {
    const head = await helloWith([protocolOf(SESSION)]);
    const changes = fc.array(fc.tuple(fc.nat(head.length - 1), fc.nat(255)), { maxLength: 8 });
    fc.assert(
      fc.property(changes, fc.nat(head.length), (edits, cut) => {
        const changed = Buffer.from(head.subarray(0, cut));
        for (const [at, byte] of edits) if (at < cut) changed[at] = byte;
        const found = sessionIn(changed);
        if (found !== 'more' && found !== undefined) expect(typeof found.session).toBe('string');
      }),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => void sessionIn(bytes)));
  });
});
