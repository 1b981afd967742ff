import { readFileSync } from 'node:fs';

/** Job processes of a service, by the service's own. */
export function jobsOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}

/** The words that a process was started with; none when it is gone. */
export function commandOf(pid: number): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').slice(0, -1);
  } catch {
    return [];
  }
}

/** KiB that a process has resident now, and had at the most since the last `forgetPeak` (`federation.ts`). */
export function memoryOf(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? NaN);
  return { now: field('VmRSS'), peak: field('VmHWM') };
}

/** The largest resident set that a process has had, in MiB; 0 when it is gone. */
export function peakOf(pid: number): number {
  try {
    return (memoryOf(pid).peak || 0) / 1024;
  } catch {
    return 0;
  }
}
