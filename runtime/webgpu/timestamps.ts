/**
 * When the first pass of a submit began and its last one ended, by the device's own clock: two queries that every submit writes anew. One
 * queue runs its submits in order, so a submit's times are copied out before the next one writes.
 */
import { USAGE } from './buffers.ts';

/** Of two times, u64 nanoseconds each. */
export const TIMES_BYTES = 16;

export class Timestamps {
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;

  private constructor(device: GPUDevice) {
    this.#queries = device.createQuerySet({ type: 'timestamp', count: 2 });
    this.#resolved = device.createBuffer({ size: TIMES_BYTES, usage: USAGE.queryResolve | USAGE.copySource });
  }

  /** Undefined where the device has no timestamps. */
  static of(device: GPUDevice): Timestamps | undefined {
    return device.features.has('timestamp-query') ? new Timestamps(device) : undefined;
  }

  /** What a pass writes: its beginning if it is the first of a submit, its end if it is the last. */
  writes(first: boolean, last: boolean): { timestampWrites?: GPUComputePassTimestampWrites } {
    if (!first && !last) return {};
    return {
      timestampWrites: {
        querySet: this.#queries,
        ...(first ? { beginningOfPassWriteIndex: 0 } : {}),
        ...(last ? { endOfPassWriteIndex: 1 } : {}),
      },
    };
  }

  /** After the last pass: the times go into `landing`, of TIMES_BYTES or more. */
  copyTo(landing: GPUBuffer, encoder: GPUCommandEncoder): void {
    encoder.resolveQuerySet(this.#queries, 0, 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, landing, 0, TIMES_BYTES);
  }
}

/** Nanoseconds from the first pass to the last, after the submit; leaves the buffer unmapped. */
export async function readNanoseconds(landing: GPUBuffer): Promise<number | undefined> {
  await landing.mapAsync(USAGE.mapRead, 0, TIMES_BYTES);
  const [begin, end] = new BigUint64Array(landing.getMappedRange(0, TIMES_BYTES).slice(0));
  landing.unmap();
  return nanosecondsBetween(begin, end);
}

/**
 * Undefined where the times say nothing: a query that the driver did not write is 0, clocks may step back, and times that a browser rounds
 * may be the same.
 */
export function nanosecondsBetween(begin: bigint, end: bigint): number | undefined {
  return begin > 0n && end > begin ? Number(end - begin) : undefined;
}
