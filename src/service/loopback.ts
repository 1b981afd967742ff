/** Three parties on loopback, each with a folder of its own, that know each other; nothing runs yet. For tests, benchmarks and embedding. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePorts } from './free-ports.ts';
import { MEMBER_ROLES, type MemberRole, ROLES, type Role } from '../federation/card.ts';
import { formatFederation, joinFederation, type Federation } from '../federation/federation-file.ts';
import type { PublicIdentity } from '../federation/public-identity.ts';
import { admit, readMembers, writeMembers, type Member } from '../federation/members.ts';
import { initParty, openPartyFolder, readOwnCard } from './party-folder.ts';

const HOST = '127.0.0.1';

export interface Ports {
  readonly listen: number;
  readonly links: number;
  readonly private: number;
}

export interface Parties {
  readonly federation: Federation;
  readonly ports: Readonly<Record<Role, Ports>>;
}

export interface PartiesOptions {
  /** Where others are told to find a party's links, if not at their port. */
  readonly linksPort?: (role: Role, port: number) => Promise<number> | number;
  /** Where clients are told to find a party, if not at its port. */
  readonly addressPort?: (role: Role, port: number) => Promise<number> | number;
  /** What party.json says beside role and places; absent: what `party init` writes. */
  readonly config?: (role: Role) => Readonly<Record<string, unknown>>;
}

/** Keys, cards and the federation file, in folders `folder`/P0, P1, P2. */
export async function makeParties(
  folder: string,
  { linksPort, addressPort, config }: PartiesOptions = {},
): Promise<Parties> {
  const free = await freePorts(3 * ROLES.length);
  const ports = byRole((_, i) => ({ listen: free[3 * i], links: free[3 * i + 1], private: free[3 * i + 2] }));
  for (const role of ROLES) {
    const place = (port: number): { host: string; port: number } => ({ host: HOST, port });
    const [listen, links, own] = [place(ports[role].listen), place(ports[role].links), place(ports[role].private)];
    const seen = (await linksPort?.(role, links.port)) ?? links.port;
    const asked = (await addressPort?.(role, listen.port)) ?? listen.port;
    await initParty(join(folder, role), {
      ...{ role, name: `Organisation ${role}`, trust: 'pinned', listen, bindLinks: links, private: own },
      ...{ address: `${HOST}:${asked}`, links: `${HOST}:${seen}` },
    });
    if (config === undefined) continue;
    const written = { role, listen, links, private: own, ...config(role) };
    writeFileSync(join(folder, role, 'party.json'), JSON.stringify(written));
  }
  const cards = await Promise.all(ROLES.map(async (role) => readOwnCard(await openPartyFolder(join(folder, role)))));
  const federation = joinFederation(cards);
  for (const role of ROLES) writeFileSync(join(folder, role, 'federation.json'), formatFederation(federation));
  return { federation, ports };
}

/** The same members at all three; beside those that are there. They may do everything, unless `roles` says otherwise. */
export async function admitEverywhere(
  folder: string,
  people: Iterable<readonly [string, { readonly public: PublicIdentity }]>,
  roles: readonly MemberRole[] = MEMBER_ROLES,
): Promise<void> {
  for (const role of ROLES) {
    const path = join(folder, role, 'members.json');
    const members = [...people].reduce<readonly Member[]>(
      (before, [name, identity]) => {
        const card = { securenn: 'member-card', version: 1, name, identity: identity.public } as const;
        return admit(before, card, roles, new Date());
      },
      await readMembers(path),
    );
    await writeMembers(path, members);
  }
}

export function byRole<T>(of: (role: Role, index: number) => T): Readonly<Record<Role, T>> {
  return Object.fromEntries(ROLES.map((role, i) => [role, of(role, i)])) as Record<Role, T>;
}
