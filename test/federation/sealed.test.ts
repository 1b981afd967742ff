import { createDecipheriv, createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Identity } from '../../src/federation/identity.ts';
import { openQuestionWith, openWith, sealTo } from '../../src/federation/sealed.ts';
import { ANSWER_OVERHEAD_BYTES, SEAL_OVERHEAD_BYTES, sealQuestionBy } from '../../src/federation/sealing.ts';
import { NODE } from '../../src/random/node-primitives.ts';
import { WEB } from '../../src/random/web-primitives.ts';

const [one, two] = [Identity.generate(), Identity.generate()];
const bytes = new TextEncoder().encode('two mask keys');

describe('what is sealed', () => {
  it('opens for whom and for what it was sealed, and differs each time', async () => {
    const sealed = await sealTo(one.public, 'data abc', bytes);
    expect(sealed.length).toBe(bytes.length + SEAL_OVERHEAD_BYTES);
    expect(await openWith(one, 'data abc', sealed)).toEqual(bytes);
    expect(await openWith(two, 'data abc', sealed)).toBeUndefined();
    expect(await openWith(one, 'data abd', sealed)).toBeUndefined();
    expect(await sealTo(one.public, 'data abc', bytes)).not.toEqual(sealed);
    expect(await openWith(one, '', await sealTo(one.public, '', new Uint8Array()))).toEqual(new Uint8Array());
  });

  it('does not open when any byte is changed or it is cut at any place', async () => {
    const sealed = await sealTo(one.public, 'x', bytes);
    for (let i = 0; i < sealed.length; i++) {
      const changed = sealed.slice();
      changed[i] ^= 1 << (i % 8);
      expect(await openWith(one, 'x', changed)).toBeUndefined();
      expect(await openWith(one, 'x', sealed.subarray(0, i))).toBeUndefined();
    }
  });

  it('opens with a key that came back from its file', async () => {
    const again = Identity.fromSecrets(one.exportSecrets());
    expect(await openWith(again, 'x', await sealTo(one.public, 'x', bytes))).toEqual(bytes);
  });

  it('is as RFC 9180 has it: opened by its steps, written out', async () => {
    const sealed = await sealTo(one.public, 'data abc', bytes);
    expect(openByTheBook(one, 'data abc', sealed)).toEqual(Buffer.from(bytes));
  });

  it('is for a key that is one', async () => {
    await expect(sealTo({ sign: '', seal: '00'.repeat(32) }, 'x', bytes)).rejects.toThrow();
  });
});

describe.each([
  ['Node', NODE],
  ['Web Cryptography', WEB],
])('an answer to what was sealed by %s', (_name, by) => {
  it('opens for who asked, to what was asked, and differs each time', async () => {
    const [asked, other] = [
      await sealQuestionBy(by, one.public, 'input abc', bytes),
      await sealQuestionBy(by, one.public, 'input abc', bytes),
    ];
    const question = await openQuestionWith(one, 'input abc', asked.bytes);
    expect(question?.bytes).toEqual(bytes);
    const answers = [await question!.sealAnswer(bytes), await question!.sealAnswer(bytes)];
    expect(answers[0].length).toBe(bytes.length + ANSWER_OVERHEAD_BYTES);
    for (const answer of answers) {
      expect(await asked.openAnswer(answer)).toEqual(bytes);
      expect(await other.openAnswer(answer)).toBeUndefined();
      // It is nothing that was sealed to a key: neither the party's nor the asker's opens it.
      for (const identity of [one, two]) expect(await openWith(identity, 'input abc', answer)).toBeUndefined();
    }
    // The key is the same, so the nonce never is.
    expect(answers[0].subarray(0, 12)).not.toEqual(answers[1].subarray(0, 12));
    expect(await openQuestionWith(two, 'input abc', asked.bytes)).toBeUndefined();
    expect(await openQuestionWith(one, 'input abd', asked.bytes)).toBeUndefined();
  });

  it('does not open when any byte is changed or it is cut at any place', async () => {
    const asked = await sealQuestionBy(by, one.public, 'x', bytes);
    const answer = await (await openQuestionWith(one, 'x', asked.bytes))!.sealAnswer(bytes);
    for (let i = 0; i < answer.length; i++) {
      const changed = answer.slice();
      changed[i] ^= 1 << (i % 8);
      expect(await asked.openAnswer(changed)).toBeUndefined();
      expect(await asked.openAnswer(answer.subarray(0, i))).toBeUndefined();
    }
  });
});

/** Sections 4, 4.1 and 5.1, base mode, with HKDF by HMAC (RFC 5869). */
function openByTheBook(identity: Identity, info: string, sealed: Uint8Array): Buffer {
  const [kem, kdf, aead] = [Buffer.from('0020', 'hex'), Buffer.from('0001', 'hex'), Buffer.from('0002', 'hex')];
  const suite = Buffer.concat([Buffer.from('HPKE'), kem, kdf, aead]);
  const kemSuite = Buffer.concat([Buffer.from('KEM'), kem]);
  const hmac = (key: Uint8Array, ...parts: Uint8Array[]): Buffer =>
    createHmac('sha256', key).update(Buffer.concat(parts)).digest();
  const extract = (id: Buffer, salt: Uint8Array, label: string, ikm: Uint8Array): Buffer =>
    hmac(salt, Buffer.from('HPKE-v1'), id, Buffer.from(label), ikm);
  const expand = (id: Buffer, prk: Buffer, label: string, context: Uint8Array, length: number): Buffer => {
    const size = Buffer.from([length >> 8, length & 255]);
    // One block is enough: no key here is longer than a hash.
    const block = hmac(prk, size, Buffer.from('HPKE-v1'), id, Buffer.from(label), context, Buffer.from([1]));
    return block.subarray(0, length);
  };
  const none = new Uint8Array();
  const encapsulated = sealed.subarray(0, 32);
  const prk = extract(kemSuite, none, 'eae_prk', identity.sealing.agree(encapsulated));
  const kemContext = Buffer.concat([encapsulated, identity.sealing.publicKey]);
  const shared = expand(kemSuite, prk, 'shared_secret', kemContext, 32);
  const context = Buffer.concat([
    Buffer.from([0]),
    extract(suite, none, 'psk_id_hash', none),
    extract(suite, none, 'info_hash', Buffer.from(`securenn ${info}`)),
  ]);
  const secret = extract(suite, shared, 'secret', none);
  const key = expand(suite, secret, 'key', context, 32);
  const nonce = expand(suite, secret, 'base_nonce', context, 12);
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 });
  decipher.setAuthTag(sealed.subarray(-16));
  return Buffer.concat([decipher.update(sealed.subarray(32, -16)), decipher.final()]);
}
