/**
 * How long this process's main thread was ready to run and had no core, as the system counts it (Linux; elsewhere nobody says). One
 * reading takes about ten microseconds.
 */
import { openSync, readSync } from 'node:fs';

/** Of the main thread: nanoseconds on a core, nanoseconds ready to run without one, turns. */
const SCHEDULE = '/proc/self/schedstat';

/** Milliseconds so far; undefined where the system does not say. */
export function coreWaitMeter(path: string = SCHEDULE): (() => number) | undefined {
  const buffer = Buffer.alloc(64);
  try {
    const descriptor = openSync(path, 'r');
    const read = (): number => {
      const length = readSync(descriptor, buffer, 0, buffer.length, 0);
      return Number(buffer.toString('latin1', 0, length).split(' ')[1]) / 1e6;
    };
    return Number.isFinite(read()) ? read : undefined;
  } catch {
    return undefined;
  }
}
