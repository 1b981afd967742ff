/** Self-signed certificates for links of tests: fresh keys, P-256. */
import 'reflect-metadata';
import { webcrypto, X509Certificate as Certificate } from 'node:crypto';
import { cryptoProvider, X509CertificateGenerator } from '@peculiar/x509';
import type { PeerName } from '../../src/channel/channel.ts';
import { pinOf, type LinkTls } from '../../src/channel/pins.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

export interface Shown {
  /** PEM. */
  readonly key: string;
  readonly certificate: string;
  readonly pin: string;
  readonly pair: webcrypto.CryptoKeyPair;
}

/** @param pair a key that is there already; days: until it expires */
export async function certificate(
  name: string,
  { pair, days = 30 }: { pair?: webcrypto.CryptoKeyPair; days?: number } = {},
): Promise<Shown> {
  const keys = pair ?? (await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']));
  cryptoProvider.set(webcrypto);
  const signed = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    notBefore: new Date(Date.now() - 10 * DAY_MS),
    notAfter: new Date(Date.now() + days * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/.{64}/g, '$&\n')}\n-----END PRIVATE KEY-----\n`;
  const pem = `${signed.toString('pem')}\n`;
  return { key, certificate: pem, pin: pinOf(new Certificate(pem)), pair: keys };
}

const NAMES: readonly PeerName[] = ['P0', 'P1', 'P2', 'owner'];
export const shown = Object.fromEntries(
  await Promise.all(NAMES.map(async (name) => [name, await certificate(name)] as const)),
) as unknown as Record<PeerName, Shown>;

/** What `self` shows, and the pins of all others. */
export function tlsOf(self: PeerName, change: Partial<LinkTls> = {}): LinkTls {
  const others = NAMES.filter((name) => name !== self);
  const pins = Object.fromEntries(others.map((name) => [name, [shown[name].pin]]));
  return { key: shown[self].key, certificate: shown[self].certificate, pins, ...change };
}
