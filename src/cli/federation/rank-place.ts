/** Which rank of a party a process is, and where the others are: as options say, or the environment that launchers set. */
import { readFile } from 'node:fs/promises';
import { faultOf } from '../../data/atomic-write.ts';
import { Problem } from '../../data/problem.ts';
import { joinAddress, splitAddress, type HostPort } from '../../federation/address.ts';
import { addressSchema } from '../../federation/card.ts';
import { MOST_RANKS } from '../../nn/ranks.ts';
import { optionalInteger, optionalText, type Argv } from '../options/values.ts';

export interface RankPlace {
  readonly rank: number;
  readonly size: number;
  /** Where this party finds ranks 1, 2, …; absent: here. */
  readonly at?: readonly HostPort[] | undefined;
  /** Where the other parties find them. */
  readonly announced?: readonly HostPort[] | undefined;
}

const PLACE = '{rank}';
/** Set by Indexed Jobs of Kubernetes, and JobSets; by Slurm. */
const RANK = ['JOB_COMPLETION_INDEX', 'SLURM_PROCID'] as const;
const SIZE = 'SLURM_NTASKS';

/** Undefined: nothing is said of ranks. What launchers set counts where hosts are named: a party may be alone in a task of something else. */
export async function rankPlaceOf(
  argv: Argv,
  environment: NodeJS.ProcessEnv = process.env,
): Promise<RankPlace | undefined> {
  const ranks = optionalInteger(argv, 'ranks', 1, MOST_RANKS);
  const given = optionalInteger(argv, 'rank', 0, MOST_RANKS - 1);
  const hosts = optionalText(argv, 'hosts');
  if (hosts === undefined) {
    if ((given ?? 0) > 0)
      throw new Problem(`--rank: rank ${given} is not told where the others are`, 'give the list of hosts to --hosts');
    return ranks === undefined ? undefined : { rank: 0, size: ranks };
  }
  const told = ranks ?? numberOf(SIZE, 1, MOST_RANKS, environment);
  const all = await readHosts(hosts, told);
  const size = told ?? all.length;
  if (all.length < size) {
    const what = `--hosts: ${hosts} names ${all.length} ${all.length === 1 ? 'host' : 'hosts'}, there are ${size} ranks`;
    throw new Problem(what, 'give a line HOST:PORT for each rank, rank 0 first');
  }
  const set = RANK.find((name) => environment[name] !== undefined);
  const rank = given ?? (set === undefined ? undefined : numberOf(set, 0, MOST_RANKS - 1, environment)) ?? 0;
  if (rank >= size) {
    const by = given === undefined ? `${set}: ` : '--rank: ';
    throw new Problem(
      `${by}rank ${rank} of ${size}: they are 0 to ${size - 1}`,
      'give each process a rank of its own below --ranks',
    );
  }
  const others = all.slice(1, size);
  const at = others.map(([own]) => own);
  const names = at.map(joinAddress);
  const twice = names.findIndex((name, i) => names.indexOf(name) < i);
  if (twice >= 0) {
    const what = `--hosts: ranks ${names.indexOf(names[twice]) + 1} and ${twice + 1} have the same place`;
    throw new Problem(what, 'give each rank a port of its own');
  }
  return { rank, size, at, announced: others.map((places) => places.at(-1)!) };
}

/** @param size where it is known; a pattern needs it */
async function readHosts(hosts: string, size: number | undefined): Promise<HostPort[][]> {
  if (hosts.includes(PLACE)) {
    if (size === undefined)
      throw new Problem(`--hosts: ${hosts} does not say how many ranks there are`, 'give --ranks N');
    return Array.from({ length: size }, (_, rank) => placesOf(hosts.replaceAll(PLACE, `${rank}`), '--hosts'));
  }
  const text = await readFile(hosts, 'utf8').catch((error: unknown) => {
    throw new Problem(
      `--hosts: ${hosts} cannot be read: ${faultOf(error)}`,
      'give a file with a line HOST:PORT for each rank, rank 0 first, or HOST:PORT with {rank} in it',
    );
  });
  const lines = text.split(/\r?\n/).map((line) => line.replace(/#.*/, '').trim());
  return lines.flatMap((line, i) => (line === '' ? [] : [placesOf(line, `--hosts: ${hosts}, line ${i + 1}`)]));
}

/** Where its own party finds a rank and, where they reach it in another way, where the others do. */
function placesOf(line: string, source: string): HostPort[] {
  const places = line.split(/\s+/);
  if (places.length <= 2 && places.every((place) => addressSchema.safeParse(place).success))
    return places.map(splitAddress);
  throw new Problem(
    `${source}: expected HOST:PORT, found ${JSON.stringify(line.slice(0, 80))}`,
    'write node1.example.org:7603, say; behind it, where that is another, the address at which other parties find it',
  );
}

function numberOf(name: string, least: number, most: number, environment: NodeJS.ProcessEnv): number | undefined {
  const written = environment[name];
  if (written === undefined) return undefined;
  const value = Number(written);
  if (/^\d+$/.test(written) && value >= least && value <= most) return value;
  throw new Problem(
    `${name}: expected a whole number from ${least} to ${most}, found ${JSON.stringify(written.slice(0, 40))}`,
    'start the ranks by a launcher that sets it, or give --rank and --ranks',
  );
}
