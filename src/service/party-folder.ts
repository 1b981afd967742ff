/** A party's folder: made by `party init`, read by everything that runs as this party, its keys changed by `party rotate`. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { faultOf } from '../data/atomic-write.ts';
import { makeFolder } from '../data/folders.ts';
import { checkPrivateFolder } from '../data/private-folder.ts';
import { Problem } from '../data/problem.ts';
import { STORAGE_KEY_BYTES, Vault } from '../data/vault.ts';
import { splitAddress, type HostPort } from '../federation/address.ts';
import {
  FEDERATION_PROTOCOL,
  formatCard,
  type PartyCard,
  type Role,
  type SignedCard,
  type Trust,
} from '../federation/card.ts';
import { parsePartyCard, signCard } from '../federation/signed-card.ts';
import {
  checkTlsKey,
  makeTlsKey,
  readCertificate,
  type CertificateFacts,
  type TlsKey,
} from '../federation/certificate.ts';
import { writeNamedFile } from '../federation/named-file.ts';
import { readFederation } from '../federation/federation-read.ts';
import type { Federation } from '../federation/federation-file.ts';
import { Identity } from '../federation/identity.ts';
import { idOf } from '../federation/public-identity.ts';
import { readIdentity, readSecret, writeIdentity, writeSecret } from '../federation/secret-file.ts';
import { makeRanksKey } from './ranks/key.ts';
import {
  initialConfig,
  pathsOf,
  readConfig,
  readPassphrase,
  type PartyConfig,
  type PartyPaths,
  type PartySettings,
} from './config.ts';

export interface NewParty {
  readonly role: Role;
  readonly name: string;
  /** host:port at which others find it. */
  readonly address: string;
  readonly links: string;
  readonly trust: Trust;
  readonly listen: HostPort;
  readonly bindLinks: HostPort;
  readonly private: HostPort;
  readonly passphraseFile?: string | undefined;
}

/** Makes keys, configuration and card. Refuses a folder in which there is a party already. */
export async function initParty(folder: string, party: NewParty): Promise<PartyCard> {
  const paths = pathsOf(folder);
  // What lies above holds nothing secret.
  await makeFolder(dirname(folder), { mode: 0o755 });
  await makeFolder(folder, { mode: 0o700 });
  await checkPrivateFolder(folder);
  for (const path of [paths.config, paths.identity, paths.tlsKey, paths.storageKeys]) {
    if (!existsSync(path)) continue;
    throw new Problem(`${path} is there already: a party lives in this folder`, 'give another folder to --dir');
  }
  const { role, name, address, links, trust, passphraseFile } = party;
  const passphrase = await readPassphrase({ passphraseFile });
  const identity = Identity.generate();
  const tls = await makeTlsKey({ name: `securenn ${role} ${name}`, hosts: hostsOf(address, links) });
  await writeIdentity(paths.identity, identity, passphrase);
  await writeTls(tls, paths.tlsKey, paths.tlsCertificate, passphrase);
  await writeSecret(paths.storageKeys, 'storage-keys', randomBytes(STORAGE_KEY_BYTES), { passphrase });
  await makeRanksKey(role, paths.ranksKey, passphrase);
  const card: PartyCard = {
    ...{ securenn: 'party-card', version: 1, role, name, address, links },
    identity: identity.public,
    tls: [readCertificate(tls.certificate, paths.tlsCertificate).pin],
    ...{ trust, protocol: FEDERATION_PROTOCOL, issued: new Date().toISOString() },
  };
  await writeCard(paths, signCard(card, identity));
  const { listen, bindLinks } = party;
  const config = { role, listen, links: bindLinks, private: party.private, passphraseFile };
  // Last: a folder without it is no party's, and can be removed and made again.
  await writeNamedFile(paths.config, initialConfig(config));
  return card;
}

/** Of `state`, while the party runs. */
export const SERVICE_LOCK = { who: 'a party', holds: 'serves from here' };

/** A folder's keys, opened. What is secret is out of reach of `JSON.stringify`: the objects that hold it are classes, or functions. */
export interface PartyFolder {
  readonly paths: PartyPaths;
  readonly config: PartyConfig;
  readonly identity: Identity;
  /** While it still counts. */
  readonly previousIdentity: Identity | undefined;
  /** Those there are: the present one and, while it is changed, the next. */
  readonly tls: readonly (CertificateFacts & { readonly material: () => TlsKey; readonly path: string })[];
  readonly storageKeys: () => readonly Uint8Array[];
  readonly vault: Vault;
}

/** @param settings in place of what party.json says */
export async function openPartyFolder(folder: string, settings?: PartySettings): Promise<PartyFolder> {
  const paths = pathsOf(folder);
  const config = await readConfig(folder, settings);
  await checkPrivateFolder(folder);
  const passphrase = await readPassphrase(config);
  await mendRotation(paths, passphrase);
  const { previousIdentity: before, nextTlsKey, nextTlsCertificate } = paths;
  // Side by side: a passphrase takes its time for each.
  const [identity, previousIdentity, present, next, bytes] = await Promise.all([
    readIdentity(paths.identity, passphrase),
    existsSync(before) ? readIdentity(before, passphrase) : undefined,
    readTls(paths.tlsKey, paths.tlsCertificate, passphrase),
    existsSync(nextTlsKey) ? readTls(nextTlsKey, nextTlsCertificate, passphrase) : undefined,
    readSecret(paths.storageKeys, 'storage-keys', passphrase),
  ]);
  const tls = next === undefined ? [present] : [present, next];
  if (bytes.length === 0 || bytes.length % STORAGE_KEY_BYTES !== 0)
    throw new Problem(`${paths.storageKeys}: the keys in it are damaged`, 'restore it from a backup');
  const keys = Array.from({ length: bytes.length / STORAGE_KEY_BYTES }, (_, i) =>
    bytes.slice(i * STORAGE_KEY_BYTES, (i + 1) * STORAGE_KEY_BYTES),
  );
  const vault = new Vault(keys);
  return { paths, config, identity, previousIdentity, tls, storageKeys: () => keys, vault };
}

/** A crash may have left the next certificate alone: after its key has taken its place, or before its key was written. */
async function mendRotation(paths: PartyPaths, passphrase: string | undefined): Promise<void> {
  if (existsSync(paths.nextTlsKey) || !existsSync(paths.nextTlsCertificate)) return;
  const key = Buffer.from(await readSecret(paths.tlsKey, 'tls-key', passphrase)).toString('utf8');
  const certificate = await readFile(paths.nextTlsCertificate, 'utf8');
  const sources = { key: paths.tlsKey, certificate: paths.nextTlsCertificate };
  try {
    checkTlsKey({ key, certificate }, sources);
  } catch {
    return rm(paths.nextTlsCertificate, { force: true });
  }
  await rename(paths.nextTlsCertificate, paths.tlsCertificate);
}

/** The federation file, once this party's card in it is known to be of this folder's keys. */
export async function readOwnFederation(party: PartyFolder): Promise<Federation> {
  const { config, identity, previousIdentity, tls, paths } = party;
  const federation = await readFederation(config.federation);
  const card = federation.parties[config.role];
  const ours = [identity, previousIdentity].some((each) => each?.id === idOf(card.identity));
  if (!ours) {
    throw new Problem(
      `${config.federation}: its ${config.role} (${card.name}) has another identity than ${paths.identity}`,
      `make it anew with this party's card: securenn federation join ${config.role}.card.json …; or see role in party.json`,
    );
  }
  if (!tls.some(({ pin }) => card.tls.includes(pin))) {
    throw new Problem(
      `${config.federation}: names none of this party's TLS keys`,
      `send the others the newest card (securenn party card), and put it in: securenn federation join --update`,
    );
  }
  return federation;
}

/** The key to show: of those that the federation file names, the one that it names first. */
export function shownTls({ tls, config }: PartyFolder, federation: Federation): PartyFolder['tls'][number] {
  const { tls: pins } = federation.parties[config.role];
  const shown = pins.flatMap((pin) => tls.find((each) => each.pin === pin) ?? [])[0];
  if (shown === undefined) throw new Problem('none of the TLS keys is in the federation file', 'securenn party card');
  return shown;
}

/** The present one signs for so long before the identity before ends: clocks differ. */
const MARGIN_MS = 86_400_000;

/**
 * Whose key signs what this party says. While it changes its identity that is the one before, which every federation file names, the old ones
 * and the new; until shortly before its end, or `party rotate finish`.
 */
export function speakingIdentity(
  { identity, previousIdentity, config }: Pick<PartyFolder, 'identity' | 'previousIdentity' | 'config'>,
  federation: Federation,
  now: number,
): Identity {
  const card = federation.parties[config.role];
  if (previousIdentity === undefined) return identity;
  if (idOf(card.identity) === previousIdentity.id) return previousIdentity;
  const { previous } = card;
  const counts = previous !== undefined && idOf(previous.identity) === previousIdentity.id;
  return counts && now < Date.parse(previous.until) - MARGIN_MS ? previousIdentity : identity;
}

/** The card as it was written last. */
export async function readOwnCard({
  paths,
  config,
}: Pick<PartyFolder, 'paths' | 'config'>): Promise<SignedCard<PartyCard>> {
  const path = cardPath(paths, config.role);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new Problem(`${path}: cannot be read: ${faultOf(error)}`, 'restore it from another party or a backup');
  });
  return parsePartyCard(text, path);
}

export function cardPath(paths: PartyPaths, role: Role): string {
  return `${paths.folder}/${role}.card.json`;
}

export async function writeCard(paths: PartyPaths, card: SignedCard<PartyCard>): Promise<void> {
  await writeNamedFile(cardPath(paths, card.card.role), formatCard(card));
}

async function readTls(
  key: string,
  certificate: string,
  passphrase: string | undefined,
): Promise<PartyFolder['tls'][number]> {
  const secret = Buffer.from(await readSecret(key, 'tls-key', passphrase)).toString('utf8');
  const pem = await readFile(certificate, 'utf8').catch((error: unknown) => {
    throw new Problem(
      `${certificate}: cannot be read: ${faultOf(error)}`,
      'renew it: securenn party rotate certificate',
    );
  });
  const material: TlsKey = { key: secret, certificate: pem };
  checkTlsKey(material, { key, certificate });
  return { ...readCertificate(pem, certificate), material: () => material, path: certificate };
}

/** The key last: where it is, both are. */
export async function writeTls(
  tls: TlsKey,
  key: string,
  certificate: string,
  passphrase: string | undefined,
): Promise<void> {
  await writeNamedFile(certificate, tls.certificate);
  await writeSecret(key, 'tls-key', Buffer.from(tls.key), { passphrase });
}

/** Without port and brackets. */
export function hostsOf(...addresses: readonly string[]): string[] {
  const hosts = addresses.map((address) => splitAddress(address).host);
  return [...new Set([...hosts, hostname()])].filter((host) => /^[A-Za-z0-9.:-]+$/.test(host));
}
