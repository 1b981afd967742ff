/** What a party says of itself to another one (`GET /v1/status`), and what of it would stop a job. */
import * as z from 'zod';
import { VERSION } from '../../data/packages.ts';
import { idOf, publicIdentitySchema, type PublicIdentity } from '../../federation/public-identity.ts';
import { predecessorsOf } from '../../federation/succession.ts';
import type { Federation } from '../../federation/federation-file.ts';
import { fingerprint } from '../../federation/federation-file.ts';
import { JOB_VERSION } from '../../server/job.ts';
import { PARTY_NAMES, type PartyName } from '../../server/ipc.ts';
import type { Code, Finding, Level } from './finding.ts';

interface ListedMember {
  readonly id: string;
  readonly name: string;
  readonly roles?: readonly string[] | undefined;
  readonly identity?: PublicIdentity | undefined;
  readonly successions?: readonly unknown[] | undefined;
}

export interface Status {
  readonly role: string;
  readonly id?: string | undefined;
  readonly version?: string | undefined;
  readonly jobVersion?: number | undefined;
  /** Fingerprint of the federation file that it serves with. */
  readonly federation?: string | undefined;
  readonly disk?: { readonly freeBytes: number; readonly totalBytes: number } | undefined;
  readonly jobs?: Readonly<Record<string, number>> | undefined;
  readonly members?: readonly ListedMember[] | undefined;
}

const word = z.string().max(200);
const count = z.number().min(0);

/** Loose: a party of another version may say more, or less; what is missing is said. */
export const statusAnswer: z.ZodType<Status> = z.looseObject({
  role: word,
  id: word.optional(),
  version: word.optional(),
  jobVersion: z.int().optional(),
  federation: word.optional(),
  disk: z.looseObject({ freeBytes: count, totalBytes: count }).optional(),
  jobs: z.record(z.string(), count).optional(),
  members: z
    .array(
      z.looseObject({
        ...{ id: word, name: word, roles: z.array(word).optional() },
        identity: publicIdentitySchema.optional().catch(undefined),
        successions: z.array(z.unknown()).optional().catch(undefined),
      }),
    )
    .max(100_000)
    .optional(),
});

/** @param own its status is our own party's: what differs is between the running process and the files here */
export function statusFindings(party: PartyName, status: Status, federation: Federation, own = false): Finding[] {
  const findings: Finding[] = [];
  const add = (level: Level, code: Code, what: string, fix: string): void =>
    void findings.push({ level, party, code, what, fix });
  const restart = `restart it: it reads its files when it starts`;
  if (status.role !== party) {
    const what = `what answers as ${party} says that it is ${status.role}`;
    add(
      'fault',
      'role',
      what,
      own
        ? 'see "role" in party.json'
        : `${party} and ${status.role} must have addresses of their own: compare their cards`,
    );
  }
  const ids = identities(federation, party);
  if (status.id !== undefined && !ids.includes(status.id)) {
    const what = `${party} has the identity ${status.id}, the federation file names ${ids.join(' or ')}`;
    const fix = own
      ? 'was identity.key replaced? Send the new card to the others (securenn party card), or put the old key back'
      : `take the new card of ${party} (securenn federation join), or let it put its old key back`;
    add('fault', 'identity', what, fix);
  }
  const print = fingerprint(federation);
  if (status.federation !== undefined && status.federation !== print) {
    const what = own
      ? `the running party has the federation ${status.federation}, the file here is ${print}`
      : `${party} has another federation file: fingerprint ${status.federation}, here ${print}`;
    const fix = own
      ? restart
      : `join the same three cards at all parties (securenn federation join), compare fingerprints, restart ${party}`;
    add('fault', 'federation', what, fix);
  }
  if (status.jobVersion !== undefined && status.jobVersion !== JOB_VERSION) {
    const what = `${party} runs jobs of version ${status.jobVersion}, this program ${JOB_VERSION} (securenn ${VERSION})`;
    add(
      'fault',
      'version',
      what,
      own ? restart : `install the same version of securenn at all parties${newer(party, status.jobVersion)}`,
    );
  } else if (status.version !== undefined && status.version !== VERSION) {
    const what = `${party} runs securenn ${status.version}, this program is ${VERSION}; their jobs understand each other`;
    add('warning', 'version', what, own ? restart : 'install the same version at all parties');
  }
  if (status.version === undefined || status.federation === undefined || status.jobVersion === undefined)
    add(
      'warning',
      'version',
      `${party} says less of itself than this version does`,
      'install the same version at all parties',
    );
  if (status.disk !== undefined) findings.push(...diskFindings(party, status.disk.freeBytes, status.disk.totalBytes));
  return findings;
}

function newer(party: PartyName, theirs: number): string {
  return `: ${theirs > JOB_VERSION ? 'the newer one is at' : 'the older one is at'} ${party}`;
}

function identities(federation: Federation, party: PartyName): string[] {
  const { identity, previous } = federation.parties[party];
  return [idOf(identity), ...(previous === undefined ? [] : [idOf(previous.identity)])];
}

const GIB = 2 ** 30;
/** Below this not even MNIST fits (376 MB at P0 and P1), and checkpoints fail in the midst of a training. */
const FULL = GIB;
const LOW = { bytes: 10 * GIB, share: 0.05 };

export function diskFindings(party: PartyName, freeBytes: number, totalBytes: number): Finding[] {
  const free = `${(freeBytes / 1e9).toFixed(1)} GB`;
  const what = `${party}: ${free} are free where it keeps its data`;
  const fix = 'make room, or delete data sets that nobody needs (securenn data delete), or give it a larger disk';
  if (freeBytes < FULL)
    return [{ level: 'fault', party, code: 'disk', what: `${what}: uploads and checkpoints will fail`, fix }];
  if (freeBytes < LOW.bytes || freeBytes < LOW.share * totalBytes)
    return [{ level: 'warning', party, code: 'disk', what, fix }];
  return [];
}

/** Each party keeps its own list of members, and each refuses whom it does not know. */
export function memberFindings(statuses: ReadonlyMap<PartyName, Status>): Finding[] {
  const lists = new Map(
    [...statuses].flatMap(([party, { members }]) => (members === undefined ? [] : [[party, members] as const])),
  );
  const all = new Map([...lists.values()].flat().map((member) => [member.id, member]));
  const found = (party: PartyName, what: string, fix: string): Finding => {
    return { level: 'warning', party, code: 'members', what, fix };
  };
  return [...all.values()].flatMap((member): Finding[] => {
    const { id, name } = member;
    const without = PARTY_NAMES.filter((party) => lists.get(party)?.every((other) => !idsOf(other).includes(id)));
    return without.map((party) => {
      const has = lists.get(party)!.find((other) => idsOf(member).includes(other.id));
      if (has !== undefined) {
        const what = `${party} does not know the new key of ${name} (${id.slice(0, 12)}…) yet, which others have admitted`;
        return found(party, what, `at ${party}: securenn party admit with the member's new card`);
      }
      const what = `${party} does not know ${name} (${id.slice(0, 12)}…), whom others have admitted: it refuses what that member asks for`;
      return found(party, what, `at ${party}: securenn party admit with the member's card; or revoke it at the others`);
    });
  });
}

/** Of all keys that it has or had. */
function idsOf({ id, identity, successions }: ListedMember): readonly string[] {
  return [
    id,
    ...(identity === undefined ? [] : predecessorsOf(identity, successions).map((key) => idOf(key.identity))),
  ];
}
