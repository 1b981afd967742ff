/**
 * How two parties agree on a pair key when a session starts. Both know each other's identity key beforehand and exchange ephemeral
 * keys in the handshake:
 *
 *     secret = X25519(ephemeral, ephemeral) ‖ X25519(identity, identity)
 *     streamKey (16 bytes) ‖ confirmKey (32 bytes) = HKDF-SHA256(secret, salt = SHA-256(transcript), info = 'securenn/1 pair P0-P1')
 *
 * The ephemeral half makes every session's key new and out of reach of identity keys that leak later; the identity half lets only
 * the named peer compute it. Each end then proves that it did: HMAC-SHA256(confirmKey, role ‖ SHA-256(transcript)).
 *
 * Limit: who has stolen a party's identity key can pose as anyone *to that party* (there is no cross term of one identity and one
 * ephemeral key). Such a party counts as the corrupt one of the security model.
 */
import { createHash, createHmac, hkdfSync } from 'node:crypto';
import { KeyPair } from './keys.ts';
import { STREAM_KEY_BYTES } from './streams.ts';

const CONFIRM_KEY_BYTES = 32;

/** What a handshake needs to agree on a key with one peer; good for one connection. */
export interface Agreement {
  /** Ephemeral public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** How pair keys come about, in words: both ends must say the same. */
  readonly keys: string;
  /** Both ends' secrets, given every byte of the handshake so far and the peer's ephemeral public key. Throws on an unusable key. */
  derive(transcript: Uint8Array, peerPublicKey: Uint8Array): AgreedSecrets;
}

export interface AgreedSecrets {
  /** AES key of the pair's random streams, 16 bytes. */
  pairKey(): Uint8Array;
  /** The proof, 32 bytes, that the party in this role has the identity key it claims. */
  proofOf(role: string): Uint8Array;
}

export interface AgreementOptions {
  readonly self: string;
  readonly peer: string;
  readonly identity: KeyPair;
  /** The peer's identity key, known beforehand. */
  readonly peerIdentity: Uint8Array;
  /** Use `insecurePairKey` for the random streams. Parties still prove who they are. */
  readonly insecureSeed?: number | undefined;
}

/** A fresh ephemeral key and what follows from it. */
export function keyAgreement(options: AgreementOptions): Agreement {
  const { self, peer, identity, peerIdentity, insecureSeed } = options;
  const pair = pairName(self, peer);
  const ephemeral = KeyPair.generate();
  return {
    publicKey: ephemeral.publicKey,
    keys: insecureSeed === undefined ? 'fresh' : `insecure, seed ${insecureSeed}`,
    derive(transcript, peerPublicKey) {
      const secret = Buffer.concat([ephemeral.agree(peerPublicKey), identity.agree(peerIdentity)]);
      const digest = createHash('sha256').update(transcript).digest();
      const { streamKey, confirmKey } = derivePairSecrets(secret, digest, pair);
      return {
        pairKey: () => (insecureSeed === undefined ? streamKey.slice() : insecurePairKey(insecureSeed, pair)),
        proofOf: (role) => new Uint8Array(createHmac('sha256', confirmKey).update(role).update(digest).digest()),
      };
    },
  };
}

/** An agreement with each peer of a session, for `openMesh`. */
export function agreementsWith(options: {
  readonly self: string;
  readonly identity: KeyPair;
  readonly publicKeys: Readonly<Record<string, Uint8Array>>;
  readonly insecureSeed?: number | undefined;
}): (peer: string) => Agreement {
  return (peer) => {
    const peerIdentity = options.publicKeys[peer] as Uint8Array | undefined;
    if (peerIdentity === undefined) throw new RangeError(`no identity key of ${peer} is known`);
    return keyAgreement({ ...options, peer, peerIdentity });
  };
}

/** The HKDF step alone. `transcriptDigest` is the salt. */
export function derivePairSecrets(
  secret: Uint8Array,
  transcriptDigest: Uint8Array,
  pair: string,
): { streamKey: Uint8Array; confirmKey: Uint8Array } {
  const length = STREAM_KEY_BYTES + CONFIRM_KEY_BYTES;
  const okm = new Uint8Array(hkdfSync('sha256', secret, transcriptDigest, `securenn/1 pair ${pair}`, length));
  return { streamKey: okm.slice(0, STREAM_KEY_BYTES), confirmKey: okm.slice(STREAM_KEY_BYTES) };
}

/**
 * A pair key that anyone can compute from the seed: for comparing runs value by value, and for nothing else. A session that uses it
 * protects no data.
 */
export function insecurePairKey(seed: number, pair: string): Uint8Array {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new RangeError(`insecure keys: expected a non-negative integer seed, found ${seed}`);
  const digest = createHash('sha256').update(`securenn/1 insecure ${seed} ${pair}`).digest();
  return new Uint8Array(digest.subarray(0, STREAM_KEY_BYTES));
}

/** The name both ends give their pair: 'P0-P1', never 'P1-P0'. */
export function pairName(a: string, b: string): string {
  if (a === b) throw new RangeError(`${a} is no pair with itself`);
  return a < b ? `${a}-${b}` : `${b}-${a}`;
}
