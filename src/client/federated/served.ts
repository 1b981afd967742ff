/** Sessions that answer whoever asks, as all three parties show them. */
import { Problem } from '../../data/problem.ts';
import { jobDocument, type ServeDocument } from '../../federation/documents.ts';
import type { PublicIdentity } from '../../federation/public-identity.ts';
import type { Signed } from '../../federation/signed.ts';
import { SHORT, type Digest } from '../../federation/canonical.ts';
import { PARTIES, type PartyName } from '../parties.ts';
import { readSigned, sessionsAnswer } from './answers.ts';
import type { FederationClient } from './client.ts';

export interface Served {
  readonly digest: Digest;
  readonly document: ServeDocument;
  /** Who proposed it. */
  readonly by: PublicIdentity;
}

/** Those that run at all three; each shows the same bytes of it, or it is none. */
export async function listServed(client: FederationClient): Promise<Served[]> {
  const lists = (
    await client.everywhere(async (party) => {
      const { sessions } = await client.ask(party, 'GET', '/v1/sessions', sessionsAnswer);
      return Promise.all(sessions.map(({ signed }) => servedIn(client, signed, party)));
    })
  ).all('sessions are listed');
  const everywhere = (digest: Digest): boolean =>
    PARTIES.every((party) => lists[party].some((session) => session?.digest === digest));
  return lists.P0.filter((session): session is Served => session !== undefined && everywhere(session.digest));
}

async function servedIn(client: FederationClient, signed: Signed, party: PartyName): Promise<Served | undefined> {
  const { digest, document, by } = await readSigned(client, jobDocument, 'job', signed, party);
  return document.kind === 'serve' ? { digest, document, by } : undefined;
}

/** @param name a title, a digest or the beginning of one: of the session, or of the training whose model it serves */
export function findServed(sessions: readonly Served[], name: string): Served {
  const titled = sessions.filter(({ document }) => document.title === name);
  const isDigest = /^[0-9a-f]{4,64}$/i.test(name);
  const named = sessions.filter(
    ({ digest, document }) => isDigest && [digest, document.model].some((each) => each.startsWith(name.toLowerCase())),
  );
  const found = titled.length > 0 ? titled : named;
  if (found.length === 1) return found[0];
  const listed = sessions.map(({ digest, document }) => `${digest.slice(0, SHORT)} ${document.title}`.trim());
  const shown =
    listed.length === 0 ? 'none is served to you at this moment' : `there are: ${listed.slice(0, 20).join(', ')}`;
  throw new Problem(
    found.length === 0
      ? `no model is served as ${name.slice(0, 80)}`
      : `${found.length} sessions are meant by ${name.slice(0, 80)}`,
    found.length === 0 ? shown : `give the digest: ${found.map(({ digest }) => digest.slice(0, SHORT)).join(', ')}`,
  );
}
