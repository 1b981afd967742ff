/** Random values that follow from the public seed: known to every party, so nothing secret may depend on them. */
import { insecurePairKey } from '../random/insecure.ts';
import type { Stream } from '../random/stream.ts';
import { PairStreams } from '../random/streams.ts';

export function publicStream(seed: number, purpose: string): Stream {
  return new PairStreams(insecurePairKey(seed, 'public')).stream('seed', purpose);
}

export function uint32(stream: Stream, count: number): Uint32Array {
  return new Uint32Array(stream.bytes(4 * count).slice().buffer);
}
