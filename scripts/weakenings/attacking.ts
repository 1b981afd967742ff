/** What the attacks of `test/attacks/` get where a step is away: they are attacks, and would work. */
import { one, type Weakening } from './weakening.ts';

const PROOF = 'src/protocols/paper/codeProof.ts';
const COMPARE = 'src/protocols/paper/privateCompare.ts';
const CONVERT = 'src/protocols/paper/shareConvert.ts';
const DIGITS = 'test/attacks/digits.test.ts';

const READS = 'P2 reads the sign of nearly every value of a ReLU';

export const ATTACKING: readonly Weakening[] = [
  one(
    'a ReLU whose codes are not checked',
    READS,
    PROOF,
    ['sum.some((value, j) => value !== t[j])', 'false'],
    [DIGITS],
  ),
  one(
    'a ReLU that is answered before its codes are accepted',
    READS,
    COMPARE,
    ['if (accepted !== undefined) await accepted;', ''],
    [DIGITS],
  ),
  {
    ...one(
      'P0’s share is not masked where it is converted',
      'P2, whatever it sends, sees it',
      CONVERT,
      ["const r0 = party.stream(party.peer, 'r0').z64(n);", 'const r0 = new BigUint64Array(n);'],
      ['test/attacks/attacks.test.ts'],
    ),
    only: 'ShareConvert',
  },
];
