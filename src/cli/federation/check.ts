/** `securenn party check`: what would keep three hosts from running a job, seen from one of them, before the first job. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Options } from 'yargs';
import { pinOf } from '../../channel/pins.ts';
import { faultOf } from '../../data/atomic-write.ts';
import { VERSION } from '../../data/packages.ts';
import { checkPrivateFolder } from '../../data/private-folder.ts';
import { Problem } from '../../data/problem.ts';
import type { HostPort } from '../../federation/address.ts';
import { readFederation } from '../../federation/federation-read.ts';
import { readIdentity, readSecret } from '../../federation/secret-file.ts';
import { checkMesh } from '../../service/check/mesh.ts';
import { fileFindings } from '../../service/check/own.ts';
import type { DoorLimits } from '../../service/check/door.ts';
import type { Finding } from '../../service/check/finding.ts';
import { pathsOf, readConfig, readPassphrase, type PartyConfig } from '../../service/config.ts';
import { openPartyFolder, readOwnFederation, shownTls, type PartyFolder } from '../../service/party-folder.ts';
import { unlessAborted } from '../interrupts.ts';
import { widthOf } from '../layout.ts';
import { checkWritable, say, writeReport } from '../output.ts';
import { type Argv, jsonOption, number, optionalText, real, TASK } from '../options/values.ts';
import { forecastLinks } from './check-forecast.ts';
import { dirOption } from './party.ts';
import { checkLines, type CheckReport } from './check-report.ts';

export const checkOptions: Readonly<Record<string, Options>> = {
  dir: dirOption,
  timeout: {
    ...number,
    group: TASK,
    default: 5,
    describe: 'Seconds that a host may take for each step: name, connection, TLS, answer; 0.1 to 600',
  },
  seconds: {
    ...number,
    group: TASK,
    default: 5,
    describe: 'How long to measure the bandwidth to each party, 0 to 60; 0: not at all, for a monitor',
  },
  json: jsonOption,
};

/** A request of 8 MiB, over a link of 140 kB a second. */
const LARGE_MS = 60_000;

export async function partyCheck(argv: Argv, signal: AbortSignal): Promise<void> {
  const json = optionalText(argv, 'json');
  if (json !== undefined && json !== '-') await checkWritable('json', json);
  const folder = optionalText(argv, 'dir')!;
  const timeoutMs = 1000 * real(argv, 'timeout', 'seconds, from 0.1 to 600', (x) => x >= 0.1 && x <= 600);
  const measureMs = 1000 * real(argv, 'seconds', 'seconds, from 0 to 60', (x) => x >= 0 && x <= 60);
  const report = await unlessAborted(signal, check(folder, { timeoutMs, measureMs }));
  const stream = json === '-' ? process.stderr : process.stdout;
  for (const line of checkLines(report, widthOf(stream))) say(json, line);
  await writeReport(json, report);
  if (!report.ready) throw new Problem('party check: jobs cannot run', 'see the lines that begin with FAULT');
}

async function check(folder: string, times: Pick<DoorLimits, 'timeoutMs' | 'measureMs'>): Promise<CheckReport> {
  const config = await readConfig(folder);
  const federation = await readFederation(config.federation);
  const { findings, party } = await readOwn(folder, config);
  const tls = party && shownTls(party, federation).material();
  const asker = {
    federation,
    identity: party?.identity,
    tls: tls && { key: tls.key, cert: tls.certificate },
    limits: {
      ...times,
      largeMs: LARGE_MS,
      certificateWarningDays: config.certificateWarningDays,
    },
  };
  const places = {
    listen: reachable(config.listen),
    links: reachable(config.links),
    private: reachable(config.private),
    publicPin: await publicPinOf(config),
    folder,
  };
  const mesh = await checkMesh(asker, config.role, places, findings);
  const forecasts = mesh.link === undefined ? [] : await forecastLinks(mesh.link);
  return { command: 'party check', version: VERSION, ...mesh, forecasts };
}

/** Every file that the party starts with, each for itself: one that cannot be read hides nothing of the others. */
async function readOwn(
  folder: string,
  config: PartyConfig,
): Promise<{ readonly findings: readonly Finding[]; readonly party?: PartyFolder | undefined }> {
  const paths = pathsOf(folder);
  let passphrase: string | undefined;
  const alone = await fileFindings(config.role, [
    () => checkPrivateFolder(folder),
    async () => (passphrase = await readPassphrase(config)),
    () => readIdentity(paths.identity, passphrase),
    () => readSecret(paths.tlsKey, 'tls-key', passphrase),
    () => readSecret(paths.storageKeys, 'storage-keys', passphrase),
  ]);
  if (alone.length > 0) return { findings: alone };
  let party: PartyFolder | undefined;
  const together = await fileFindings(config.role, [
    async () => {
      const opened = await openPartyFolder(folder);
      await readOwnFederation(opened);
      party = opened;
    },
  ]);
  return { findings: together, party };
}

/** Of the certificate for clients that know no pins; what is wrong with the file is wrong for `party serve`, too. */
async function publicPinOf({ publicTls }: PartyConfig): Promise<string | undefined> {
  if (publicTls === undefined) return undefined;
  try {
    return pinOf(new X509Certificate(await readFile(publicTls.certificate)));
  } catch (error) {
    const what = `${publicTls.certificate}: is no certificate that can be read: ${faultOf(error)}`;
    throw new Problem(what, 'see publicTls in party.json', { cause: error });
  }
}

/** What is bound to all addresses of a host answers at its loopback. */
function reachable({ host, port }: HostPort): HostPort {
  if (host === '0.0.0.0') return { host: '127.0.0.1', port };
  return host === '::' ? { host: '::1', port } : { host, port };
}
