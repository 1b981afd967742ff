/** One message of a session in memory, changed on its way as nobody who speaks would change it. */
import type { PeerName } from '../src/channel/channel.ts';
import { decodeFrame, encodeFrame, type Frame } from '../src/channel/frame.ts';
import type { MemoryOptions } from '../src/channel/memory.ts';

export interface Flipped {
  readonly from: string;
  readonly label: string;
}

/** A bit in the middle of the message from one of two ends to the other, for `tamper` of a link. */
export function flipping({ from, label }: Flipped): NonNullable<MemoryOptions['tamper']> {
  return (_: number, bytes: Uint8Array, sender: PeerName): Uint8Array[] => {
    const frame = decodeFrame([bytes]);
    if (sender !== from || frame.label !== label) return [bytes];
    const data = frame.data.slice();
    const view = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    view[view.length >> 1] ^= 1;
    return [framed({ ...frame, data })];
  };
}

/** As it travels. */
export function framed(frame: Frame): Uint8Array {
  const { header, payload } = encodeFrame(frame);
  return new Uint8Array(Buffer.concat([header, payload]));
}
