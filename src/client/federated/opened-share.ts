/** A worker's share of something that is for us alone, sealed by the worker itself. */
import { Problem } from '../../data/problem.ts';
import type { FederationClient } from './client.ts';

export const WORKERS = ['P0', 'P1'] as const;
export type Worker = (typeof WORKERS)[number];

/** Of an element. */
const BYTES = 8;
/** Opens what a worker sealed to us. @param info what it is for: something sealed for another purpose does not open */
export async function openShare(
  client: FederationClient,
  worker: Worker,
  { what, info, sealed, length }: { what: string; info: string; sealed: Uint8Array; length: number },
): Promise<BigUint64Array> {
  const bytes = await client.openSealed(info, sealed);
  if (bytes === undefined) {
    throw new Problem(
      `${worker}: its share of ${what} does not open with this identity`,
      'use the identity that the job names as receiver; securenn job show names it',
      { fixInCode: 'use the identity that asked' },
    );
  }
  return shareOf(worker, what, bytes, length);
}

/** @param length elements that it must have */
export function shareOf(worker: Worker, what: string, bytes: Uint8Array, length: number): BigUint64Array {
  if (bytes.length !== BYTES * length) {
    throw new Problem(
      `${worker}: its share of ${what} has ${bytes.length} bytes, expected ${BYTES * length}`,
      'ask its operator: what it computed is not what the job says',
    );
  }
  return new BigUint64Array(bytes.slice().buffer);
}
