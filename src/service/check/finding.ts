/** What `party check` finds: one sentence each, with the way to mend it. No key, no share, nothing that a person may not post in a ticket. */
import type { PartyName } from '../../server/ipc.ts';

/** A fault would stop a job or keep it from starting; a warning will, or may; a note is for the operator to know. */
export type Level = 'fault' | 'warning' | 'note';

/** For programs; the words for people are in `what`. */
export type Code =
  | 'not-running'
  | 'not-ready'
  | 'name-unknown'
  | 'port-closed'
  | 'port-filtered'
  | 'no-route'
  | 'address-silent'
  | 'closed-at-once'
  | 'tls-silent'
  | 'not-tls'
  | 'tls-version'
  | 'wrong-key'
  | 'no-certificate'
  | 'untrusted-certificate'
  | 'certificate-expired'
  | 'certificate-ends'
  | 'proxy'
  | 'not-ours'
  | 'load-balancer'
  | 'refused'
  | 'busy'
  | 'clock'
  | 'version'
  | 'protocol'
  | 'federation'
  | 'role'
  | 'identity'
  | 'members'
  | 'disk'
  | 'files'
  | 'large-requests'
  | 'slow-link';

export interface Finding {
  readonly level: Level;
  /** Whose host has to be looked at. */
  readonly party: PartyName;
  readonly code: Code;
  readonly what: string;
  readonly fix: string;
}

/** The worst first, and within a level by party. */
export function sorted(findings: readonly Finding[]): Finding[] {
  const levels: readonly Level[] = ['fault', 'warning', 'note'];
  return findings.toSorted(
    (a, b) => levels.indexOf(a.level) - levels.indexOf(b.level) || a.party.localeCompare(b.party),
  );
}
