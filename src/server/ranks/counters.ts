/** What a rank counts of itself, in memory that rank 0 reads: it adds up what a party says of its progress. */

export interface RankCounters {
  /** Of frames, to the two other parties. */
  readonly bytesSent: number;
  readonly waitSeconds: number;
  readonly computeSeconds: number;
}

const FIELDS = ['bytesSent', 'waitSeconds', 'computeSeconds'] as const satisfies (keyof RankCounters)[];

export function countersMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(8 * FIELDS.length);
}

export function writeCounters(memory: SharedArrayBuffer, counters: RankCounters): void {
  const fields = new Float64Array(memory);
  FIELDS.forEach((field, i) => (fields[i] = counters[field]));
}

export function readCounters(memory: SharedArrayBuffer): RankCounters {
  const [bytesSent, waitSeconds, computeSeconds] = new Float64Array(memory);
  return { bytesSent, waitSeconds, computeSeconds };
}
