import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it, vi } from 'vitest';
import { agreementsWith, deriveKey, keyAgreement } from '../../src/random/agreement.ts';
import { insecurePairKey, pairName } from '../../src/random/insecure.ts';
import { KeyPair } from '../../src/random/keys.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('KeyPair', () => {
  const alice = hex('77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a');
  const bob = hex('5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb');

  it('RFC 7748 section 6.1 known answers', () => {
    const [a, b] = [KeyPair.fromSecret(alice), KeyPair.fromSecret(bob)];
    expect(toHex(a.publicKey)).toBe('8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a');
    expect(toHex(b.publicKey)).toBe('de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f');
    const shared = '4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742';
    expect(toHex(a.agree(b.publicKey))).toBe(shared);
    expect(toHex(b.agree(a.publicKey))).toBe(shared);
  });

  it('RFC 7748 section 5.2 known answer', () => {
    const pair = KeyPair.fromSecret(hex('a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4'));
    const shared = pair.agree(hex('e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c'));
    expect(toHex(shared)).toBe('c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552');
  });

  it('survives being stored', () => {
    const pair = KeyPair.generate();
    const again = KeyPair.fromSecret(pair.exportSecret());
    expect(again.publicKey).toEqual(pair.publicKey);
    expect(KeyPair.generate().publicKey).not.toEqual(pair.publicKey);
  });

  it('refuses public keys of small order and wrong lengths', () => {
    const pair = KeyPair.generate();
    for (const key of [
      '00'.repeat(32),
      '01' + '00'.repeat(31),
      'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
      'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    ]) {
      expect(() => pair.agree(hex(key))).toThrow('of small order');
    }
    expect(() => pair.agree(new Uint8Array(31))).toThrow('public key: expected 32 bytes, found 31');
    expect(() => KeyPair.fromSecret(new Uint8Array(33))).toThrow('secret key: expected 32 bytes, found 33');
  });

  it('shows no secret', () => {
    const pair = KeyPair.fromSecret(alice);
    expect(inspect(pair, { showHidden: true, depth: 10 })).toBe('KeyPair { [publicKey]: [Getter] }');
    expect(JSON.stringify(pair)).toBe('{}');
    expect(Object.keys(pair)).toEqual([]);
  });
});

describe('agreement', () => {
  const identities = { P0: KeyPair.generate(), P1: KeyPair.generate(), P2: KeyPair.generate() };
  const publicKeys = { P0: identities.P0.publicKey, P1: identities.P1.publicKey, P2: identities.P2.publicKey };
  const transcript = Uint8Array.from([1, 2, 3]);
  const whole = Uint8Array.from([4, 5]);
  type Name = keyof typeof identities;
  const agree = (self: Name, peer: Name, identity: KeyPair = identities[self], insecureSeed?: number) =>
    keyAgreement({ self, peer, identity, peerIdentity: publicKeys[peer], insecureSeed });

  it('the same secrets give each pair keys of its own', () => {
    const [identity, ephemeral] = [KeyPair.generate(), KeyPair.generate()];
    const generate = vi.spyOn(KeyPair, 'generate').mockReturnValue(ephemeral);
    try {
      const secretsOf = (peer: Name) =>
        keyAgreement({ self: 'P0', peer, identity, peerIdentity: publicKeys.P1 }).derive(transcript, publicKeys.P2);
      const [first, again, other] = [secretsOf('P1'), secretsOf('P1'), secretsOf('P2')];
      expect(first.pairKey(whole)).toEqual(again.pairKey(whole));
      expect(first.proofOf('P0')).toEqual(again.proofOf('P0'));
      expect(first.pairKey(whole)).not.toEqual(other.pairKey(whole));
      expect(first.proofOf('P0')).not.toEqual(other.proofOf('P0'));
    } finally {
      generate.mockRestore();
    }
  });

  it('HKDF-SHA256 (RFC 5869) written out', () => {
    const secret = Uint8Array.from({ length: 64 }, (_, i) => i);
    const salt = new Uint8Array(32).fill(9);
    const hmac = (key: Uint8Array, ...parts: (Uint8Array | string)[]) => {
      const mac = createHmac('sha256', key);
      for (const part of parts) mac.update(part);
      return mac.digest();
    };
    const prk = hmac(salt, secret);
    const t1 = hmac(prk, 'securenn/2 pair P0-P1', Uint8Array.of(1));
    const t2 = hmac(prk, t1, 'securenn/2 pair P0-P1', Uint8Array.of(2));
    const okm = Buffer.concat([t1, t2]);
    expect(toHex(deriveKey(secret, salt, 'pair P0-P1', 16))).toBe(toHex(okm.subarray(0, 16)));
    expect(toHex(deriveKey(secret, salt, 'pair P0-P1', 48))).toBe(toHex(okm.subarray(0, 48)));
  });

  it('both ends derive the same key and the same proofs', () => {
    const [a, b] = [agree('P0', 'P1'), agree('P1', 'P0')];
    const atA = a.derive(transcript, b.publicKey);
    const atB = b.derive(transcript, a.publicKey);
    expect(atA.pairKey(whole)).toEqual(atB.pairKey(whole));
    expect(atA.pairKey(whole)).toHaveLength(16);
    expect(atA.proofOf('P0')).toEqual(atB.proofOf('P0'));
    expect(atA.proofOf('P1')).toEqual(atB.proofOf('P1'));
    expect(atA.proofOf('P0')).not.toEqual(atA.proofOf('P1'));
  });

  it('another transcript, peer, session or identity gives another key and proof', () => {
    const [a, b] = [agree('P0', 'P1'), agree('P1', 'P0')];
    const base = a.derive(transcript, b.publicKey);
    const stranger = agree('P1', 'P0', KeyPair.generate());
    const others = [
      a.derive(Uint8Array.from([1, 2, 4]), b.publicKey),
      a.derive(transcript, agree('P1', 'P0').publicKey),
      agree('P0', 'P1').derive(transcript, b.publicKey),
      agree('P0', 'P2').derive(transcript, b.publicKey),
      stranger.derive(transcript, a.publicKey),
    ];
    const keys = [base, ...others].map((secrets) => toHex(secrets.pairKey(whole)));
    keys.push(toHex(base.pairKey(Uint8Array.from([4, 6]))));
    keys.push(...[base, ...others].map((secrets) => toHex(secrets.resumeKey(whole))));
    keys.push(toHex(base.resumeKey(Uint8Array.from([4, 6]))));
    for (const role of ['P0', 'P1']) {
      keys.push(...[base, ...others].map((secrets) => toHex(secrets.tagKey(role, whole))));
      keys.push(toHex(base.tagKey(role, Uint8Array.from([4, 6]))));
      expect(base.tagKey(role, whole)).toEqual(b.derive(transcript, a.publicKey).tagKey(role, whole));
    }
    expect(base.resumeKey(whole)).toEqual(b.derive(transcript, a.publicKey).resumeKey(whole));
    const proofs = [base, ...others].map((secrets) => toHex(secrets.proofOf('P1')));
    expect(new Set(keys).size).toBe(keys.length);
    expect(new Set(proofs).size).toBe(proofs.length);
  });

  it('what one end seals the other reads, and nobody else; any change shows', () => {
    const [a, b] = [agree('P0', 'P1'), agree('P1', 'P0')];
    const atA = a.derive(transcript, b.publicKey);
    const atB = b.derive(transcript, a.publicKey);
    const text = new Uint8Array(Buffer.from('model A'));
    const sealed = atA.seal('P0', text);
    expect(sealed).toHaveLength(text.length + 12 + 16);
    expect(Buffer.from(atB.unseal('P0', sealed)!)).toEqual(Buffer.from(text));
    expect(atA.seal('P0', text)).not.toEqual(sealed);
    // Sent back to its sender it is nothing of the peer's.
    expect(atA.unseal('P1', sealed)).toBeUndefined();
    for (const at of sealed.keys()) {
      expect(
        atB.unseal(
          'P0',
          sealed.map((byte, i) => (i === at ? byte ^ 1 : byte)),
        ),
      ).toBeUndefined();
    }
    expect(atB.unseal('P0', sealed.subarray(1))).toBeUndefined();
    expect(atB.unseal('P0', sealed.subarray(0, 27))).toBeUndefined();
    const others = [
      agree('P1', 'P0', KeyPair.generate()).derive(transcript, a.publicKey),
      agree('P1', 'P0').derive(transcript, a.publicKey),
      b.derive(Uint8Array.from([1, 2, 4]), a.publicKey),
    ];
    for (const other of others) expect(other.unseal('P0', sealed)).toBeUndefined();
    expect(Buffer.from(atA.seal('P0', new Uint8Array(0)))).toHaveLength(28);
  });

  it('insecure keys are fixed by seed and pair, and parties still prove their identity', () => {
    const [a, b] = [agree('P0', 'P1', identities.P0, 7), agree('P1', 'P0', KeyPair.generate(), 7)];
    const atA = a.derive(transcript, b.publicKey);
    const atB = b.derive(transcript, a.publicKey);
    expect(atA.pairKey(whole)).toEqual(insecurePairKey(7, 'P0-P1'));
    expect(atA.pairKey(whole)).toEqual(atB.pairKey(whole));
    expect(atA.proofOf('P1')).not.toEqual(atB.proofOf('P1'));
    expect(insecurePairKey(7, 'P0-P1')).not.toEqual(insecurePairKey(8, 'P0-P1'));
    expect(insecurePairKey(7, 'P0-P1')).not.toEqual(insecurePairKey(7, 'P0-P2'));
    expect([a.keys, agree('P0', 'P1').keys]).toEqual(['insecure, seed 7', 'fresh']);
    for (const seed of [-1, 0.5, NaN])
      expect(() => insecurePairKey(seed, 'P0-P1')).toThrow('non-negative integer seed');
  });

  it('agreementsWith looks the peer up', () => {
    const [atP0, atP1] = [
      agreementsWith({ self: 'P0', identity: identities.P0, publicKeys })('P1'),
      agreementsWith({ self: 'P1', identity: identities.P1, publicKeys })('P0'),
    ];
    expect(atP0.derive(transcript, atP1.publicKey).pairKey(whole)).toEqual(
      atP1.derive(transcript, atP0.publicKey).pairKey(whole),
    );
    expect(() => agreementsWith({ self: 'P0', identity: identities.P0, publicKeys })('owner')).toThrow(
      'no identity key of owner is known',
    );
  });

  it('refuses a bad ephemeral key and names pairs in one order', () => {
    expect(() => agree('P0', 'P1').derive(transcript, new Uint8Array(32))).toThrow('of small order');
    expect(pairName('P1', 'P0')).toBe('P0-P1');
    expect(pairName('owner', 'P2')).toBe('P2-owner');
    expect(() => pairName('P0', 'P0')).toThrow('P0 is no pair with itself');
  });

  it('shows no secret', () => {
    const [a, b] = [agree('P0', 'P1'), agree('P1', 'P0')];
    const secrets = a.derive(transcript, b.publicKey);
    const shown = inspect([a, secrets], { showHidden: true, depth: 10 }) + JSON.stringify([a, secrets]);
    expect(shown).not.toContain(toHex(secrets.pairKey(whole)));
    expect(JSON.stringify(secrets)).toBe('{}');
  });
});
