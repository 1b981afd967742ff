/** Identities (`public-identity.ts`) by Node's own cryptography: what parties and the command line sign and check with, each at once. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, verify, type KeyObject } from 'node:crypto';
import { KeyPair } from '../random/keys.ts';
import { idOf, inContext, keySchema, type Id, type PublicIdentity } from './public-identity.ts';

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
    const raw = Buffer.from(keySchema.parse(secrets.sign), 'hex');
    const signing = createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, raw]), format: 'der', type: 'pkcs8' });
    return new Identity(signing, KeyPair.fromSecret(new Uint8Array(Buffer.from(keySchema.parse(secrets.seal), 'hex'))));
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
  const x = Buffer.from(keySchema.parse(identity.sign), 'hex').toString('base64url');
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  verifyingKeys.set(identity, publicKey);
  return publicKey;
}
