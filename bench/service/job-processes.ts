import { readFileSync } from 'node:fs';

/** Job processes of a service, by the service's own. */
export function jobsOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}
