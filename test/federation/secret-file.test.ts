import fc from 'fast-check';
import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../src/data/problem.ts';
import { Identity } from '../../src/federation/identity.ts';
import {
  readIdentity,
  readSecret,
  writeFirstIdentity,
  writeIdentity,
  writeSecret,
} from '../../src/federation/secret-file.ts';
import { temporaryFolder } from '../folder.ts';

const folder = temporaryFolder('secrets');
const SECRET = Buffer.from('a key that nobody may see');

async function refusal(promise: Promise<unknown>): Promise<string> {
  const thrown: unknown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(Problem);
  const { message, fix } = thrown as Problem;
  for (const secret of [SECRET.toString(), SECRET.toString('base64'), SECRET.toString('hex')])
    expect(message + fix).not.toContain(secret);
  return `${message} | ${fix}`;
}

describe('a secret file', () => {
  it('gives back what it was given, to this user alone', async () => {
    const path = join(folder, 'deep', 'plain.key');
    await writeSecret(path, 'tls-key', SECRET);
    expect(Buffer.from(await readSecret(path, 'tls-key'))).toEqual(SECRET);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(folder, 'deep'))).mode & 0o777).toBe(0o700);
  });

  it('under a passphrase says nothing without it', async () => {
    const path = join(folder, 'sealed.key');
    await writeSecret(path, 'tls-key', SECRET, { passphrase: 'pässword' });
    const text = await readFile(path, 'utf8');
    expect(text).not.toContain(SECRET.toString('base64'));
    expect(Buffer.from(await readSecret(path, 'tls-key', 'pässword'))).toEqual(SECRET);
    // The same letters, written another way.
    expect(Buffer.from(await readSecret(path, 'tls-key', 'pa\u0308ssword'))).toEqual(SECRET);
    expect(await refusal(readSecret(path, 'tls-key'))).toMatch(/needs its passphrase \| give it: passphraseFile/);
    expect(await refusal(readSecret(path, 'tls-key', 'password'))).toMatch(/passphrase does not open it/);
    // Put in the place of another kind.
    await writeFile(path, text.replace('tls-key', 'identity'), { mode: 0o600 });
    expect(await refusal(readSecret(path, 'identity', 'pässword'))).toMatch(/does not open it/);
  });

  it('that is open to others, of another kind or not there is refused with what to do', async () => {
    const path = join(folder, 'open.key');
    await writeSecret(path, 'tls-key', SECRET);
    expect(await refusal(readSecret(path, 'identity'))).toMatch(/holds a TLS key, expected an identity/);
    for (const mode of [0o640, 0o604, 0o666]) {
      await chmod(path, mode);
      expect(await refusal(readSecret(path, 'tls-key'))).toMatch(
        /other users can read it \(mode 06.*chmod 600 .*open\.key/,
      );
    }
    await rm(path);
    expect(await refusal(readSecret(path, 'tls-key'))).toMatch(
      /TLS key cannot be read: there is no such file .*party init/,
    );
    expect(await refusal(readSecret(folder, 'tls-key'))).toMatch(/.+\| .+/);
  });

  it('that has been damaged is refused, whatever is in it', async () => {
    const path = join(folder, 'damaged.key');
    await writeSecret(path, 'storage-keys', SECRET);
    const text = await readFile(path, 'utf8');
    const damaged = fc.oneof(
      fc.nat(text.length - 1).map((at) => text.slice(0, at)),
      fc.string({ unit: 'binary' }),
      fc.json(),
      fc.constantFrom('-----BEGIN PRIVATE KEY-----\n', '[]', '{}', text.replace('"plain"', '"plane"')),
    );
    await fc.assert(
      fc.asyncProperty(damaged, async (content) => {
        await writeFile(path, content);
        // What lacks its last line break alone is whole.
        if (content.trim() === text.trim()) return;
        await refusal(readSecret(path, 'storage-keys'));
      }),
      { numRuns: 200 },
    );
  });

  it('asks for no more memory than it should', async () => {
    const path = join(folder, 'huge.key');
    await writeSecret(path, 'tls-key', SECRET, { passphrase: 'x' });
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace('"N": 131072', '"N": 1073741824'));
    expect(await refusal(readSecret(path, 'tls-key', 'x'))).toMatch(/huge\.key/);
  });
});

describe('an identity in a file', () => {
  it('comes back as it was', async () => {
    const path = join(folder, 'identity.key');
    const identity = Identity.generate();
    await writeIdentity(path, identity, 'x');
    const again = await readIdentity(path, 'x');
    expect(again.exportSecrets()).toEqual(identity.exportSecrets());
    expect(again.id).toBe(identity.id);
  });

  it('that is none is refused', async () => {
    const path = join(folder, 'none.key');
    await writeSecret(path, 'identity', Buffer.from('{"sign":"00"}'));
    expect(await refusal(readIdentity(path))).toMatch(/identity in it is damaged/);
  });
});

it('of several identities that are made for one file at once, all get the one that is kept', async () => {
  for (const passphrase of [undefined, 'x']) {
    const path = join(folder, 'at', `${passphrase ?? 'open'}.key`);
    const made = await Promise.all(
      Array.from({ length: 4 }, () => writeFirstIdentity(path, Identity.generate(), passphrase)),
    );
    const { id } = await readIdentity(path, passphrase);
    expect(new Set(made.map((each) => each.id))).toEqual(new Set([id]));
  }
  expect((await stat(join(folder, 'at', 'open.key'))).mode & 0o777).toBe(0o600);
  expect((await readdir(join(folder, 'at'))).sort()).toEqual(['open.key', 'x.key']);
});
