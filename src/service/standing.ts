/**
 * What a running party stands on: its keys, the federation file and its members, read again when they change. A file that cannot be used leaves things
 * as they were, and the log says so.
 */
import type { LinkTls } from '../channel/pins.ts';
import { Problem } from '../data/problem.ts';
import { identitiesOf, ROLES } from '../federation/card.ts';
import { checkTlsKey, readCertificate, type TlsKey } from '../federation/certificate.ts';
import { fingerprint, type Federation } from '../federation/federation-file.ts';
import type { Identity } from '../federation/identity.ts';
import type { PublicIdentity } from '../federation/public-identity.ts';
import { readMembers } from '../federation/members.ts';
import { openQuestionWith } from '../federation/sealed.ts';
import type { OpenedQuestion } from '../federation/sealing.ts';
import type { PartyName } from '../server/ipc.ts';
import { readFile } from 'node:fs/promises';
import { faultOf } from '../data/atomic-write.ts';
import type { PartySettings } from './config.ts';
import { PartyDirectory } from './directory.ts';
import { openPartyFolder, readOwnFederation, shownTls, speakingIdentity, type PartyFolder } from './party-folder.ts';

/** What is shown at `address`. */
export interface ShownCertificate {
  readonly daysLeft: number;
  readonly path: string;
}

export class PartyStanding {
  readonly directory: PartyDirectory;
  readonly #now: () => number;
  readonly #settings: PartySettings | undefined;
  #party: PartyFolder;
  /** Of `address`, where it is not the pinned one. */
  #publicTls: TlsKey | undefined;

  private constructor(
    party: PartyFolder,
    directory: PartyDirectory,
    publicTls: TlsKey | undefined,
    now: () => number,
    settings: PartySettings | undefined,
  ) {
    [this.#party, this.directory, this.#publicTls] = [party, directory, publicTls];
    [this.#now, this.#settings] = [now, settings];
  }

  static async open(folder: string, now: () => number, settings?: PartySettings): Promise<PartyStanding> {
    const party = await openPartyFolder(folder, settings);
    const federation = await readOwnFederation(party);
    const directory = new PartyDirectory(federation, await readMembers(party.paths.members), now);
    return new PartyStanding(party, directory, await readPublicTls(party), now, settings);
  }

  get party(): PartyFolder {
    return this.#party;
  }

  get role(): PartyName {
    return this.#party.config.role;
  }

  get federation(): Federation {
    return this.directory.federation;
  }

  get fingerprint(): string {
    return fingerprint(this.federation);
  }

  /** What this party signs is signed by it: while it changes, by the one that every federation file names. */
  identity(): Identity {
    return speakingIdentity(this.#party, this.federation, this.#now());
  }

  /** Those by which others may know this party, whichever federation file they have. */
  audiences(): readonly PublicIdentity[] {
    const { identity, previousIdentity } = this.#party;
    return [identity, ...(previousIdentity === undefined ? [] : [previousIdentity])].map((each) => each.public);
  }

  /** By which a party may sign at this moment. */
  identities(): Readonly<Record<PartyName, readonly PublicIdentity[]>> {
    const each = ROLES.map((role) => [role, identitiesOf(this.federation.parties[role], this.#now())]);
    return Object.fromEntries(each) as Record<PartyName, readonly PublicIdentity[]>;
  }

  linkTls(): LinkTls {
    const pins = Object.fromEntries(ROLES.map((role) => [role, this.federation.parties[role].tls]));
    return { ...shownTls(this.#party, this.federation).material(), pins };
  }

  addressTls(): TlsKey {
    return this.#publicTls ?? shownTls(this.#party, this.federation).material();
  }

  /** The one that expires first, of those that are shown. */
  certificate(): ShownCertificate {
    const { path, certificate } = shown(this.#party, this.federation);
    const pinned = { path, daysLeft: readCertificate(certificate, path, this.#now()).daysLeft };
    const { publicTls } = this.#party.config;
    if (this.#publicTls === undefined || publicTls === undefined) return pinned;
    const { daysLeft } = readCertificate(this.#publicTls.certificate, publicTls.certificate, this.#now());
    return daysLeft < pinned.daysLeft ? { path: publicTls.certificate, daysLeft } : pinned;
  }

  /** Sealed to the present identity, or to the one before while that counts. */
  async openSealed(info: string, sealed: Uint8Array): Promise<OpenedQuestion | undefined> {
    const { identity, previousIdentity } = this.#party;
    const identities: readonly Identity[] = previousIdentity === undefined ? [identity] : [identity, previousIdentity];
    for (const each of identities) {
      const opened = await openQuestionWith(each, info, sealed);
      if (opened !== undefined) return opened;
    }
    return undefined;
  }

  /** Keys, certificates and federation file, as they are now. Rejects with a Problem, and all stays as it was. */
  async reload(): Promise<void> {
    const party = await openPartyFolder(this.#party.paths.folder, this.#settings);
    const federation = await readOwnFederation(party);
    if (federation.id !== this.federation.id) {
      const fix = 'put the federation file back, or make another party for that federation (another --dir)';
      throw new Problem(`${party.config.federation}: is of another federation than this party serves`, fix);
    }
    const publicTls = await readPublicTls(party);
    shownTls(party, federation);
    [this.#party, this.#publicTls, this.directory.federation] = [party, publicTls, federation];
  }

  async reloadMembers(): Promise<void> {
    this.directory.setMembers(await readMembers(this.#party.paths.members));
  }
}

function shown(party: PartyFolder, federation: Federation): { readonly path: string; readonly certificate: string } {
  const found = shownTls(party, federation);
  return { path: found.path, certificate: found.material().certificate };
}

async function readPublicTls({ config }: PartyFolder): Promise<TlsKey | undefined> {
  const { publicTls } = config;
  if (publicTls === undefined) return undefined;
  const read = (path: string): Promise<string> =>
    readFile(path, 'utf8').catch((error: unknown) => {
      const what = `publicTls in party.json: ${path} cannot be read: ${faultOf(error)}`;
      throw new Problem(what, 'let the party read it, or leave publicTls out');
    });
  const [key, certificate] = [await read(publicTls.key), await read(publicTls.certificate)];
  checkTlsKey({ key, certificate }, publicTls);
  return { key, certificate };
}
