/** Node's cryptography and a browser's give the same, bit for bit. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Identity } from '../../src/federation/identity.ts';
import { inContext } from '../../src/federation/public-identity.ts';
import { KeyPair } from '../../src/random/keys.ts';
import { NODE } from '../../src/random/node-primitives.ts';
import { fromBase64, fromHex, toBase64, toBase64Url, toHex } from '../../src/random/text.ts';
import { WEB } from '../../src/random/web-primitives.ts';
import { runs } from '../runs.ts';

const bytes = fc.uint8Array({ maxLength: 400 });
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });

function plain(of: Uint8Array): Uint8Array {
  return new Uint8Array(of);
}

describe('both files of primitives', () => {
  it('hash and authenticate alike, under any key and in any number of parts', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), bytes, bytes, async (secret, one, two) => {
        expect(plain(await WEB.sha256(one))).toEqual(plain(await NODE.sha256(one)));
        expect(plain(await WEB.hmac(secret, one, two))).toEqual(plain(await NODE.hmac(secret, one, two)));
      }),
      runs(50),
    );
  });

  it('seal alike, and open what the other has sealed, and nothing that was changed', async () => {
    await fc.assert(
      fc.asyncProperty(key, bytes, bytes, async (secret, additional, plaintext) => {
        const nonce = NODE.randomBytes(12);
        const sealed = plain(await WEB.seal(secret, nonce, additional, plaintext));
        expect(sealed).toEqual(plain(await NODE.seal(secret, nonce, additional, plaintext)));
        for (const by of [NODE, WEB]) {
          expect(plain(await by.open(secret, nonce, additional, sealed))).toEqual(plaintext);
          const changed = sealed.slice();
          changed[sealed.length >> 1] ^= 1;
          await expect((async () => by.open(secret, nonce, additional, changed))()).rejects.toThrow();
          await expect((async () => by.open(secret, nonce, additional, sealed.subarray(0, 15)))()).rejects.toThrow();
        }
      }),
      runs(30),
    );
  });

  it('draw the same masks from the same key, at any place', async () => {
    const place = fc.integer({ min: 0, max: 5000 });
    const text = fc.string({ maxLength: 30, unit: 'grapheme' });
    await fc.assert(
      fc.asyncProperty(key, text, text, place, place, async (secret, path, purpose, from, n) => {
        const [node, web] = [NODE, WEB].map((by) => by.masks(secret.subarray(0, 16), path, purpose));
        expect(await web.z64(from, n)).toEqual(await node.z64(from, n));
      }),
      runs(50),
    );
  });

  it('refuse a place that no stream has, and an address that is no Unicode', async () => {
    for (const by of [NODE, WEB]) {
      const masks = by.masks(new Uint8Array(16), 'path', 'U');
      for (const [from, n] of [
        [-1, 1],
        [2 ** 33, 1],
        [0.5, 1],
      ])
        await expect((async () => masks.z64(from, n))()).rejects.toThrow(/random stream/);
      expect(() => by.masks(new Uint8Array(16), '\ud800', 'U')).toThrow(/well-formed/);
    }
  });

  it('agree on keys with each other, and on none of small order', async () => {
    const [node, web] = [KeyPair.generate(), await WEB.agreeing()];
    expect(plain(await web.agree(node.publicKey))).toEqual(plain(node.agree(web.publicKey)));
    for (const by of [NODE, WEB]) {
      const pair = await by.agreeing();
      await expect((async () => pair.agree(new Uint8Array(32)))()).rejects.toThrow(/small order/);
      await expect((async () => pair.agree(new Uint8Array(31)))()).rejects.toThrow(/32 bytes/);
    }
  });

  it('take the same signatures', async () => {
    const identity = Identity.generate();
    const signed = inContext('document job', NODE.randomBytes(50));
    const signature = identity.sign('document job', signed.subarray('securenn document job\0'.length));
    const own = fromHex(identity.public.sign);
    for (const by of [NODE, WEB]) {
      expect(await by.verify(own, signed, signature)).toBe(true);
      expect(await by.verify(own, signed.subarray(1), signature)).toBe(false);
      expect(await by.verify(own, signed, signature.subarray(1))).toBe(false);
      expect(await by.verify(new Uint8Array(31), signed, signature)).toBe(false);
      expect(await by.verify(fromHex(Identity.generate().public.sign), signed, signature)).toBe(false);
    }
  });
});

describe('bytes as text', () => {
  it('are read back, and as Node writes them', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (some) => {
        expect(toHex(some)).toBe(Buffer.from(some).toString('hex'));
        expect(toBase64(some)).toBe(Buffer.from(some).toString('base64'));
        expect(toBase64Url(some)).toBe(Buffer.from(some).toString('base64url'));
        expect(fromHex(toHex(some))).toEqual(some);
        expect(fromBase64(toBase64(some))).toEqual(some);
      }),
      runs(200),
    );
    for (const wrong of ['a', 'zz', '0x']) expect(() => fromHex(wrong)).toThrow();
  });
});
