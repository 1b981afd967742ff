/**
 * How long this thread was on a core, or ready to run and had none, as the system counts it (Linux; elsewhere nobody says). One reading takes
 * about ten microseconds.
 */
import { openSync, readSync } from 'node:fs';

/** Of the thread that opens it: nanoseconds on a core, nanoseconds ready to run without one, turns. */
const SCHEDULE = '/proc/thread-self/schedstat';

/** Milliseconds without a core so far; undefined where the system does not say. */
export function coreWaitMeter(path: string = SCHEDULE): (() => number) | undefined {
  return meterOf(path, 1);
}

/** Milliseconds on a core so far; undefined where the system does not say. */
export function coreTimeMeter(path: string = SCHEDULE): (() => number) | undefined {
  return meterOf(path, 0);
}

function meterOf(path: string, field: number): (() => number) | undefined {
  const buffer = Buffer.alloc(64);
  try {
    const descriptor = openSync(path, 'r');
    const read = (): number => {
      const length = readSync(descriptor, buffer, 0, buffer.length, 0);
      return Number(buffer.toString('latin1', 0, length).split(' ')[field]) / 1e6;
    };
    return Number.isFinite(read()) ? read : undefined;
  } catch {
    return undefined;
  }
}
