/**
 * An identity in a page: keys of Web Cryptography whose secret halves no script can read, not even one that got into the page; such a script can
 * sign and open while it is there, and takes nothing along.
 */
import { Problem } from '../../data/problem.ts';
import { idOf, inContext, type Id, type PublicIdentity, type Signer } from '../../federation/public-identity.ts';
import type { Agreeing } from '../../random/primitives.ts';
import { toHex } from '../../random/text.ts';
import { generatePair, rawPublicKey, webAgreeing, type WebKey } from '../../random/web-primitives.ts';

interface Pair {
  readonly privateKey: WebKey;
  readonly publicKey: WebKey;
}

/** As IndexedDB keeps them. */
export interface WebKeys {
  readonly sign: Pair;
  readonly seal: Pair;
}

export async function generateKeys(): Promise<WebKeys> {
  try {
    const [sign, seal] = await Promise.all([
      generatePair('Ed25519', ['sign', 'verify']),
      generatePair('X25519', ['deriveBits']),
    ]);
    return { sign, seal };
  } catch (cause) {
    throw new Problem(
      'this browser makes no keys of Ed25519 and X25519',
      'use Chrome or Edge from 137, Firefox from 130, or Safari from 17.4 on',
      { cause },
    );
  }
}

/** Whether what was kept is a pair of pairs. */
export function isWebKeys(value: unknown): value is WebKeys {
  const { sign, seal } = (value ?? {}) as Partial<Record<keyof WebKeys, Partial<Pair>>>;
  const named = (pair: Partial<Pair> | undefined, name: string): boolean =>
    [pair?.privateKey, pair?.publicKey].every((key) => key?.algorithm.name === name);
  return named(sign, 'Ed25519') && named(seal, 'X25519');
}

export class WebIdentity implements Signer {
  readonly public: PublicIdentity;
  readonly id: Id;
  readonly sealing: Agreeing;
  readonly #sign: WebKey;

  private constructor(keys: WebKeys, sign: Uint8Array, sealing: Agreeing) {
    this.#sign = keys.sign.privateKey;
    this.public = { sign: toHex(sign), seal: toHex(sealing.publicKey) };
    this.id = idOf(this.public);
    this.sealing = sealing;
  }

  static async of(keys: WebKeys): Promise<WebIdentity> {
    const [sign, sealing] = await Promise.all([rawPublicKey(keys.sign.publicKey), webAgreeing(keys.seal)]);
    return new WebIdentity(keys, sign, sealing);
  }

  async sign(context: string, bytes: Uint8Array): Promise<Uint8Array> {
    const signed = inContext(context, bytes) as Uint8Array<ArrayBuffer>;
    return new Uint8Array(await crypto.subtle.sign('Ed25519', this.#sign, signed));
  }
}
