/** An owner's input, ready made, for tests of what comes after. */
import { randomBytes } from 'node:crypto';
import type { OwnedInput } from '../src/engine/ownedInput.ts';
import { PairStreams } from '../src/random/streams.ts';
import * as z64 from '../src/ring/z64.ts';

export type OwnedParts = readonly [OwnedInput, OwnedInput, OwnedInput];

/** What P0, P1 and P2 hold of x. */
export function ownedParts(x: BigUint64Array): OwnedParts {
  const masks = [0, 1].map(() => new PairStreams(randomBytes(16)).table('x', 'U'));
  const opened = masks.reduce((rest, mask) => z64.sub(rest, mask.z64(0, x.length)), x);
  return [
    { opened, masks: [masks[0]] },
    { opened, masks: [masks[1]] },
    { opened: null, masks },
  ];
}
