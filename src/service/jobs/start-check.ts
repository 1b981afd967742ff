/** What a party holds against an order to start, by what it knows itself. Consent, data and memory are judged elsewhere. */
import { digestOf } from '../../federation/canonical.ts';
import { idOf, type PublicIdentity } from '../../federation/public-identity.ts';
import { isProperlySigned } from '../../federation/received.ts';
import { PARTY_NAMES, type PartyName } from '../../server/ipc.ts';
import type { Prepared, StartControl } from './control.ts';

/** What a party knows of all three. */
export interface Roll {
  readonly self: PartyName;
  /** Id of the federation. */
  readonly federation: string;
  /** By which a party may sign: two while it changes its key. */
  readonly identities: Readonly<Record<PartyName, readonly PublicIdentity[]>>;
}

/** Undefined: nothing. @param prepared what this party itself answered when it prepared the attempt */
export function objectionTo(order: StartControl, prepared: Prepared, roll: Roll): string | undefined {
  for (const party of PARTY_NAMES) {
    const objection = objectionToKey(order, party, roll);
    if (objection !== undefined) return objection;
  }
  if (order.keys[roll.self].document.key !== prepared.prepared.document.key) return 'my key of the session is another';
  const { resume } = order;
  if (resume === undefined) return undefined;
  const here = prepared.holdings.some(({ run, step }) => run === resume.run && step === resume.step);
  return here ? undefined : `there is no checkpoint here of step ${resume.step} of that run`;
}

function objectionToKey(order: StartControl, party: PartyName, { federation, identities }: Roll): string | undefined {
  const signed = order.keys[party];
  const { document, by } = signed;
  const known = identities[party].some((identity) => idOf(identity) === idOf(by));
  if (!known || !isProperlySigned(signed)) return `the key of ${party} is not signed by ${party}`;
  const right =
    document.job === order.job &&
    document.attempt === order.attempt &&
    document.party === party &&
    document.federation === federation;
  return right ? undefined : `the key of ${party} is not for attempt ${order.attempt} of this job`;
}

/** The session's name: of all that was agreed on, so nobody chooses it. */
export function sessionOf(order: StartControl): string {
  const { job, attempt, resume } = order;
  const keys = PARTY_NAMES.map((party) => order.keys[party].document.key);
  return digestOf({ job, attempt, keys, ...(resume && { resume }) }).slice(0, 32);
}
