/** What an opened input must not be, whoever sends it: chance does not draw zeros, and what is masked with them is not masked. */
import type { PartyName } from '../../server/ipc.ts';
import { STREAM_KEY_BYTES } from '../../random/primitives.ts';
import { COUNT_BYTES } from '../jobs/input-form.ts';
import { Refusal } from '../refusal.ts';

/** Number of images ‖ own mask key ‖ E; to P2: ‖ both mask keys. Lengths are checked where the session is known. */
export function checkDrawn(party: PartyName, input: Uint8Array): void {
  const keys = party === 'P2' ? 2 : 1;
  const end = COUNT_BYTES + keys * STREAM_KEY_BYTES;
  const drawn = Array.from({ length: keys }, (_, i) =>
    input.subarray(COUNT_BYTES + i * STREAM_KEY_BYTES).subarray(0, STREAM_KEY_BYTES),
  );
  if (input.length > end) drawn.push(input.subarray(end));
  if (input.length < end || drawn.every((part) => part.some((byte) => byte !== 0))) return;
  throw new Refusal(400, 'a mask, or what is masked, is all zeros', 'draw keys at random, fresh for each input');
}
