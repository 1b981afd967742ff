/**
 * Tags of frames, where a session is private (SECURITY.md). Each frame follows a tag of 16 bytes:
 *
 *     tag = GMAC(key of the direction, nonce = number of the frame, frame)
 *
 * GMAC is AES-256-GCM of no text, with the frame as what is authenticated (NIST SP 800-38D). The keys come from the handshake that opened the
 * link (`random/agreement.ts`), one for each direction, and from nothing that TLS has: whoever ends TLS for a party, or stands in the
 * way of a link without, can change, repeat, reorder or send back no frame, nor make one. What it holds back is missed: by the next frame, by
 * the goodbye, or by whoever waits.
 *
 * The number is the sequence number of the frame (`frame.ts`), which both ends count. A link that goes on over another connection sends
 * the same bytes again (`resumable.ts`), so there is one frame, and one tag, for each number.
 */
import { createCipheriv, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { ChannelError } from './channel.ts';
import { TAG_BYTES } from './frame.ts';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;

export class FrameTags {
  readonly #own: KeyObject;
  readonly #peer: KeyObject;

  /** @param keys 32 bytes each: of what this end sends, and of what its peer sends */
  constructor(keys: { readonly own: Uint8Array; readonly peer: Uint8Array }) {
    this.#own = createSecretKey(keys.own);
    this.#peer = createSecretKey(keys.peer);
  }

  /** The frame behind its tag, in as many pieces. */
  seal(sequence: number, frame: readonly Uint8Array[]): Uint8Array[] {
    const [first, ...rest] = frame;
    return [Buffer.concat([tagOf(this.#own, sequence, frame), first]), ...rest];
  }

  /** The frame with this number, of the bytes that came. Throws a ChannelError when they are not what the peer sent as such. */
  open(sequence: number, parts: readonly Uint8Array[]): Uint8Array[] {
    // The sender keeps the tag with the beginning of the frame; anything else pays for a copy.
    const [first, ...rest] = parts.length > 0 && parts[0].length >= TAG_BYTES ? parts : [Buffer.concat(parts)];
    if (first.length < TAG_BYTES) throw new ChannelError('a frame without its tag');
    const frame = [first.subarray(TAG_BYTES), ...rest];
    if (!timingSafeEqual(first.subarray(0, TAG_BYTES), tagOf(this.#peer, sequence, frame)))
      throw new ChannelError(`frame ${sequence} is missing or was changed on the way: its tag differs`);
    return frame;
  }
}

function tagOf(key: KeyObject, sequence: number, frame: readonly Uint8Array[]): Buffer {
  const nonce = Buffer.alloc(NONCE_BYTES);
  nonce.writeUInt32LE(sequence);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG_BYTES });
  for (const part of frame) cipher.setAAD(part);
  cipher.final();
  return cipher.getAuthTag();
}
