/**
 * TLS keys and self-signed certificates of parties: P-256, X.509. Whom a certificate belongs to is told by its key (`pinOf`); what it says of
 * names serves clients that look at them. Renewing it with the same key needs nobody else.
 */
import { createPrivateKey, createPublicKey, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { pinOf } from '../channel/pins.ts';
import { Problem } from '../data/problem.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
export const CERTIFICATE_DAYS = 730;
const DAY_MS = 86_400_000;

export interface TlsKey {
  /** Secret: PEM, PKCS #8. */
  readonly key: string;
  /** PEM. */
  readonly certificate: string;
}

export interface CertificateOptions {
  /** For people; not checked by anybody. */
  readonly name: string;
  /** Names and addresses of the host. */
  readonly hosts: readonly string[];
  readonly days?: number | undefined;
  readonly now?: Date | undefined;
}

/** A new key with its certificate. */
export async function makeTlsKey(options: CertificateOptions): Promise<TlsKey> {
  const { subtle } = webcrypto;
  const keys = await subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const der = Buffer.from(await subtle.exportKey('pkcs8', keys.privateKey));
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ format: 'pem', type: 'pkcs8' });
  return { key: key.toString(), certificate: await certify(keys, options) };
}

/** A new certificate for a key that stays: the pin stays, too. */
export async function renewCertificate(key: string, options: CertificateOptions): Promise<TlsKey> {
  const { subtle } = webcrypto;
  const secret = createPrivateKey(key);
  if (secret.asymmetricKeyType !== 'ec' || secret.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new Problem('the TLS key is not of the curve P-256', 'renew its certificate where it was made');
  const der = new Uint8Array(secret.export({ format: 'der', type: 'pkcs8' }));
  const privateKey = await subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']);
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' });
  const publicKey = await subtle.importKey('spki', new Uint8Array(spki), ALGORITHM, true, ['verify']);
  return { key, certificate: await certify({ privateKey, publicKey }, options) };
}

async function certify(
  keys: webcrypto.CryptoKeyPair,
  { name, hosts, days = CERTIFICATE_DAYS, now = new Date() }: CertificateOptions,
): Promise<string> {
  // Half a second to load, and seldom used.
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const serial = randomBytes(16);
  serial[0] &= 0x7f;
  const names = [...new Set(hosts)].map((host) => ({ type: isIP(host) === 0 ? 'dns' : 'ip', value: host }) as const);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serial.toString('hex'),
      name: [{ CN: [name] }],
      // The other ends' clocks may be behind.
      notBefore: new Date(now.getTime() - DAY_MS),
      notAfter: new Date(now.getTime() + days * DAY_MS),
      signingAlgorithm: SIGNING,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
        new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]),
        new x509.SubjectAlternativeNameExtension(names),
      ],
    },
    webcrypto,
  );
  return `${certificate.toString('pem')}\n`;
}

export interface CertificateFacts {
  readonly pin: string;
  readonly until: Date;
  /** Whole days that are left; negative: expired. */
  readonly daysLeft: number;
  readonly validYet: boolean;
}

/** @param source names the file in errors */
export function readCertificate(pem: string, source: string, now: number = Date.now()): CertificateFacts {
  const certificate = certificateOf(pem, source);
  const until = new Date(certificate.validTo);
  return {
    pin: pinOf(certificate),
    until,
    daysLeft: Math.floor((until.getTime() - now) / DAY_MS),
    validYet: Date.parse(certificate.validFrom) <= now,
  };
}

/** Throws a Problem where key and certificate are no pair. */
export function checkTlsKey(
  { key, certificate }: TlsKey,
  sources: { readonly key: string; readonly certificate: string },
): void {
  const found = certificateOf(certificate, sources.certificate);
  let fits: boolean;
  try {
    fits = found.checkPrivateKey(createPrivateKey(key));
  } catch {
    throw new Problem(
      `${sources.key}: is no private key in PEM form`,
      'restore it from a backup, or make a new one: securenn party rotate',
    );
  }
  if (fits) return;
  throw new Problem(
    `${sources.certificate}: is the certificate of another key than ${sources.key}`,
    'restore the two that belong together, or renew the certificate: securenn party rotate certificate',
  );
}

function certificateOf(pem: string, source: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new Problem(
      `${source}: is no certificate in PEM form`,
      'restore it, or renew it: securenn party rotate certificate',
    );
  }
}
