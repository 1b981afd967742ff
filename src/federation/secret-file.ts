/**
 * Files that hold a secret: identities, TLS keys, storage keys, for this user alone (mode 0600), as they are or under a passphrase.
 *
 *     { "securenn": "secret", "version": 1, "kind": …, "plain": base64 }
 *     { "securenn": "secret", "version": 1, "kind": …, "scrypt": { "N", "r", "p", "salt" }, "sealed": base64 }
 *
 * sealed: nonce (12 bytes) ‖ AES-256-GCM ciphertext ‖ tag; key: scrypt (RFC 7914) of the passphrase; additional data: `securenn secret KIND`,
 * so that a key of one kind cannot be put in the place of another.
 *
 * No error says what is in such a file.
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import * as z from 'zod';
import { faultOf, writeFileAtomically, writeFileOnce, type Files } from '../data/atomic-write.ts';
import { Problem } from '../data/problem.ts';
import { checkForm, parseJson } from './form.ts';
import { Identity } from './identity.ts';

export type SecretKind = 'identity' | 'tls-key' | 'storage-keys' | 'ranks-key';

const SCRYPT = { N: 2 ** 17, r: 8, p: 1 } as const;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const CIPHER = 'aes-256-gcm';
const OTHERS = 0o077;
const LONGEST_BYTES = 2 ** 20;
/** A pipe in its place holds nobody up. */
const READ = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

const head = {
  securenn: z.literal('secret'),
  version: z.literal(1),
  kind: z.enum(['identity', 'tls-key', 'storage-keys', 'ranks-key']),
};
const base64 = z.base64();
const secretFile = z.union([
  z.strictObject({ ...head, plain: base64 }),
  z.strictObject({
    ...head,
    // Bounded: a file that somebody has changed must not take all memory.
    scrypt: z.strictObject({
      N: z
        .int()
        .min(2 ** 14)
        .max(2 ** 20),
      r: z.int().min(1).max(16),
      p: z.int().min(1).max(4),
      salt: base64,
    }),
    sealed: base64,
  }),
]);

/** What was there is written over. */
export async function writeSecret(
  path: string,
  kind: SecretKind,
  secret: Uint8Array,
  { passphrase, files }: { readonly passphrase?: string | undefined; readonly files?: Files | undefined } = {},
): Promise<void> {
  const bytes = await formatSecret(kind, secret, passphrase);
  await writeFileAtomically(path, bytes, 'private', files).catch((error: unknown) => {
    throw unwritten(path, error);
  });
}

async function formatSecret(kind: SecretKind, secret: Uint8Array, passphrase: string | undefined): Promise<Buffer> {
  const content =
    passphrase === undefined ? { plain: Buffer.from(secret).toString('base64') } : await seal(kind, secret, passphrase);
  return Buffer.from(`${JSON.stringify({ securenn: 'secret', version: 1, kind, ...content }, null, 2)}\n`);
}

function unwritten(path: string, error: unknown): Problem {
  return new Problem(`${path} cannot be written: ${faultOf(error)}`, 'see to the folder, then run it again');
}

/** Throws a Problem for a file that is not there, is open to others, is of another kind, is damaged, or has another passphrase. */
export async function readSecret(path: string, kind: SecretKind, passphrase?: string): Promise<Uint8Array> {
  const text = await readPrivate(path, kind);
  const origin = { source: path, fix: 'restore it from a backup', secret: true };
  if (!text.trimStart().startsWith('{')) throw new Problem(`${path}: is no secret file of securenn`, origin.fix);
  const json = parseJson(text, origin);
  const file = checkForm(secretFile, json, origin);
  if (file.kind !== kind)
    throw new Problem(
      `${path}: holds ${NAMES[file.kind]}, expected ${NAMES[kind]}`,
      `give the file that holds ${NAMES[kind]}`,
    );
  if ('plain' in file) return new Uint8Array(Buffer.from(file.plain, 'base64'));
  if (passphrase === undefined)
    throw new Problem(`${path}: needs its passphrase`, 'give it: passphraseFile in party.json, or SECURENN_PASSPHRASE');
  const { N, r, p, salt } = file.scrypt;
  const key = await derive(passphrase, Buffer.from(salt, 'base64'), { N, r, p });
  const sealed = Buffer.from(file.sealed, 'base64');
  const opened = openSealed(key, kind, sealed);
  if (opened === undefined)
    throw new Problem(
      `${path}: the passphrase does not open it`,
      'give the right one; if it is the right one, the file is damaged: restore it',
    );
  return opened;
}

const NAMES: Readonly<Record<SecretKind, string>> = {
  identity: 'an identity',
  'tls-key': 'a TLS key',
  'storage-keys': 'storage keys',
  'ranks-key': 'the key of ranks',
};

/** Of a file that no other user can read. */
async function readPrivate(path: string, kind: SecretKind): Promise<string> {
  const made = kind === 'identity' ? 'securenn party init or securenn identity init' : 'securenn party init';
  const handle = await open(path, READ).catch((error: unknown) => {
    const gone = (error as NodeJS.ErrnoException).code === 'ENOENT';
    const what = gone ? 'there is no such file' : faultOf(error);
    const fix = gone ? `give the right path, or make it: ${made}` : 'run it as the user to whom the file belongs';
    throw new Problem(`${path}: ${NAMES[kind]} cannot be read: ${what}`, fix);
  });
  try {
    const found = await handle.stat();
    const { mode, uid, size } = found;
    if (!found.isFile()) throw new Problem(`${path}: is no file`, `give the file that holds ${NAMES[kind]}`);
    const me = process.getuid?.();
    if (me !== undefined && (mode & OTHERS) !== 0)
      throw new Problem(
        `${path}: other users can read it (mode ${(mode & 0o777).toString(8).padStart(4, '0')})`,
        `chmod 600 ${path}; if others have had access, take a new key (securenn party rotate)`,
      );
    if (me !== undefined && me !== 0 && uid !== me)
      throw new Problem(`${path}: belongs to another user (${uid})`, `make it yours: chown ${me} ${path}`);
    if (size > LONGEST_BYTES) throw new Problem(`${path}: is longer than any such file`, 'restore it from a backup');
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}

async function seal(kind: SecretKind, secret: Uint8Array, passphrase: string): Promise<object> {
  const salt = randomBytes(SALT_BYTES);
  const nonce = randomBytes(NONCE_BYTES);
  const key = await derive(passphrase, salt, SCRYPT);
  const cipher = createCipheriv(CIPHER, key, nonce).setAAD(additional(kind));
  const sealed = Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
  return { scrypt: { ...SCRYPT, salt: salt.toString('base64') }, sealed: sealed.toString('base64') };
}

function openSealed(key: Buffer, kind: SecretKind, sealed: Buffer): Uint8Array | undefined {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return undefined;
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES }).setAAD(additional(kind));
  const plain = decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    decipher.final();
    return new Uint8Array(plain);
  } catch {
    return undefined;
  }
}

function additional(kind: SecretKind): Buffer {
  return Buffer.from(`securenn secret ${kind}`);
}

function derive(passphrase: string, salt: Buffer, { N, r, p }: { N: number; r: number; p: number }): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const options = { N, r, p, maxmem: 256 * N * r };
    scrypt(passphrase.normalize('NFC'), salt, 32, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

const secretsSchema = z.strictObject({
  sign: z.string().regex(/^[0-9a-f]{64}$/),
  seal: z.string().regex(/^[0-9a-f]{64}$/),
});

export async function writeIdentity(path: string, identity: Identity, passphrase?: string): Promise<void> {
  await writeSecret(path, 'identity', secretsOf(identity), { passphrase });
}

/** The identity that is kept there from now on: this one, unless another was written first. */
export async function writeFirstIdentity(path: string, identity: Identity, passphrase?: string): Promise<Identity> {
  const bytes = await formatSecret('identity', secretsOf(identity), passphrase);
  const written = await writeFileOnce(path, bytes).catch((error: unknown) => {
    throw unwritten(path, error);
  });
  return written ? identity : readIdentity(path, passphrase);
}

function secretsOf(identity: Identity): Buffer {
  return Buffer.from(JSON.stringify(identity.exportSecrets()));
}

export async function readIdentity(path: string, passphrase?: string): Promise<Identity> {
  const bytes = await readSecret(path, 'identity', passphrase);
  const origin = { source: path, fix: 'restore it from a backup', secret: true };
  try {
    return Identity.fromSecrets(secretsSchema.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))));
  } catch {
    throw new Problem(`${path}: the identity in it is damaged`, origin.fix);
  }
}
