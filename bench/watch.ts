/**
 * Loaded into the processes of `limits.ts` before anything else (`node --import`): at its end a party leaves one line of JSON with its peak
 * memory and how long its event loop stood still.
 */
import { appendFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

export interface Watched {
  readonly party: string;
  readonly peakMemoryMiB: number;
  /** The longest that the event loop stood in each second, in milliseconds. */
  readonly longestBySecond: readonly number[];
}

/** Milliseconds between two looks at the clock; a turn of the loop that is shorter goes unseen. */
const RESOLUTION_MS = 1;
const file = process.env['SECURENN_LIMITS_FILE'];

if (file !== undefined && isMainThread && process.argv[1]?.endsWith('party-process.js') === true) {
  const delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delay.enable();
  const longestBySecond: number[] = [];
  setInterval(() => {
    longestBySecond.push(Math.max(0, Math.round(delay.max / 1e4) / 100 - RESOLUTION_MS));
    delay.reset();
  }, 1000).unref();
  process.on('exit', () => {
    const watched: Watched = {
      party: process.argv[2],
      peakMemoryMiB: Math.round(process.resourceUsage().maxRSS / 1024),
      longestBySecond,
    };
    appendFileSync(file, `${JSON.stringify(watched)}\n`);
  });
}
