import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/data/problem.ts';
import { Vault, VAULT_OVERHEAD_BYTES } from '../../src/data/vault.ts';

const key = (): Uint8Array => new Uint8Array(randomBytes(32));

async function* parts(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array, void> {
  for (let from = 0; from < bytes.length; from += size) yield await Promise.resolve(bytes.subarray(from, from + size));
}

async function joined(parts: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const part of parts) all.push(part);
  return new Uint8Array(Buffer.concat(all));
}

describe('a vault', () => {
  const secret = key();
  const vault = new Vault([secret]);
  const bytes = new Uint8Array(randomBytes(1000));

  it('opens what it sealed, and only that: every changed byte is noticed, every cut', () => {
    const sealed = vault.seal('checkpoint', bytes);
    expect(sealed.length).toBe(bytes.length + VAULT_OVERHEAD_BYTES);
    expect(vault.open('checkpoint', sealed, 'f')).toEqual(bytes);
    for (let i = 0; i < sealed.length; i++) {
      const changed = sealed.slice();
      changed[i] ^= 1;
      expect(() => vault.open('checkpoint', changed, 'f'), `byte ${i}`).toThrow(Problem);
    }
    for (const length of [0, 5, VAULT_OVERHEAD_BYTES - 1, VAULT_OVERHEAD_BYTES, sealed.length - 1])
      expect(() => vault.open('checkpoint', sealed.subarray(0, length), 'f')).toThrow(/^f: /);
    expect(vault.open('model', vault.seal('model', new Uint8Array(0)), 'f').length).toBe(0);
  });

  it.each([1, 7, 48, 64, 1064])('seals and opens the same %i bytes at a time', async (size) => {
    const sealed = await joined(vault.sealParts('checkpoint', parts(bytes, size)));
    expect(vault.open('checkpoint', sealed, 'f')).toEqual(bytes);
    const opened = (of: Uint8Array): Promise<Uint8Array> => joined(vault.openParts('checkpoint', parts(of, size), 'f'));
    expect(await opened(sealed)).toEqual(bytes);
    expect(await opened(vault.seal('checkpoint', new Uint8Array(0)))).toEqual(new Uint8Array(0));
    for (let i = 0; i < sealed.length; i += 13) {
      const changed = sealed.slice();
      changed[i] ^= 1;
      await expect(opened(changed), `byte ${i}`).rejects.toThrow(Problem);
    }
    for (const length of [0, 5, VAULT_OVERHEAD_BYTES - 1, VAULT_OVERHEAD_BYTES, sealed.length - 1])
      await expect(opened(sealed.subarray(0, length)), `${length} bytes`).rejects.toThrow(/^f: /);
  });

  it('takes no file of another purpose for its own', () => {
    expect(() => vault.open('model', vault.seal('checkpoint', bytes), 'f')).toThrow(
      'f: is damaged, or another file was put in its place',
    );
  });

  it('seals the same bytes differently each time', () => {
    const [a, b] = [vault.seal('x', bytes), vault.seal('x', bytes)];
    const same = a.filter((byte, i) => byte === b[i]).length;
    // Magic and key id; of the rest one byte in 256.
    expect(same).toBeLessThan(16 + 30);
  });

  it('opens with an older key during a rotation, and says which files are under it', () => {
    const rotated = new Vault([key(), secret]);
    const old = vault.seal('checkpoint', bytes);
    expect(rotated.open('checkpoint', old, 'f')).toEqual(bytes);
    expect(rotated.isOutdated(old)).toBe(true);
    const renewed = rotated.seal('checkpoint', bytes);
    expect(rotated.isOutdated(renewed)).toBe(false);
    expect(() => vault.open('checkpoint', renewed, 'f')).toThrow(/^f: is encrypted under storage key [0-9a-f]{16}, /);
  });

  it('shows no key', () => {
    const shown = inspect(vault, { depth: 9, showHidden: true }) + JSON.stringify(vault);
    expect(shown).not.toContain(Buffer.from(secret).toString('hex'));
    expect(Object.keys(vault)).toEqual([]);
    expect(() => new Vault([new Uint8Array(16)])).toThrow('storage key: expected 32 bytes, found 16');
    expect(() => new Vault([])).toThrow(RangeError);
  });
});
