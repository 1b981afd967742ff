import { randomBytes, X509Certificate } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import { createServer as createTcp, type AddressInfo, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { httpsTransport, type HttpsTransport } from '../../../src/client/federated/https.ts';
import type { Request } from '../../../src/client/federated/transport.ts';
import { makeTlsKey } from '../../../src/federation/certificate.ts';
import type { Federation } from '../../../src/federation/federation-file.ts';
import type { Trust } from '../../../src/federation/card.ts';
import { pinOf } from '../../../src/channel/pins.ts';
import { threeParties } from '../../federation/parties.ts';

const open: { close: () => unknown }[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

const REQUEST: Request = { method: 'GET', path: '/v1/hello', headers: {}, idleMs: 30_000, maxBytes: 1000 };

interface Door {
  readonly port: number;
  readonly pin: string;
  readonly certificate: string;
  /** Requests whose first bytes came through. */
  readonly requests: string[];
  readonly server: Server;
}

async function door(answer: RequestListener = (_, response) => void response.end('{}')): Promise<Door> {
  const { key, certificate } = await makeTlsKey({ name: 'door', hosts: ['127.0.0.1'] });
  const requests: string[] = [];
  const server = createServer({ key, cert: certificate }, (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  open.push({ close: () => (server.closeAllConnections(), server.close()) });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const pin = pinOf(new X509Certificate(certificate));
  return { port: (server.address() as AddressInfo).port, pin, certificate, requests, server };
}

function to(port: number, pins: readonly string[], trust: Trust = 'pinned', notes: string[] = []): HttpsTransport {
  const { federation } = threeParties();
  const P0 = { ...federation.parties.P0, address: `127.0.0.1:${port}`, tls: pins, trust };
  const changed: Federation = { ...federation, parties: { ...federation.parties, P0 } };
  const transport = httpsTransport(changed, (text) => notes.push(text));
  open.push(transport);
  return transport;
}

describe('requests over TLS', () => {
  it('fail once the transport is closed, also those that wait for a connection, and none is made any more', async () => {
    let seen = (): void => undefined;
    const first = new Promise<void>((resolve) => (seen = resolve));
    const { port, pin, requests } = await door(() => seen());
    const transport = to(port, [pin]);
    const underWay = Array.from({ length: 20 }, () => transport.send('P0', REQUEST).then(() => 'answered', String));
    await first;
    transport.close();
    expect(new Set(await Promise.all(underWay)).has('answered')).toBe(false);
    const before = requests.length;
    await expect(transport.send('P0', REQUEST)).rejects.toThrow('cannot be reached');
    expect(requests.length).toBe(before);
  });

  it('reach a party with a pinned key, on a connection that is used again', async () => {
    let sockets = 0;
    const { port, pin, requests, server } = await door((request, response) => {
      request.on('data', () => undefined);
      request.on('end', () => response.end('{"a":1}'));
    });
    server.on('secureConnection', () => sockets++);
    const { send } = to(port, ['0'.repeat(64), pin]);
    for (let i = 0; i < 3; i++) {
      const body = new Uint8Array(randomBytes(100_000));
      const reply = await send('P0', { ...REQUEST, method: 'PUT', path: '/x', body });
      expect([reply.status, Buffer.from(reply.body).toString()]).toEqual([200, '{"a":1}']);
    }
    expect(requests).toEqual(['PUT /x', 'PUT /x', 'PUT /x']);
    expect(sockets).toBe(1);
  });

  it('do not leave this machine when the other end has another key', async () => {
    const { port, requests } = await door();
    const { send } = to(port, ['0'.repeat(64)]);
    const headers = { authorization: 'secret' };
    await expect(send('P0', { ...REQUEST, headers })).rejects.toMatchObject({
      name: 'Problem',
      message: expect.stringMatching(/^P0 .* shows another TLS key than the federation file names$/) as string,
    });
    expect(requests).toEqual([]);
  });

  it('go to a party that shows a certificate of its own authority, and not where it is for another host', async () => {
    const { port, certificate } = await door();
    const good = to(port, ['0'.repeat(64)], { ca: certificate });
    expect((await good.send('P0', REQUEST)).status).toBe(200);
    const other = await door();
    const bad = to(other.port, [other.pin], { ca: certificate });
    await expect(bad.send('P0', REQUEST)).rejects.toThrow('P0');
    const stranger = to(port, ['0'.repeat(64)], 'public');
    await expect(stranger.send('P0', REQUEST)).rejects.toThrow('P0');
  });

  it('say what is wrong with the way: nobody, no TLS, silence, a cut, too much', async () => {
    const free = await door();
    await new Promise((closed) => free.server.close(closed));
    await expect(to(free.port, [free.pin]).send('P0', REQUEST)).rejects.toThrow(
      'cannot be reached: nothing listens there',
    );

    const plain = await tcp((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    await expect(to(plain, [free.pin]).send('P0', REQUEST)).rejects.toThrow('what answers there speaks no TLS');

    const silent = await door(() => undefined);
    const hushed = to(silent.port, [silent.pin]).send('P0', { ...REQUEST, idleMs: 1000 });
    await expect(hushed).rejects.toThrow('it has fallen silent');

    const cut = await door((request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('half');
      setTimeout(() => request.socket.destroy(), 50);
    });
    await expect(to(cut.port, [cut.pin]).send('P0', REQUEST)).rejects.toThrow('it closed the connection');

    const long = await door((_, response) => void response.end('x'.repeat(5000)));
    await expect(to(long.port, [long.pin]).send('P0', REQUEST)).rejects.toThrow('longer than the 1000 bytes');
  });

  it('end when the caller leaves', async () => {
    const silent = await door(() => undefined);
    const leaving = new AbortController();
    const sent = to(silent.port, [silent.pin]).send('P0', { ...REQUEST, signal: leaving.signal });
    setTimeout(() => leaving.abort(new Error('enough')), 50);
    await expect(sent).rejects.toThrow('enough');
  });
});

async function tcp(serve: (socket: Socket) => void): Promise<number> {
  const server = createTcp(serve);
  open.push({ close: () => server.close() });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  return (server.address() as AddressInfo).port;
}
