/** Everything that can be seen of one party from another host: both ports, what answers, what it says of itself, and how fast it is reached. */
import { createHash } from 'node:crypto';
import type { ConnectionOptions } from 'node:tls';
import type { Federation } from '../../federation/federation-file.ts';
import type { Identity } from '../../federation/identity.ts';
import { signRequest } from '../../federation/request.ts';
import type { PartyName } from '../../server/ipc.ts';
import { measureBandwidth } from './bandwidth.ts';
import type { Offset } from './clocks.ts';
import { splitAddress, type HostPort } from '../../federation/address.ts';
import { openTcp } from './dial.ts';
import { knock, nameOf, type Door, type DoorLimits, type Knocked } from './door.ts';
import type { Finding } from './finding.ts';
import { greet, jsonOf, printable } from './hello.ts';
import { Line } from './line.ts';
import { statusAnswer, statusFindings, type Status } from './status.ts';

/** Who asks. */
export interface Asker {
  readonly federation: Federation;
  /** Undefined: its file cannot be read, so nothing that needs a signature is asked. */
  readonly identity: Identity | undefined;
  /** What it shows at the other parties' links ports; PEM. */
  readonly tls?: Pick<ConnectionOptions, 'key' | 'cert'> | undefined;
  readonly limits: DoorLimits;
}

export interface PartyReport {
  readonly party: PartyName;
  readonly name: string;
  readonly address: string;
  readonly links: string;
  /** Each port's other end is who it should be. */
  readonly reached: { readonly address: boolean; readonly links: boolean };
  readonly certificate?: { readonly pin: string; readonly days: number; readonly until: string } | undefined;
  readonly clock?: Offset | undefined;
  /** There and back, in milliseconds: between the hosts, and of a small request. */
  readonly rttMs?: number | undefined;
  readonly requestMs?: number | undefined;
  readonly megabytesPerSecond?: number | undefined;
  readonly status?: Status | undefined;
  readonly findings: readonly Finding[];
}

/** TCP connections of which the median counts. */
const CONNECTIONS = 7;

export async function checkParty(asker: Asker, party: PartyName): Promise<PartyReport> {
  const card = asker.federation.parties[party];
  const common = { party, pins: card.tls, trust: card.trust };
  const door: Door = { ...common, kind: 'address', endpoint: splitAddress(card.address) };
  const linksDoor: Door = { ...common, kind: 'links', endpoint: splitAddress(card.links), own: asker.tls };
  const [front, links] = await Promise.all([knock(door, asker.limits), knock(linksDoor, asker.limits)]);
  front.socket?.destroy();
  links.socket?.destroy();
  const seen = front.socket === undefined ? { findings: [] } : await converse(asker, door, front);
  const findings = [...front.findings, ...links.findings, ...seen.findings];
  const { certificate } = front;
  return {
    party,
    name: printable(card.name),
    address: card.address,
    links: card.links,
    reached: { address: front.socket !== undefined, links: links.socket !== undefined },
    ...seen,
    certificate: certificate && { ...certificate, until: certificate.until.toISOString() },
    findings: withoutRepeats(findings),
  };
}

type Seen = Pick<PartyReport, 'clock' | 'rttMs' | 'requestMs' | 'megabytesPerSecond' | 'status' | 'findings'>;

async function converse(asker: Asker, door: Door, { address, connectMs }: Knocked): Promise<Seen> {
  const line = new Line(door, asker.limits);
  try {
    const greeted = await greet(door, line, asker.limits);
    const { instance, offset, medianMs, leastMs } = greeted;
    if (instance === undefined || medianMs === undefined || leastMs === undefined)
      return { findings: greeted.findings };
    const sign = signer(asker, door.party, instance, offset?.ms ?? 0);
    const asked: Awaited<ReturnType<typeof askStatus>> =
      sign === undefined ? { findings: [] } : await askStatus(asker, door, line, sign);
    const times = [...connectMs, ...(await connectTimes(address!, door.endpoint, asker.limits.timeoutMs))];
    const rttMs = roundTrip(times.toSorted((a, b) => a - b)[times.length >> 1], leastMs);
    const findings = [...greeted.findings, ...asked.findings];
    const common = { clock: offset, rttMs, requestMs: medianMs, status: asked.status };
    if (sign === undefined || asked.status === undefined || asker.limits.measureMs === 0)
      return { ...common, findings };
    const { megabytesPerSecond, findings: slow } = await measureBandwidth(door, line, sign, leastMs, asker.limits);
    return { ...common, megabytesPerSecond, findings: [...findings, ...slow] };
  } finally {
    line.close();
  }
}

type Sign = (method: string, path: string, bodyDigest: string) => string;

/** By the party's clock, so that a clock that is wrong, which is found on its own, hides nothing else. */
export function signer(
  { federation, identity }: Asker,
  party: PartyName,
  instance: string,
  aheadMs: number,
): Sign | undefined {
  if (identity === undefined) return undefined;
  const audience = federation.parties[party].identity;
  return (method, path, bodyDigest) =>
    signRequest(identity, { method, path, bodyDigest, audience, instance, time: Math.round(Date.now() + aheadMs) });
}

export async function askStatus(
  { federation }: Asker,
  door: Door,
  line: Line,
  sign: Sign,
  own = false,
): Promise<{ readonly status?: Status | undefined; readonly findings: readonly Finding[] }> {
  const { party } = door;
  const path = '/v1/status';
  const authorization = sign('GET', path, createHash('sha256').digest('hex'));
  const outcome = await line.ask({ method: 'GET', path, headers: { authorization } });
  if ('failed' in outcome) {
    const what = `${nameOf(door)}: no answer to a signed request: ${outcome.failed.message}`;
    return { findings: [{ level: 'fault', party, code: 'refused', what, fix: `see the log of ${party}` }] };
  }
  const { status, body } = outcome.value;
  if (status === 401) {
    const what = `${nameOf(door)} refuses what this party signs: it knows another identity for it, or names another one for itself`;
    const fix = `compare \`securenn federation show\` at both: ${party} has to serve with the same file; its log says why it refused`;
    return { findings: [{ level: 'fault', party, code: 'refused', what, fix }] };
  }
  if (status === 429 || status === 503) {
    const what = `${nameOf(door)} has too much to do, or is stopping (status ${status})`;
    return { findings: [{ level: 'warning', party, code: 'busy', what, fix: 'run the check again in a minute' }] };
  }
  const parsed = statusAnswer.safeParse(jsonOf(body));
  if (status !== 200 || !parsed.success) {
    const what = `${nameOf(door)}: ${path} is answered with status ${status} and no status of a party`;
    return {
      findings: [{ level: 'fault', party, code: 'refused', what, fix: 'install the same version at all parties' }],
    };
  }
  return { status: parsed.data, findings: statusFindings(party, parsed.data, federation, own) };
}

async function connectTimes(address: string, { port }: HostPort, timeoutMs: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 1; i < CONNECTIONS; i++) {
    const outcome = await openTcp(address, port, timeoutMs);
    if ('failed' in outcome) break;
    outcome.value.socket.destroy();
    times.push(outcome.value.ms);
  }
  return times;
}

/** A request takes little longer than a connection, unless something near by takes connections for a party that is further away. */
const FURTHER = { times: 3, ms: 10 };

/**
 * The far end's kernel takes a connection, so that no time of a process is in it; a request has come all the way.
 * @param connectMs the median of connections @param requestMs the quickest request
 */
export function roundTrip(connectMs: number, requestMs: number): number {
  return requestMs > FURTHER.times * connectMs + FURTHER.ms ? requestMs : Math.min(connectMs, requestMs);
}

/** Both ports show one certificate and mostly lie on one host: what is said of both is said once. */
function withoutRepeats(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ what }, i) => findings.findIndex((finding) => finding.what === what) === i);
}
