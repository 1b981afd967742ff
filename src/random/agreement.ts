/**
 * How two parties agree on a pair key when a session starts. Both know each other's identity key beforehand and exchange ephemeral
 * keys in the handshake:
 *
 *     secret = X25519(ephemeral, ephemeral) ‖ X25519(identity, identity)
 *     confirmKey (32 bytes) = HKDF-SHA256(secret, salt = SHA-256(hellos), info = 'securenn/2 confirm P0-P1')
 *     termsKey of P0 (32)   = HKDF-SHA256(secret, salt = SHA-256(hellos), info = 'securenn/2 terms P0-P1 from P0')
 *     streamKey (16)        = HKDF-SHA256(secret, salt = SHA-256(hellos ‖ terms), info = 'securenn/2 pair P0-P1')
 *     resumeKey (32)        = HKDF-SHA256(secret, salt = SHA-256(hellos ‖ terms), info = 'securenn/2 resume P0-P1')
 *     tagKey of P0 (32)     = HKDF-SHA256(secret, salt = SHA-256(hellos ‖ terms), info = 'securenn/2 tags P0-P1 from P0')
 *
 * The ephemeral half makes every session's key new and out of reach of identity keys that leak later; the identity half lets only
 * the named peer compute it. Each end then proves that it did: HMAC-SHA256(confirmKey, role ‖ SHA-256(hellos)). What each says after
 * that (its terms: session and configuration) is sealed with AES-256-GCM under its terms key. Where the connection runs over TLS, the
 * hellos include what both ends alone know of it (channel/tls.ts): the proofs then hold for this connection and no other.
 *
 * Limit: who has stolen a party's identity key can pose as anyone *to that party* (there is no cross term of one identity and one
 * ephemeral key). Such a party counts as the corrupt one of the security model.
 */
import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { sha256 } from './aes-node.ts';
import { insecurePairKey, pairName } from './insecure.ts';
import { KeyPair } from './keys.ts';
import { STREAM_KEY_BYTES } from './primitives.ts';

const KEY_BYTES = 32;
const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What a handshake needs to agree on a key with one peer; good for one connection. */
export interface Agreement {
  /** Ephemeral public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** How pair keys come about, in words: both ends must say the same. */
  readonly keys: string;
  /** Both ends' secrets, given every byte of both hellos and the peer's ephemeral public key. Throws on an unusable key. */
  derive(hellos: Uint8Array, peerPublicKey: Uint8Array): AgreedSecrets;
}

export interface AgreedSecrets {
  /** The proof, 32 bytes, that the party in this role has the identity key it claims. */
  proofOf(role: string): Uint8Array;
  /** What the party in this role says, for the peer's eyes alone: nonce (12 bytes) ‖ ciphertext ‖ tag (16 bytes). */
  seal(role: string, text: Uint8Array): Uint8Array;
  /** What the party in this role has sealed; undefined when it has not. */
  unseal(role: string, sealed: Uint8Array): Uint8Array | undefined;
  /** AES key of the pair's random streams, 16 bytes, given every byte of both ends' sealed terms. */
  pairKey(terms: Uint8Array): Uint8Array;
  /** With it an end proves on another connection that it is the one that had this link (channel/resume.ts); 32 bytes. */
  resumeKey(terms: Uint8Array): Uint8Array;
  /** Of the tags of frames that the party in this role sends (channel/tags.ts); 32 bytes. */
  tagKey(role: string, terms: Uint8Array): Uint8Array;
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
    derive(hellos, peerPublicKey) {
      const secret = Buffer.concat([ephemeral.agree(peerPublicKey), identity.agree(peerIdentity)]);
      const digest = sha256(hellos);
      const confirmKey = deriveKey(secret, digest, `confirm ${pair}`, KEY_BYTES);
      const spoken = (terms: Uint8Array): Uint8Array => sha256(Buffer.concat([hellos, terms]));
      const termsKey = (role: string): Uint8Array => deriveKey(secret, digest, `terms ${pair} from ${role}`, KEY_BYTES);
      return {
        proofOf: (role) => new Uint8Array(createHmac('sha256', confirmKey).update(role).update(digest).digest()),
        seal: (role, text) => seal(termsKey(role), text),
        unseal: (role, sealed) => unseal(termsKey(role), sealed),
        pairKey: (terms) =>
          insecureSeed === undefined
            ? deriveKey(secret, spoken(terms), `pair ${pair}`, STREAM_KEY_BYTES)
            : insecurePairKey(insecureSeed, pair),
        resumeKey: (terms) => deriveKey(secret, spoken(terms), `resume ${pair}`, KEY_BYTES),
        tagKey: (role, terms) => deriveKey(secret, spoken(terms), `tags ${pair} from ${role}`, KEY_BYTES),
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

/** The HKDF step alone. `digest`, of what has been said, is the salt. */
export function deriveKey(secret: Uint8Array, digest: Uint8Array, purpose: string, bytes: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, digest, `securenn/2 ${purpose}`, bytes));
}

function seal(key: Uint8Array, text: Uint8Array): Uint8Array {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
}

function unseal(key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const tagAt = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(CIPHER, key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(sealed.subarray(tagAt));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, tagAt)), decipher.final()]);
  } catch {
    return undefined; // Another key, or changed on the way.
  }
}
