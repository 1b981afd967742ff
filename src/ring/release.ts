/**
 * Gives back at once the memory of arrays that nobody reads any more. V8 otherwise keeps it until a collection, and collects because of it:
 * the tensors of a step count to a heap that is a tenth of their size, so that a quarter of a party's main thread went into marking.
 *
 * An array that is given back has no elements any more: whoever reads it all the same fails by its length, and reads no other value.
 * Where the engine cannot (Node 20 can if it is told to: `server/party-child.ts`), arrays are left to the collector.
 */

/** Below this an array costs the collector less than its release. */
const LEAST_BYTES = 4096;

const { transfer } = ArrayBuffer.prototype as ArrayBuffer & { transfer?: (length: number) => ArrayBuffer };

/** Never what was sent: it belongs to the channel. A view of a part of a buffer stays, for others may see the rest. */
export function release(...arrays: readonly (BigUint64Array | Uint8Array)[]): void {
  if (transfer === undefined) return;
  for (const { buffer, byteLength } of arrays) {
    if (byteLength >= LEAST_BYTES && byteLength === buffer.byteLength) transfer.call(buffer as ArrayBuffer, 0);
  }
}
