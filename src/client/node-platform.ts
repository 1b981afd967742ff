/** The client in Node: its own cryptography, HTTPS with pinned keys, and files that this user alone can read. */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeBytes } from '../data/formats/image-folders.ts';
import { checkPrivateFolder } from '../data/private-folder.ts';
import { Identity } from '../federation/identity.ts';
import { readIdentity, writeFirstIdentity } from '../federation/secret-file.ts';
import { NODE } from '../random/node-primitives.ts';
import { httpsTransport } from './federated/https.ts';
import { checkName } from './federated/names.ts';
import { stateFolder, UploadState } from './federated/upload-state.ts';
import type { Platform } from './platform.ts';
import { fetchTransport } from './web/fetch-transport.ts';

export const PLATFORM: Platform = {
  primitives: NODE,
  generate: () => Promise.resolve(Identity.generate()),
  async kept(name) {
    checkName(name);
    const folder = join(stateFolder(), 'identities');
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await checkPrivateFolder(folder);
    const path = join(folder, `${name}.key`);
    const passphrase = process.env.SECURENN_PASSPHRASE;
    if (existsSync(path)) return readIdentity(path, passphrase);
    // Another program, or another call, may have made one meanwhile: the first one counts.
    return writeFirstIdentity(path, Identity.generate(), passphrase);
  },
  transport: (federation, local, onNote) =>
    local === undefined ? httpsTransport(federation, onNote) : fetchTransport(federation, local),
  readPicture: decodeBytes,
  uploads: (federation, owner, name) => new UploadState(federation.id, owner, name),
};
