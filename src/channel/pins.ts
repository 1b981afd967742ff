/**
 * Pins: whom a TLS connection may be with is told by the key at its other end, not by who signed a certificate. A pin is the SHA-256, in
 * hexadecimal, of a public key (SubjectPublicKeyInfo, DER): it stays when a certificate is renewed, and dates in certificates play no part.
 */
import { createHash, type X509Certificate } from 'node:crypto';
import type { PeerName } from './channel.ts';

/** What a party shows of itself on its links, and whom it takes at the other end. */
export interface LinkTls {
  /** Secret: PEM (PKCS #8). Of an elliptic curve: P-256 or Ed25519. */
  readonly key: string;
  /** PEM; the key above is its key. */
  readonly certificate: string;
  /** Pins of each peer: one, or two while it changes its key. */
  readonly pins: Readonly<Partial<Record<PeerName, readonly string[]>>>;
}

/** The pin of a certificate's key. Names the key alone: whoever shows the certificate has yet to prove that it has the other half. */
export function pinOf(certificate: X509Certificate): string {
  return createHash('sha256')
    .update(certificate.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}
