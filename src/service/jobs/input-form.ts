/** An input of a serving session as it comes, opened: count (u32) ‖ own mask key ‖ E at P0 and P1; count ‖ both mask keys at P2. */
import { MAX_INPUT_IMAGES, type ServeDocument } from '../../federation/documents.ts';
import { inputSize } from '../../nn/network.ts';
import { STREAM_KEY_BYTES } from '../../random/primitives.ts';
import type { InputPart, PartyName } from '../../server/ipc.ts';
import { Refusal } from '../refusal.ts';

export const COUNT_BYTES = 4;
export const ELEMENT_BYTES = 8;

/** Throws a Refusal for what has not the form of one. */
export function parseInput(
  party: PartyName,
  { network }: Pick<ServeDocument, 'network'>,
  { id, client }: Pick<InputPart, 'id' | 'client'>,
  input: Uint8Array,
): InputPart {
  const worker = party !== 'P2';
  const keyBytes = (worker ? 1 : 2) * STREAM_KEY_BYTES;
  const images = imagesIn(input);
  if (images < 1) throw new Refusal(400, 'an input has one image at least', 'send its parts as they were made');
  if (images > MAX_INPUT_IMAGES) {
    throw new Refusal(413, `${images} images are more than ${MAX_INPUT_IMAGES} in one input`, 'send fewer at a time');
  }
  const opened = worker ? ELEMENT_BYTES * images * inputSize(network) : 0;
  const expected = COUNT_BYTES + keyBytes + opened;
  if (input.length !== expected) {
    const what = `an input of ${images} images for ${party} has ${expected} bytes, found ${input.length}`;
    throw new Refusal(400, what, 'see that the images fit the network of the job');
  }
  const keys = input.slice(COUNT_BYTES, COUNT_BYTES + keyBytes);
  const masks = worker ? [keys] : [keys.slice(0, STREAM_KEY_BYTES), keys.slice(STREAM_KEY_BYTES)];
  // A copy begins at a multiple of eight.
  const values = worker ? new BigUint64Array(input.slice(COUNT_BYTES + keyBytes).buffer) : null;
  return { id, client, images, opened: values, masks };
}

/** How many images it says it has; 0 where it is too short to say. */
export function imagesIn(input: Uint8Array): number {
  return input.length < COUNT_BYTES ? 0 : new DataView(input.buffer, input.byteOffset).getUint32(0, true);
}
