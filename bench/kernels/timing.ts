/** Seconds of a call of kernels on the device, its operands lying there. */
import type { Dispatcher, Duration, Step } from '../../runtime/webgpu/dispatch.ts';
import { median } from '../measure.ts';

const SERIES = 3;
/** Calls of a series: a submit must stay small enough for a driver that watches over the time it takes. */
const MOST_REPEATS = 1000;

/** What told the time: the device's timestamps, or the wall clock, which counts the submit as well. */
export type Clock = 'gpu' | 'wall';

/**
 * Median of three series that take `seconds` together, or one series where it is mostly the operands' way to the device that takes time. By
 * the device's clock if it told the time of every series.
 */
export async function deviceSeconds(
  dispatcher: Dispatcher,
  step: Step,
  seconds: number,
): Promise<{ readonly seconds: number; readonly clock: Clock }> {
  const start = performance.now();
  const once = await dispatcher.time(step, 1);
  const slow = (performance.now() - start) / 1000 > 4 * seconds;
  const repeats = Math.max(1, Math.min(MOST_REPEATS, Math.round(seconds / SERIES / once.wall)));
  const series: Duration[] = [];
  for (let i = 0; i < (slow ? 1 : SERIES); i++) series.push(await dispatcher.time(step, repeats));
  const onDevice = series.flatMap(({ gpu }) => gpu ?? []);
  return onDevice.length === series.length
    ? { seconds: median(onDevice), clock: 'gpu' }
    : { seconds: median(series.map(({ wall }) => wall)), clock: 'wall' };
}

/** Median seconds of an operation: at least `least` runs, until `seconds` have passed. */
export async function wallSeconds(operation: () => Promise<unknown>, seconds: number, least = 3): Promise<number> {
  const times: number[] = [];
  const end = performance.now() + 1000 * seconds;
  while (times.length < least || performance.now() < end) {
    const start = performance.now();
    await operation();
    times.push((performance.now() - start) / 1000);
  }
  return median(times);
}
