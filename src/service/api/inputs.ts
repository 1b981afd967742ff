/** What an opened input must not be, whoever sends it: chance does not draw zeros, and what is masked with them is not masked. */
import type { PartyName } from '../../server/ipc.ts';
import { Refusal } from '../refusal.ts';

const COUNT_BYTES = 4;
const KEY_BYTES = 16;

/** Number of images ‖ own mask key ‖ E; to P2: ‖ both mask keys. Lengths are checked where the session is known. */
export function checkDrawn(party: PartyName, input: Uint8Array): void {
  const keys = party === 'P2' ? 2 : 1;
  const end = COUNT_BYTES + keys * KEY_BYTES;
  const drawn = Array.from({ length: keys }, (_, i) =>
    input.subarray(COUNT_BYTES + i * KEY_BYTES).subarray(0, KEY_BYTES),
  );
  if (input.length > end) drawn.push(input.subarray(end));
  if (input.length < end || drawn.every((part) => part.some((byte) => byte !== 0))) return;
  throw new Refusal(400, 'a mask, or what is masked, is all zeros', 'draw keys at random, fresh for each input');
}
