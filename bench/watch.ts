/**
 * Loaded into the processes of `limits.ts` before anything else (`node --import`): at its end a party leaves one line of JSON with its peak
 * memory, what each of its steps took, and how long its event loop stood still. That counts from when it opens its links: while Node loads
 * modules nobody waits for it.
 */
import { appendFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { coreWaitMeter } from '../src/profile/core-wait.ts';
import type { Notice } from '../src/server/ipc.ts';
import type { Reporter } from '../src/server/reporter.ts';
import { standIn } from './local/counted.ts';

export interface Watched {
  readonly party: string;
  readonly peakMemoryMiB: number;
  /** Of all its threads, in user and system mode, from the beginning. */
  readonly processorSeconds: number;
  /** Of a training, each from the end of the one before it, or from when all inputs were there, to its own: time that passed, and on cores. */
  readonly steps: readonly { readonly ms: number; readonly processorMs: number }[];
  /** The longest that the event loop stood in each second, in milliseconds. */
  readonly longestBySecond: readonly number[];
  /** The same without the time in which the party waited for a core that others had. Linux tells it; elsewhere nothing is taken off. */
  readonly longestRunningBySecond: readonly number[];
  /** How many turns of each second were longer than LONG_TURN_MS, again without such waits. */
  readonly longTurnsBySecond: readonly number[];
}

const LONG_TURN_MS = 5;

/** Milliseconds between two looks at the clock; a turn of the loop that is shorter goes unseen. */
const RESOLUTION_MS = 1;
const file = process.env['SECURENN_LIMITS_FILE'];

/** To hundredths. */
const rounded = (value: number): number => Math.round(value * 100) / 100;

if (file !== undefined && isMainThread && process.argv[1]?.endsWith('party-process.js') === true) {
  const waitedForCore = coreWaitMeter() ?? ((): number => 0);
  const longestBySecond: number[] = [];
  const longestRunningBySecond: number[] = [];
  const longTurnsBySecond: number[] = [];
  let [stood, running, long] = [0, 0, 0];
  const watch = (): void => {
    let [looked, waited] = [performance.now(), waitedForCore()];
    setInterval(() => {
      const [now, waitedNow] = [performance.now(), waitedForCore()];
      const turn = now - looked - RESOLUTION_MS;
      stood = Math.max(stood, turn);
      const ran = turn - (waitedNow - waited);
      running = Math.max(running, ran);
      if (ran > LONG_TURN_MS) long++;
      [looked, waited] = [now, waitedNow];
    }, RESOLUTION_MS).unref();
    setInterval(() => {
      longestBySecond.push(rounded(stood));
      longestRunningBySecond.push(rounded(running));
      longTurnsBySecond.push(long);
      [stood, running, long] = [0, 0, 0];
    }, 1000).unref();
  };
  // The party's own word that it is ready for its peers (`party-process.ts`); a listener for its orders would take them from it.
  const send = process.send!.bind(process) as (notice: Notice, ...rest: unknown[]) => boolean;
  process.send = (notice: Notice, ...rest: unknown[]) => {
    if (notice.type === 'computing') watch();
    return send(notice, ...rest);
  };
  const steps: { ms: number; processorMs: number }[] = [];
  let before = spentSoFar();
  const { Reporter: Told } = (await import(new URL('reporter.js', pathToFileURL(process.argv[1])).href)) as {
    Reporter: typeof Reporter;
  };
  standIn(Told.prototype, 'report', (report, told, [event]: Parameters<Reporter['report']>) => {
    const now = spentSoFar();
    if (event.kind === 'step')
      steps.push({ ms: rounded(now.ms - before.ms), processorMs: rounded(now.processorMs - before.processorMs) });
    before = now;
    return report.call(told, event);
  });
  process.on('exit', () => {
    const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
    const watched: Watched = {
      party: process.argv[2],
      peakMemoryMiB: Math.round(maxRSS / 1024),
      processorSeconds: rounded((userCPUTime + systemCPUTime) / 1e6),
      steps,
      longestBySecond,
      longestRunningBySecond,
      longTurnsBySecond,
    };
    appendFileSync(file, `${JSON.stringify(watched)}\n`);
  });
}

function spentSoFar(): { ms: number; processorMs: number } {
  const { user, system } = process.cpuUsage();
  return { ms: performance.now(), processorMs: (user + system) / 1000 };
}
