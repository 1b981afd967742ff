/** `party rotate`: a party changes its keys, with an overlap in which the old ones still count. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { lockFolder } from '../data/folder-lock.ts';
import { Problem } from '../data/problem.ts';
import { STORAGE_KEY_BYTES } from '../data/vault.ts';
import { signCard } from '../federation/signed-card.ts';
import type { PartyCard } from '../federation/card.ts';
import { makeTlsKey, readCertificate, renewCertificate } from '../federation/certificate.ts';
import { writeNamedFile } from '../federation/named-file.ts';
import { Identity } from '../federation/identity.ts';
import { idOf } from '../federation/public-identity.ts';
import { readIdentity, writeIdentity, writeSecret } from '../federation/secret-file.ts';
import { readPassphrase, type PartyPaths } from './config.ts';
import {
  hostsOf,
  openPartyFolder,
  readOwnCard,
  readOwnFederation,
  SERVICE_LOCK,
  writeCard,
  writeTls,
  type PartyFolder,
} from './party-folder.ts';
import { makeRanksKey } from './ranks/key.ts';
import { renewSealedFiles } from './store/sealed-files.ts';

export const ROTATIONS = ['certificate', 'tls', 'finish', 'identity', 'storage', 'storage-finish', 'ranks'] as const;
/**
 * certificate: the same TLS key for longer. tls: a new TLS key beside the present one, which goes on being shown. identity: a new one, which the
 * present one endorses; the present one goes on signing. finish: once every federation file has the new card, the old keys go. storage: what is
 * written from now on is under a new storage key, and at the next start everything else. storage-finish: once it is, the old ones go.
 * ranks: a new key by which the party's ranks know each other.
 */
export type Rotation = (typeof ROTATIONS)[number];

/** How long an identity that was replaced still counts. */
const OVERLAP_MS = 30 * 86_400_000;

/** Returns the card to send to the others, where it has changed. */
export async function rotateKeys(folder: string, what: Rotation): Promise<PartyCard | undefined> {
  const party = await openPartyFolder(folder);
  const { paths, config, identity } = party;
  const passphrase = await readPassphrase(config);
  const { card } = await readOwnCard(party);
  const options = { name: `securenn ${card.role} ${card.name}`, hosts: hostsOf(card.address, card.links) };
  const issued = new Date().toISOString();
  switch (what) {
    case 'certificate': {
      const renewed = await renewCertificate(party.tls[0].material().key, options);
      await writeNamedFile(paths.tlsCertificate, renewed.certificate);
      return undefined;
    }
    case 'tls': {
      if (party.tls.length > 1)
        throw new Problem('a change of the TLS key is under way', 'end it first: securenn party rotate finish');
      const next = await makeTlsKey(options);
      await writeTls(next, paths.nextTlsKey, paths.nextTlsCertificate, passphrase);
      // The present one first: it is the one to show until all know both.
      const pins = [party.tls[0].pin, readCertificate(next.certificate, paths.nextTlsCertificate).pin];
      return signed(paths, { ...card, tls: pins, issued }, identity, party.previousIdentity);
    }
    case 'finish': {
      const federation = await readOwnFederation(party);
      const known = federation.parties[config.role];
      const [, next] = party.tls;
      const changing = party.previousIdentity !== undefined;
      // Of two pins in the card one may be left of an end that a crash cut short.
      if (next === undefined && !changing && card.tls.length === 1)
        throw new Problem('no change of keys is under way', 'begin one: securenn party rotate tls, or identity');
      if ((next !== undefined && !known.tls.includes(next.pin)) || (changing && idOf(known.identity) !== identity.id)) {
        throw new Problem(
          `${config.federation} does not name the new key yet`,
          'first give all three parties and every client the federation file with the new card',
        );
      }
      if (next !== undefined) {
        // After a crash in between, `openPartyFolder` moves the second.
        await rename(paths.nextTlsKey, paths.tlsKey);
        await rename(paths.nextTlsCertificate, paths.tlsCertificate);
      }
      const pins = [(next ?? party.tls[0]).pin];
      const last = await signed(paths, { ...card, previous: undefined, tls: pins, issued }, identity, undefined);
      await rm(paths.previousIdentity, { force: true });
      return last;
    }
    case 'identity': {
      if (party.previousIdentity !== undefined && card.previous !== undefined && idOf(card.identity) === identity.id)
        throw new Problem('a change of the identity is under way', 'end it first: securenn party rotate finish');
      // After a crash, the same command goes on with the key that it made then.
      const next = existsSync(paths.nextIdentity)
        ? await readIdentity(paths.nextIdentity, passphrase)
        : Identity.generate();
      await writeIdentity(paths.nextIdentity, next, passphrase);
      const until = new Date(Date.now() + OVERLAP_MS).toISOString();
      const first = card.first ?? idOf(card.identity);
      const previous = { identity: identity.public, until };
      const followed = { ...card, identity: next.public, previous, first, issued };
      await writeCard(paths, signCard(followed, next, identity));
      await writeIdentity(paths.previousIdentity, identity, passphrase);
      await rename(paths.nextIdentity, paths.identity);
      return followed;
    }
    case 'storage': {
      const keys = Buffer.concat([randomBytes(STORAGE_KEY_BYTES), ...party.storageKeys()]);
      await writeSecret(paths.storageKeys, 'storage-keys', keys, { passphrase });
      return undefined;
    }
    case 'ranks': {
      await makeRanksKey(config.role, paths.ranksKey, passphrase);
      return undefined;
    }
    case 'storage-finish': {
      await dropStorageKeys(party, passphrase);
      return undefined;
    }
  }
}

/** Not while the party runs: what it began with is what it seals under. */
async function dropStorageKeys(party: PartyFolder, passphrase: string | undefined): Promise<void> {
  const { paths, vault } = party;
  const [newest, ...old] = party.storageKeys();
  if (old.length === 0)
    throw new Problem('there is one storage key only', 'begin a change: securenn party rotate storage');
  const release = await lockFolder(paths.state, { words: SERVICE_LOCK });
  try {
    const { left } = await renewSealedFiles(paths.state, vault);
    const [first] = left;
    if (first !== undefined) {
      const what = `${left.length} files cannot be sealed under the new storage key: ${first.reason}`;
      throw new Problem(what, 'restore them from a copy, or remove them if they are lost, then run it again');
    }
    await writeSecret(paths.storageKeys, 'storage-keys', newest, { passphrase });
  } finally {
    release();
  }
}

async function signed(
  paths: PartyPaths,
  card: PartyCard,
  identity: Identity,
  before: Identity | undefined,
): Promise<PartyCard> {
  await writeCard(paths, signCard(card, identity, card.previous === undefined ? undefined : before));
  return card;
}
