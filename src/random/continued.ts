/**
 * The stream keys of a session that goes on with a run. Where parties are taken for honest it draws on under the keys that the run began
 * with: the same values under the same masks, which tell nothing more. Where one of them may cheat it has new ones, of which those of its
 * handshake and those that were kept are both a part: whoever brings about that the others go back gets no second message under a mask,
 * and who has stolen what was kept, or can pose as a party in the handshake, has not the keys.
 *
 *     streamKey = HKDF-SHA256(kept ‖ of the handshake, info = 'securenn/2 continued'), 16 bytes
 */
import { deriveKey } from './agreement.ts';
import { STREAM_KEY_BYTES } from './primitives.ts';

/** @param kept what the checkpoint holds; absent: the run begins */
export function continuedKeys<Peer extends string>(
  security: 'private' | undefined,
  kept: ReadonlyMap<Peer, Uint8Array> | undefined,
  fresh: ReadonlyMap<Peer, Uint8Array>,
): ReadonlyMap<Peer, Uint8Array> {
  if (kept === undefined) return fresh;
  if (security !== 'private') return kept;
  return new Map(
    [...fresh].map(([peer, key]) => {
      const old = kept.get(peer);
      if (old === undefined) throw new Error(`no stream key with ${peer} was kept`);
      return [peer, continued(old, key)];
    }),
  );
}

function continued(old: Uint8Array, key: Uint8Array): Uint8Array {
  return deriveKey(Buffer.concat([old, key]), new Uint8Array(0), 'continued', STREAM_KEY_BYTES);
}
