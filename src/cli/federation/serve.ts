/** `securenn party serve`: an organisation's party, until SIGTERM. What it needs is loaded when it is asked for: it must be there soon. */
import { appendFileSync, closeSync, openSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Options } from 'yargs';
import { faultOf } from '../../data/atomic-write.ts';
import { Problem } from '../../data/problem.ts';
import { joinAddress, type HostPort } from '../../federation/address.ts';
import { LOG_LEVELS, type LogLevel } from '../../server/log-levels.ts';
import type { PartyService } from '../../service/service.ts';
import { readConfig, type PartyConfig } from '../../service/config.ts';
import { untilAborted } from '../interrupts.ts';
import { number, oneOf, optionalText, TASK, text, type Argv } from '../options/values.ts';
import { dirOption } from './party.ts';
import { rankPlaceOf } from './rank-place.ts';

export const serveOptions: Readonly<Record<string, Options>> = {
  dir: dirOption,
  ranks: {
    ...number,
    group: TASK,
    defaultDescription: 'ranks of party.json; with --hosts: SLURM_NTASKS, or as many as there are hosts',
    describe: 'Ranks of the party, which compute parts of a batch side by side (docs/ranks.md)',
  },
  rank: {
    ...number,
    group: TASK,
    defaultDescription: 'with --hosts: JOB_COMPLETION_INDEX, SLURM_PROCID; else 0',
    describe: 'Which of them this process is: 0 is the party, the others compute along with it',
  },
  hosts: {
    ...text,
    group: TASK,
    defaultDescription: 'all ranks are here',
    describe: 'Where ranks are: a file with a line HOST:PORT for each, or one HOST:PORT with {rank} in it',
  },
  'log-level': {
    ...text,
    group: TASK,
    defaultDescription: 'log.level of party.json',
    describe: `What is logged: ${LOG_LEVELS.join(', ')}; while it runs: PUT /log-level on the private port`,
  },
};

/** A process that was stopped for so long that another one has taken the folder: nothing more may be written. */
const LOST_CODE = 75;

export async function partyServe(argv: Argv, signal: AbortSignal): Promise<void> {
  const folder = resolve(optionalText(argv, 'dir')!);
  const config = await readConfig(folder);
  const level = optionalText(argv, 'log-level') === undefined ? config.log.level : oneOf(argv, 'log-level', LOG_LEVELS);
  const writeLine = openLogFile(config);
  const place = await rankPlaceOf(argv);
  if (place !== undefined && place.rank > 0) {
    const { serveRank } = await import('./serve-rank.ts');
    return serveRank({ folder, config, place, level, writeLine }, signal);
  }
  const [{ PartyService: Service }, { openScheduler }, { createLog }] = await Promise.all([
    import('../../service/service.ts'),
    import('../../service/open-jobs.ts'),
    import('../../server/log.ts'),
  ]);
  const log = createLog(config.role, level, { write: writeLine });
  const onLost = (): void => {
    log.fatal({ folder }, 'another process serves from this folder now');
    process.exit(LOST_CODE);
  };
  const service = await Service.open({
    ...{ folder, log, onLost },
    ...(place !== undefined && { settings: { ranks: place.size }, ranksAt: place }),
    writeLine: (line) => writeLine(`${line}\n`),
    openJobs: openScheduler,
  });
  // However this process ends, no job's process goes on without it.
  process.on('exit', () => service.jobs.kill());
  await tell(config, service, level);
  await untilAborted(signal);
  console.log('draining: running jobs stop at their next step and keep a checkpoint; a second signal ends all at once');
  await service.drain();
  console.log('stopped');
}

/** What listens where, and what the operator has to see to. */
async function tell(config: PartyConfig, service: PartyService, level: LogLevel): Promise<void> {
  const { standing, ports } = service;
  const { name, address, links } = standing.federation.parties[standing.role];
  const at = ({ host }: HostPort, port: number): string => joinAddress({ host, port });
  console.log(`${standing.role} (${name}) serves from ${standing.party.paths.folder}`);
  console.log(`  HTTPS    ${at(config.listen, ports.api)}, found by others at ${address}`);
  console.log(`  links    ${at(config.links, ports.links)}, found by the other parties at ${links}`);
  console.log(`  private  http://${at(config.private, ports.private)}: /health, /ready, /metrics, /log-level`);
  console.log(`  members  ${standing.directory.members().length}; federation ${standing.fingerprint}`);
  if (service.ranks !== undefined) console.log(`  ranks    ${service.ranks.size}, this is rank 0`);
  console.log(`  log      ${config.log.file ?? 'standard error'}, level ${level}`);
  for (const warning of await service.warnings())
    console.error(`securenn: warning: ${warning.message} (${warning.fix})`);
}

/** Appends lines, each at once; opened anew for each, so that it can be moved away at any time. Standard error, where no file is named. */
function openLogFile({ log: { file } }: PartyConfig): (text: string) => void {
  if (file === undefined) {
    process.stderr.on('error', () => undefined); // Nobody reads any more: no reason to end here.
    return (line) => void process.stderr.write(line);
  }
  try {
    closeSync(openSync(file, 'a', 0o600));
  } catch (error) {
    const fix = 'give another file to log.file in party.json, or leave it out: lines then go to standard error';
    throw new Problem(`the log ${file} cannot be written: ${faultOf(error)}`, fix, { cause: error });
  }
  let told = false;
  return (line) => {
    try {
      appendFileSync(file, line, { mode: 0o600 });
      told = false;
    } catch (error) {
      // A disk that is full ends no job.
      if (!told) process.stderr.write(`securenn: the log ${file} cannot be written: ${faultOf(error)}\n`);
      told = true;
    }
  };
}
