/** This host's part: the files that its party starts with, whether it runs, and whether what runs has read them. */
import { statfs } from 'node:fs/promises';
import * as z from 'zod';
import { Problem } from '../../data/problem.ts';
import type { PartyName } from '../../server/ipc.ts';
import { joinAddress, type HostPort } from '../../federation/address.ts';
import { failureOf } from './dial.ts';
import { knock, nameOf, type Door } from './door.ts';
import type { Finding } from './finding.ts';
import { greet, printable } from './hello.ts';
import { Line } from './line.ts';
import { askStatus, signer, type Asker, type PartyReport } from './party.ts';
import { diskFindings } from './status.ts';

/** Where the party of this host listens, as seen from this host. */
export interface OwnPlaces {
  readonly listen: HostPort;
  readonly links: HostPort;
  /** Health and metrics. */
  readonly private: HostPort;
  /** Pin of the certificate that `listen` shows where the card trusts an authority; whoever comes from outside sees to its chain. */
  readonly publicPin?: string | undefined;
  /** Its folder: data, keys, state. */
  readonly folder: string;
}

/** Each is done; what it throws as a Problem is a fault of a file. */
export async function fileFindings(party: PartyName, checks: readonly (() => unknown)[]): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const check of checks) {
    try {
      await check();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      findings.push({ level: 'fault', party, code: 'files', what: error.message, fix: error.fix });
    }
  }
  return findings;
}

export async function checkOwn(
  asker: Asker,
  party: PartyName,
  { listen, links, folder, publicPin, private: inner }: OwnPlaces,
): Promise<PartyReport> {
  const card = asker.federation.parties[party];
  const common = { party, trust: 'pinned' } as const;
  const pins = [...card.tls, ...(publicPin === undefined ? [] : [publicPin])];
  const door: Door = { ...common, kind: 'address', endpoint: listen, pins };
  const linksDoor: Door = { ...common, kind: 'links', endpoint: links, pins: card.tls, own: asker.tls };
  const findings: Finding[] = [...(await ownDisk(party, folder))];
  const front = await knock(door, asker.limits);
  front.socket?.destroy();
  const report = { party, name: card.name, address: card.address, links: card.links };
  const certificate = front.certificate && { ...front.certificate, until: front.certificate.until.toISOString() };
  if (front.address === undefined) {
    const what = `the party of this host is not running: nothing answers at ${nameOf(door)}`;
    const fix = `start it: securenn party serve --dir ${folder}; if it has just been started, its log says why it stopped`;
    findings.push({ level: 'fault', party, code: 'not-running', what, fix });
    return { ...report, reached: { address: false, links: false }, findings };
  }
  const back = await knock(linksDoor, asker.limits);
  back.socket?.destroy();
  const reached = { address: front.socket !== undefined, links: back.socket !== undefined };
  findings.push(...front.findings);
  if (front.socket === undefined) return { ...report, reached, certificate, findings: [...findings, ...back.findings] };
  findings.push(...back.findings.filter(({ what }) => front.findings.every((said) => said.what !== what)));
  const line = new Line(door, asker.limits);
  try {
    const { instance, medianMs, findings: strange } = await greet(door, line, asker.limits);
    findings.push(...strange);
    if (instance === undefined) return { ...report, reached, certificate, findings };
    const sign = signer(asker, party, instance, 0);
    const asked: Awaited<ReturnType<typeof askStatus>> =
      sign === undefined ? { findings: [] } : await askStatus(asker, door, line, sign, true);
    findings.push(...asked.findings, ...(await readiness(party, inner, asker.limits.timeoutMs)));
    return { ...report, reached, certificate, requestMs: medianMs, status: asked.status, findings };
  } finally {
    line.close();
  }
}

const readyAnswer = z.looseObject({ reason: z.string().max(500).optional() });

/** What the party itself says of whether a job could start. */
async function readiness(party: PartyName, place: HostPort, timeoutMs: number): Promise<Finding[]> {
  const url = `http://${joinAddress(place)}/ready`;
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(timeoutMs), redirect: 'error' });
    const reason = readyAnswer.safeParse(await answer.json()).data?.reason ?? `status ${answer.status}`;
    if (answer.ok) return [];
    const what = `the party of this host is not ready: ${printable(reason)}`;
    return [
      { level: 'fault', party, code: 'not-ready', what, fix: 'see its log; after a start it takes a few seconds' },
    ];
  } catch (error) {
    const { message } = failureOf((error as Error).cause ?? error);
    const what = `${url} does not answer (${message}): nobody sees the health and metrics of this party`;
    return [
      {
        level: 'warning',
        party,
        code: 'not-ready',
        what,
        fix: 'see "private" in party.json, and what else listens there',
      },
    ];
  }
}

async function ownDisk(party: PartyName, folder: string): Promise<Finding[]> {
  try {
    const { bavail, blocks, bsize } = await statfs(folder);
    return diskFindings(party, bavail * bsize, blocks * bsize);
  } catch {
    return []; // That the folder is not there is said by whoever reads its files.
  }
}
