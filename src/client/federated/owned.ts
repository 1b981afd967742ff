/** Data sets, grants and withdrawals: what an owner can do with them, and what everybody is shown. */
import { Problem } from '../../data/problem.ts';
import { digestOf, type Digest } from '../../federation/canonical.ts';
import {
  dataDocument,
  type DataDocument,
  grantDocument,
  type GrantDocument,
  type WithdrawalDocument,
} from '../../federation/documents.ts';
import type { Id } from '../../federation/public-identity.ts';
import { type Document, signLater } from '../../federation/signed.ts';
import { toHex } from '../../random/text.ts';
import { didYouMean } from '../../nn/nearest.ts';
import type { PartyName } from '../parties.ts';
import { dataAnswer, grantsAnswer, readSigned, type TakenAnswer, takenAnswer } from './answers.ts';
import type { DataState } from '../../federation/views.ts';
import type { Everywhere, FederationClient } from './client.ts';
import type { Directory } from './directory.ts';
import { SHORT } from '../../federation/canonical.ts';

/** A data set as the parties that were reached have it. */
export interface ListedData {
  readonly digest: Digest;
  readonly document: DataDocument;
  readonly owner: Id;
  readonly states: ReadonlyMap<PartyName, DataState>;
}

/** A party that was reached has something of it that is not withdrawn. */
export function isThere({ states }: ListedData): boolean {
  return [...states.values()].some((state) => state !== 'withdrawn');
}

/** What is said of a set in one word: all parties' where they agree. */
export function stateInWords(states: ReadonlyMap<PartyName, string>): string {
  const different = new Set(states.values());
  return different.size === 1
    ? [...different][0]
    : [...states].map(([party, state]) => `${state} at ${party}`).join(', ');
}

export function isReady({ states }: ListedData): boolean {
  return [...states.values()].every((state) => state === 'ready');
}

/** All that the reached parties show, newest last. */
export async function listData(client: FederationClient): Promise<ListedData[]> {
  const lists = await client.everywhere((party) => client.ask(party, 'GET', '/v1/data', dataAnswer));
  const found = new Map<Digest, ListedData & { states: Map<PartyName, DataState> }>();
  for (const [party, { data }] of lists.some(client.onNote, 'what it has of data sets is not shown')) {
    for (const { signed, state } of data) {
      const read = await readSigned(client, dataDocument, 'data', signed, party);
      const { digest, document, author } = read;
      const entry = found.get(digest) ?? { digest, document, owner: author, states: new Map<PartyName, DataState>() };
      entry.states.set(party, state);
      found.set(digest, entry);
    }
  }
  return [...found.values()].sort((a, b) => a.document.created.localeCompare(b.document.created));
}

/** `hospital-a/scans`. */
export function labelOf({ owner, document }: Pick<ListedData, 'owner' | 'document'>, directory: Directory): string {
  return `${directory.nameOf(owner)}/${document.name}`;
}

/**
 * The set that somebody wrote: OWNER/NAME, NAME alone for one's own, or its digest (or the beginning).
 * @param option that named it
 */
export function findData(
  written: string,
  list: readonly ListedData[],
  directory: Directory,
  option: string,
): ListedData {
  const standing = list.filter(isThere);
  if (/^[0-9a-f]{8,64}$/.test(written)) {
    const byDigest = standing.filter(({ digest }) => digest.startsWith(written));
    if (byDigest.length === 1) return byDigest[0];
  }
  const slash = written.lastIndexOf('/');
  const owner = slash < 0 ? undefined : directory.find(written.slice(0, slash), option).id;
  const name = written.slice(slash + 1);
  const isTheirs = (id: Id): boolean => (owner === undefined ? directory.isSelf(id) : directory.isSame(id, owner));
  const found = standing.filter((data) => isTheirs(data.owner) && data.document.name === name);
  if (found.length === 1) return found[0];
  if (found.length > 1) {
    const digests = found.map(({ digest }) => digest.slice(0, SHORT)).join(', ');
    throw new Problem(`--${option}: the parties have ${found.length} sets ${written}: ${digests}`, 'give the digest');
  }
  const labels = standing.map((data) => labelOf(data, directory));
  throw new Problem(
    `--${option}: no data set ${written}${didYouMean(written, labels)}`,
    labels.length === 0
      ? 'the parties have no data set yet: securenn data put'
      : 'securenn data list shows what there is',
  );
}

/**
 * Sends a document to all three parties, each of which checks it by itself.
 * @param named what they name in their answer: the document, or what it is about
 */
async function sendDocument<T extends Document>(
  client: FederationClient,
  document: T,
  path: string,
  named: Digest,
): Promise<Everywhere<TakenAnswer>> {
  const body = await signLater(document, client.identity);
  return client.everywhere(async (party) => {
    const answer = await client.ask(party, 'POST', path, takenAnswer, { body });
    if (answer.digest !== named)
      throw new Problem(
        `${party} answers of something else than it was sent`,
        'ask its operator which version it runs',
      );
    return answer;
  });
}

/** Takes back a grant or a data set. */
export function withdraw(
  client: FederationClient,
  what: WithdrawalDocument['what'],
  digest: Digest,
): Promise<Everywhere<TakenAnswer>> {
  const { id } = client.federation;
  const at = client.now().toISOString();
  const document: WithdrawalDocument = { securenn: 'withdrawal', federation: id, what, digest, at };
  return sendDocument(client, document, '/v1/withdrawals', digest);
}

export type GrantTerms = Omit<GrantDocument, 'securenn' | 'federation' | 'nonce'>;

export async function giveGrant(client: FederationClient, terms: GrantTerms): Promise<Digest> {
  const nonce = toHex(client.primitives.randomBytes(16));
  const document: GrantDocument = { securenn: 'grant', federation: client.federation.id, ...terms, nonce };
  const answers = await sendDocument(client, document, '/v1/grants', digestOf(document));
  return answers.all('the grant is given').P0.digest;
}

export interface ListedGrant {
  readonly digest: Digest;
  readonly document: GrantDocument;
  readonly owner: Id;
  /** Of each party reached: how many jobs started under it, or that it is withdrawn. */
  readonly uses: ReadonlyMap<PartyName, number>;
  readonly withdrawn: boolean;
}

export async function listGrants(client: FederationClient): Promise<ListedGrant[]> {
  const lists = await client.everywhere((party) => client.ask(party, 'GET', '/v1/grants', grantsAnswer));
  const found = new Map<Digest, ListedGrant & { uses: Map<PartyName, number>; withdrawn: boolean }>();
  for (const [party, { grants }] of lists.some(client.onNote, 'what it has of grants is not shown')) {
    for (const { signed, uses, withdrawn } of grants) {
      const { digest, document, author } = await readSigned(client, grantDocument, 'grant', signed, party);
      const fresh = { digest, document, owner: author, uses: new Map<PartyName, number>(), withdrawn: false };
      const entry = found.get(digest) ?? fresh;
      entry.uses.set(party, uses.length);
      entry.withdrawn ||= withdrawn;
      found.set(digest, entry);
    }
  }
  return [...found.values()];
}
