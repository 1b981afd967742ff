import { X509Certificate } from 'node:crypto';
import { connect, createServer, type TLSSocket } from 'node:tls';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { pinOf } from '../../src/channel/pins.ts';
import { checkTlsKey, makeTlsKey, readCertificate, renewCertificate } from '../../src/federation/certificate.ts';
import { thrownBy } from './parties.ts';

const NOW = new Date('2026-01-01T00:00:00.000Z');
const DAY_MS = 86_400_000;
const options = { name: 'Organisation P0', hosts: ['localhost', '127.0.0.1', '::1'] };

describe('a TLS key', () => {
  it('serves TLS 1.3, and is found by its pin and by names', async () => {
    const tls = await makeTlsKey(options);
    const server = createServer({ key: tls.key, cert: tls.certificate, minVersion: 'TLSv1.3' });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    // As its own authority: names and dates are looked at.
    const socket: TLSSocket = connect({ host: '127.0.0.1', port, servername: 'localhost', ca: tls.certificate });
    await once(socket, 'secureConnect');
    expect(socket.authorized).toBe(true);
    expect(socket.getProtocol()).toBe('TLSv1.3');
    expect(pinOf(socket.getPeerX509Certificate()!)).toBe(readCertificate(tls.certificate, 'tls.crt').pin);
    socket.destroy();
    server.close();
  });

  it('has a certificate that says how long it lasts', async () => {
    const { certificate } = await makeTlsKey({ ...options, days: 31, now: NOW });
    const at = (days: number): object => readCertificate(certificate, 'tls.crt', NOW.getTime() + days * DAY_MS);
    expect(at(0)).toMatchObject({ daysLeft: 31, validYet: true });
    expect(at(2)).toMatchObject({ daysLeft: 29 });
    expect(at(31.5)).toMatchObject({ daysLeft: -1 });
    expect(at(-2)).toMatchObject({ validYet: false });
    const names = new X509Certificate(certificate).subjectAltName;
    expect(names).toMatch(/DNS:localhost, IP Address:127\.0\.0\.1, IP Address:0:0:0:0:0:0:0:1/);
  });

  it('keeps its pin when its certificate is renewed', async () => {
    const old = await makeTlsKey({ ...options, days: 1, now: NOW });
    const renewed = await renewCertificate(old.key, options);
    expect(readCertificate(renewed.certificate, 'c').pin).toBe(readCertificate(old.certificate, 'c').pin);
    expect(readCertificate(renewed.certificate, 'c').daysLeft).toBeGreaterThan(700);
    checkTlsKey(renewed, { key: 'tls.key', certificate: 'tls.crt' });
  });

  it('and a certificate of another key are no pair', async () => {
    const [one, two] = [await makeTlsKey(options), await makeTlsKey(options)];
    const sources = { key: 'tls.key', certificate: 'tls.crt' };
    const mixed = { key: one.key, certificate: two.certificate };
    expect(thrownBy(() => checkTlsKey(mixed, sources))).toMatchObject({
      message: 'tls.crt: is the certificate of another key than tls.key',
    });
    const noKey = { key: 'x', certificate: two.certificate };
    expect(thrownBy(() => checkTlsKey(noKey, sources))).toMatchObject({ message: /tls\.key: is no private key/ });
    const noCertificate = { key: one.key, certificate: 'x' };
    expect(thrownBy(() => checkTlsKey(noCertificate, sources))).toMatchObject({ message: /tls\.crt: is no cert/ });
  });
});
