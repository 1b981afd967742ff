/** Three hosts, seen from one of them. What lies between the two others shows only when their operators run the check as well. */
import { CLOCK_TOLERANCE_MS } from '../../federation/request.ts';
import { fingerprint } from '../../federation/federation-file.ts';
import { PARTY_NAMES, type PartyName } from '../../server/ipc.ts';
import { clockFindings, type Offset } from './clocks.ts';
import { sorted, type Finding } from './finding.ts';
import { checkOwn, type OwnPlaces } from './own.ts';
import { checkParty, type Asker, type PartyReport } from './party.ts';
import { memberFindings, type Status } from './status.ts';

export interface MeshReport {
  readonly party: PartyName;
  readonly federation: string;
  /** P0, P1, P2. */
  readonly parties: readonly PartyReport[];
  readonly findings: readonly Finding[];
  /** No fault: nothing that was seen keeps a job from running. */
  readonly ready: boolean;
  /** The slower of both links in each respect; undefined: one of them could not be measured. */
  readonly link?: { readonly rttMs: number; readonly megabytesPerSecond: number } | undefined;
}

/** @param known what has been found already, of files */
export async function checkMesh(
  asker: Asker,
  own: PartyName,
  places: OwnPlaces,
  known: readonly Finding[] = [],
): Promise<MeshReport> {
  const parties: PartyReport[] = [];
  // One after the other: bandwidth is measured, and one party's bytes would be in the other's way.
  for (const party of PARTY_NAMES) {
    parties.push(party === own ? await checkOwn(asker, party, places) : await checkParty(asker, party));
  }
  const offsets = new Map(
    parties.flatMap(({ party, clock }) => (clock === undefined ? [] : [[party, clock] as const])),
  ) satisfies ReadonlyMap<PartyName, Offset>;
  const statuses = new Map(
    parties.flatMap(({ party, status }) => (status === undefined ? [] : [[party, status] as const])),
  ) satisfies ReadonlyMap<PartyName, Status>;
  const findings = sorted([
    ...known,
    ...parties.flatMap((report) => report.findings),
    ...clockFindings(own, offsets, CLOCK_TOLERANCE_MS),
    ...memberFindings(statuses),
  ]);
  return {
    party: own,
    federation: fingerprint(asker.federation),
    parties,
    findings,
    ready: !findings.some(({ level }) => level === 'fault'),
    link: linkOf(parties.filter(({ party }) => party !== own)),
  };
}

function linkOf(others: readonly PartyReport[]): MeshReport['link'] {
  const rtts = others.map(({ rttMs }) => rttMs ?? NaN);
  const rates = others.map(({ megabytesPerSecond }) => megabytesPerSecond ?? NaN);
  const link = { rttMs: Math.max(...rtts), megabytesPerSecond: Math.min(...rates) };
  return Number.isNaN(link.rttMs + link.megabytesPerSecond) ? undefined : link;
}
