/** `securenn party serve` as a rank but the first: computes along with rank 0 until SIGTERM. Of the party's folder it reads party.json and ranks.key. */
import { Problem } from '../../data/problem.ts';
import { joinAddress, type HostPort } from '../../federation/address.ts';
import { createLog } from '../../server/log.ts';
import type { LogLevel } from '../../server/log-levels.ts';
import { askRank } from '../../server/ranks/processes.ts';
import { checkPrivateFolder } from '../../data/private-folder.ts';
import { pathsOf, readPassphrase, type PartyConfig } from '../../service/config.ts';
import { RankHost } from '../../service/ranks/host.ts';
import { readRanksTls } from '../../service/ranks/key.ts';
import { untilAborted } from '../interrupts.ts';
import type { RankPlace } from './rank-place.ts';

/** A name may take a while until it leads here. */
const OWN_PLACE_MS = 5_000;

export interface ServeRankOptions {
  readonly folder: string;
  readonly config: PartyConfig;
  readonly place: RankPlace;
  readonly level: LogLevel;
  readonly writeLine: (text: string) => void;
}

export async function serveRank(
  { folder, config, place, level, writeLine }: ServeRankOptions,
  signal: AbortSignal,
): Promise<void> {
  const { rank, size } = place;
  const { role, links, compute } = config;
  const at: readonly HostPort[] = place.at!;
  await checkPrivateFolder(folder);
  const tls = await readRanksTls(role, pathsOf(folder).ranksKey, await readPassphrase(config));
  const log = createLog(role, level, { write: writeLine }).child({ rank });
  const own = at[rank - 1];
  const listen = { host: links.host, port: own.port };
  const host = await RankHost.open({
    party: role,
    rank,
    size,
    listen,
    at: () => at,
    tls,
    workers: compute.workers,
    log,
  });
  process.on('exit', () => host.kill());
  try {
    await checkOwnPlace(host, { party: role, tls, at }, rank);
    console.log(
      `${role}, rank ${rank} of 0 to ${size - 1}: computes along from ${joinAddress({ host: listen.host, port: host.port })}, found by others at ${joinAddress(own)}`,
    );
    console.log(`  log      ${config.log.file ?? 'standard error'}, level ${level}`);
    await untilAborted(signal);
  } finally {
    await host.close();
  }
  console.log('stopped');
}

/** Whoever asks at this rank's place must find this process: two with the same rank would both wait, one of them for ever. */
export async function checkOwnPlace(
  host: Pick<RankHost, 'instance'>,
  options: Parameters<typeof askRank>[0],
  rank: number,
): Promise<void> {
  let instance: string;
  try {
    instance = await askRank(options, rank, OWN_PLACE_MS);
  } catch (error) {
    const { message, cause } = error as Error;
    // Somebody else is there.
    if (cause === undefined) throw error;
    console.error(`securenn: warning: this process does not find itself where rank 0 will look for it: ${message}`);
    return;
  }
  if (instance === host.instance) return;
  throw new Problem(
    `rank ${rank}: another process answers at ${joinAddress(options.at[rank - 1])}: two have the same rank, or this is another host`,
    'give each process a rank of its own, and see the list of hosts',
  );
}
