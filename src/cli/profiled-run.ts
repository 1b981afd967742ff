/** A run of which a profile is taken: however it ends, the parties' parts become a report, with what the owner knows of the run. */
import { loadavg } from 'node:os';
import { describeLink } from '../channel/linkModel.ts';
import type { RunFacts } from '../profile/summary.ts';
import { messageOf } from './errors.ts';
import type { SessionSettings } from './options/session.ts';
import type { PartyNews } from './party-news.ts';
import type { Phases } from './phases.ts';
import { checkProfileFolder, removeParts, reportProfile } from './profile.ts';
import { machineCard, spread } from './report.ts';

/** What a run knows of itself when it is over. */
export interface RunTimes {
  readonly phases: Phases;
  /** Seconds of each step, or batch, of this session. */
  readonly unitSeconds: () => readonly number[];
}

/** Does a run and, if it is to be profiled, reports on what its parties left in the folder, however it ended. */
export async function profiled<T>(
  settings: SessionSettings,
  news: PartyNews,
  times: RunTimes,
  run: () => Promise<T>,
): Promise<T> {
  const { profile: folder } = settings;
  if (folder === undefined) return run();
  checkProfileFolder(folder);
  removeParts(folder);
  const line = (text: string): void => news.line(text);
  let ended: string | undefined;
  try {
    return await run();
  } catch (error) {
    ended = messageOf(error);
    throw error;
  } finally {
    // The result of the session, or why it failed, counts more than why its profile did.
    const failed = (why: unknown): void => line(`no profile: ${messageOf(why)}`);
    await reportProfile(folder, { ...factsOf(settings, news, times), ended }, line).catch(failed);
  }
}

/** What a profile's report says of the run. */
function factsOf(
  { network, batch, suite, workers, link }: SessionSettings,
  { computing }: PartyNews,
  { phases, unitSeconds }: RunTimes,
): RunFacts {
  const { cpu, cores, memoryGiB, node } = machineCard();
  const backend = computing?.backend ?? 'wasm';
  const seconds = unitSeconds();
  return {
    ...{ network: network.name, batch, suite, backend, workers },
    machine: `${cpu}, ${cores} ${cores === 1 ? 'core' : 'cores'}, ${memoryGiB} GiB, Node ${node}`,
    ...{ cores, load: loadavg()[0], oneMachine: true, link: link && describeLink(link), ended: undefined },
    unitMs: seconds.length === 0 ? undefined : 1000 * spread(seconds).median,
    phases: phases.times(),
  };
}
