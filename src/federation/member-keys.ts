/**
 * A member's key file while the key is changed. Beside `identity.key`:
 *
 *     identity.key.next     the new one, made by `identity rotate`, until all three parties have admitted it
 *     identity.key.ID       one that another has followed: it signs nothing any more, and opens what was sealed to it
 */
import { existsSync } from 'node:fs';
import { readdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { syncFolder } from '../data/atomic-write.ts';
import { Problem } from '../data/problem.ts';
import { signCard } from './signed-card.ts';
import type { MemberCard, SignedCard } from './card.ts';
import { Identity } from './identity.ts';
import type { Id } from './public-identity.ts';
import { MAX_OVERLAP_DAYS } from './members.ts';
import { readIdentity, writeIdentity } from './secret-file.ts';

const DAY_MS = 86_400_000;

export interface Change {
  readonly name: string;
  /** How long the present key still counts beside the new one. 0: it ends at each party when that admits the new one. */
  readonly overlapDays: number;
  readonly passphrase: string | undefined;
  readonly now: Date;
}

/** Makes the new key, or takes the one that is there already, and the card that both have signed. The present one goes on signing. */
export async function beginChange(path: string, change: Change): Promise<SignedCard<MemberCard>> {
  const { name, overlapDays, passphrase, now } = change;
  const present = await readIdentity(path, passphrase);
  const there = await nextKey(path, passphrase);
  const next = there ?? Identity.generate();
  if (there === undefined) await writeIdentity(nextPath(path), next, passphrase);
  // Until the very day, for whom the clocks differ: parties take no more than the most.
  const days = Math.min(overlapDays, MAX_OVERLAP_DAYS - 1);
  const until = new Date(now.getTime() + days * DAY_MS).toISOString();
  const previous = { identity: present.public, until };
  const card: MemberCard = { securenn: 'member-card', version: 1, name, identity: next.public, previous };
  return signCard(card, next, present);
}

export async function nextKey(path: string, passphrase: string | undefined): Promise<Identity | undefined> {
  return isChanging(path) ? readIdentity(nextPath(path), passphrase) : undefined;
}

export function isChanging(path: string): boolean {
  return existsSync(nextPath(path));
}

/** The new key takes the place of the present one, which stays under a name of its own. After a crash the same again ends it. */
export async function finishChange(path: string, passphrase: string | undefined): Promise<void> {
  if (!isChanging(path)) throw noChange(path);
  const present = await readIdentity(path, passphrase);
  await writeIdentity(`${path}.${present.id}`, present, passphrase);
  await rename(nextPath(path), path);
  await syncFolder(dirname(path));
}

export function noChange(path: string): Problem {
  return new Problem(`${path}: no change of this key is under way`, 'begin one: securenn identity rotate --name NAME');
}

/** Keys that were there before the present one: their ids, and their files. */
export async function keysBefore(path: string): Promise<ReadonlyMap<Id, string>> {
  const start = `${basename(path)}.`;
  const names = await readdir(dirname(path)).catch(() => []);
  const found = names.filter((name) => name.startsWith(start) && /^[0-9a-f]{32}$/.test(name.slice(start.length)));
  return new Map(found.map((name) => [name.slice(start.length), join(dirname(path), name)]));
}

function nextPath(path: string): string {
  return `${path}.next`;
}
