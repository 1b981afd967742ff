/**
 * The identity of a party, an owner, an analyst or a client: an Ed25519 key that signs and an X25519 key that others seal to. The two public
 * halves are known to everybody; the id, SHA-256 of both, names their holder in documents and requests.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from 'node:crypto';
import { z } from 'zod';
import { KeyPair } from '../random/keys.ts';

const key = z.string().regex(/^[0-9a-f]{64}$/);

/** Public: both keys as the raw 32 bytes of RFC 8032 and RFC 7748, in hexadecimal. */
export interface PublicIdentity {
  readonly sign: string;
  readonly seal: string;
}

export const publicIdentitySchema: z.ZodType<PublicIdentity> = z.strictObject({ sign: key, seal: key });

/** First 32 hexadecimal digits of SHA-256(sign ‖ seal). */
export type Id = string;
export const idSchema: z.ZodType<Id> = z.string().regex(/^[0-9a-f]{32}$/);

/** The secret halves, raw 32 bytes each in hexadecimal: what a key file holds. */
export interface IdentitySecrets {
  readonly sign: string;
  readonly seal: string;
}

/** RFC 8410 wrapping of a raw Ed25519 secret key, all that precedes its 32 bytes. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Secret halves are out of reach of `util.inspect`, `JSON.stringify` and enumeration. */
export class Identity {
  readonly public: PublicIdentity;
  readonly id: Id;
  readonly #sign: KeyObject;
  readonly #seal: KeyPair;

  private constructor(signing: KeyObject, seal: KeyPair) {
    this.#sign = signing;
    this.#seal = seal;
    const { x } = createPublicKey(signing).export({ format: 'jwk' });
    const raw = Buffer.from(x!, 'base64url');
    this.public = { sign: raw.toString('hex'), seal: Buffer.from(seal.publicKey).toString('hex') };
    this.id = idOf(this.public);
  }

  static generate(): Identity {
    return new Identity(generateKeyPairSync('ed25519').privateKey, KeyPair.generate());
  }

  static fromSecrets(secrets: IdentitySecrets): Identity {
    const raw = Buffer.from(key.parse(secrets.sign), 'hex');
    const signing = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, raw]), format: 'der', type: 'pkcs8' });
    return new Identity(signing, KeyPair.fromSecret(new Uint8Array(Buffer.from(key.parse(secrets.seal), 'hex'))));
  }

  /** To be stored where only its holder can read it. */
  exportSecrets(): IdentitySecrets {
    const pkcs8 = this.#sign.export({ format: 'der', type: 'pkcs8' });
    return {
      sign: pkcs8.subarray(PKCS8_PREFIX.length).toString('hex'),
      seal: Buffer.from(this.#seal.exportSecret()).toString('hex'),
    };
  }

  /** Ed25519, 64 bytes. `context` keeps a signature of one purpose from serving another. */
  sign(context: string, bytes: Uint8Array): Uint8Array {
    return new Uint8Array(sign(null, inContext(context, bytes), this.#sign));
  }

  /** The X25519 pair that others seal to (`sealed.ts`). */
  get sealing(): KeyPair {
    return this.#seal;
  }
}

export function idOf({ sign, seal }: PublicIdentity): Id {
  return createHash('sha256')
    .update(Buffer.from(sign + seal, 'hex'))
    .digest('hex')
    .slice(0, 32);
}

/** Whether the holder of this identity signed these bytes for this purpose. */
export function isSignedBy(
  identity: PublicIdentity,
  context: string,
  bytes: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (signature.length !== 64) return false;
  try {
    return verify(null, inContext(context, bytes), verifyingKey(identity), signature);
  } catch {
    return false; // No point of the curve.
  }
}

/** Read once for an identity that is known for long. */
const verifyingKeys = new WeakMap<PublicIdentity, KeyObject>();

function verifyingKey(identity: PublicIdentity): KeyObject {
  const known = verifyingKeys.get(identity);
  if (known !== undefined) return known;
  const x = Buffer.from(key.parse(identity.sign), 'hex').toString('base64url');
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  verifyingKeys.set(identity, publicKey);
  return publicKey;
}

function inContext(context: string, bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`securenn ${context}\0`), bytes]);
}
