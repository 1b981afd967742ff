/** HPKE as RFC 9180 has it: what `@hpke/core`, made by others, seals opens here, and the other way round, bit for bit. */
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { open, seal } from '../../src/federation/hpke.ts';
import { KeyPair } from '../../src/random/keys.ts';
import { NODE } from '../../src/random/node-primitives.ts';
import { WEB } from '../../src/random/web-primitives.ts';
import { runs } from '../runs.ts';

const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm(),
});

const bytes = fc.uint8Array({ maxLength: 300 });
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });

function bufferOf(of: Uint8Array): ArrayBuffer {
  return new Uint8Array(of).buffer;
}

async function theirKeys(pair: KeyPair): Promise<{ readonly publicKey: never; readonly privateKey: never }> {
  const publicKey: unknown = await suite.kem.deserializePublicKey(bufferOf(pair.publicKey));
  const privateKey: unknown = await suite.kem.deserializePrivateKey(bufferOf(pair.exportSecret()));
  return { publicKey, privateKey } as never;
}

describe.each([
  ['Node', NODE],
  ['Web Cryptography', WEB],
])('HPKE by %s', (_name, by) => {
  it('seals, with the same ephemeral key, as @hpke/core does', async () => {
    await fc.assert(
      fc.asyncProperty(key, key, bytes, bytes, async (to, own, info, plaintext) => {
        const [recipient, ephemeral] = [KeyPair.fromSecret(to), KeyPair.fromSecret(own)];
        const { bytes: sealed, exported } = await seal(by, recipient.publicKey, info, plaintext, ephemeral);
        const ekm = await theirKeys(ephemeral);
        const asked = { recipientPublicKey: (await theirKeys(recipient)).publicKey, info: bufferOf(info), ekm };
        const { enc, ct } = await suite.seal(asked, bufferOf(plaintext));
        expect(Buffer.from(sealed)).toEqual(Buffer.concat([new Uint8Array(enc), new Uint8Array(ct)]));
        const context = await suite.createSenderContext(asked);
        expect(Buffer.from(await exported(info))).toEqual(Buffer.from(await context.export(bufferOf(info), 32)));
      }),
      runs(50),
    );
  });

  it('opens what @hpke/core seals, and seals what that opens', async () => {
    const recipient = KeyPair.generate();
    const { publicKey: recipientPublicKey, privateKey: recipientKey } = await theirKeys(recipient);
    await fc.assert(
      fc.asyncProperty(bytes, bytes, async (info, plaintext) => {
        const theirs = await suite.seal({ recipientPublicKey, info: bufferOf(info) }, bufferOf(plaintext));
        const sealed = Buffer.concat([new Uint8Array(theirs.enc), new Uint8Array(theirs.ct)]);
        expect((await open(by, recipient, info, new Uint8Array(sealed))).bytes).toEqual(plaintext);
        const { bytes: ours, exported } = await seal(by, recipient.publicKey, info, plaintext);
        const asked = { recipientKey, enc: bufferOf(ours.subarray(0, 32)), info: bufferOf(info) };
        expect(new Uint8Array(await suite.open(asked, bufferOf(ours.subarray(32))))).toEqual(plaintext);
        expect(await (await open(by, recipient, info, ours)).exported(plaintext)).toEqual(await exported(plaintext));
      }),
      runs(50),
    );
  });

  it('takes a fresh ephemeral key for each message', async () => {
    const { publicKey } = KeyPair.generate();
    const sealed = await Promise.all(
      Array.from({ length: 20 }, () => seal(by, publicKey, new Uint8Array(), new Uint8Array(4))),
    );
    expect(new Set(sealed.map((each) => Buffer.from(each.bytes.subarray(0, 32)).toString('hex'))).size).toBe(20);
  });

  it('opens nothing that is any other bytes, and rejects a key of small order', async () => {
    const recipient = KeyPair.generate();
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), bytes, async (sealed, info) => {
        await expect(open(by, recipient, info, sealed)).rejects.toThrow();
      }),
      runs(200),
    );
    await expect(seal(by, new Uint8Array(32), new Uint8Array(), new Uint8Array())).rejects.toThrow(/small order/);
    await expect(open(by, recipient, new Uint8Array(), new Uint8Array(100))).rejects.toThrow(/small order/);
  });
});
