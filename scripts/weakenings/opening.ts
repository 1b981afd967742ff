/** What the workers of a private session compare before anything is revealed. */
import { one, type Weakening } from './weakening.ts';

const DIGESTS = 'src/random/openings.ts';
const LEDGER = 'src/party/ledger.ts';
const TEAM = 'src/server/ranks/team.ts';
const OF_RANKS = ['test/ranks/training.test.ts'];
const ON_SESSIONS = ['test/server/openings.test.ts'];
const WRONG = 'a message between the workers that was changed on the way leads to a wrong result, unnoticed';

export const OPENING: readonly Weakening[] = [
  one(
    'openings that nobody compares',
    WRONG,
    LEDGER,
    ['if (!timingSafeEqual(mine, theirs))', 'if (mine.length !== theirs.length)'],
    ON_SESSIONS,
  ),
  one(
    'results revealed before openings are compared',
    'who changes a message between the workers sees a result that follows from the change',
    'src/party/party.ts',
    ['else this.#ledger.hold(reveal);', 'else await reveal();'],
    ON_SESSIONS,
  ),
  one(
    'openings in blocks that no digest has',
    WRONG,
    'src/party/open.ts',
    ['    party.note(label, opened);\n', ''],
    ['test/party/ledger.test.ts'],
  ),
  one(
    'openings of one message that no digest has',
    WRONG,
    'src/party/open.ts',
    [
      '  const opened = z64.accumulate(theirs, mine);\n  party.note(purpose, opened);',
      '  const opened = z64.accumulate(theirs, mine);',
    ],
    ON_SESSIONS,
  ),
  one(
    'openings over Z_256 that no digest has',
    WRONG,
    'src/party/open.ts',
    ['(byte, i) => byte + mine[i]);\n  party.note(purpose, opened);', '(byte, i) => byte + mine[i]);'],
    ['test/party/ledger.test.ts'],
  ),
  one(
    'truncated operands that no digest has',
    WRONG,
    'src/protocols/direct/truncateOperand.ts',
    ["    chunk.note('E', c);\n", ''],
    ON_SESSIONS,
  ),
  one(
    'inputs of the owner that no digest has',
    'P1 passes other inputs on to P0 than it computes with, unnoticed',
    'src/server/run-job.ts',
    ['    if (input.opened !== null) engine.noteOpened(name, input.opened);\n', ''],
    ON_SESSIONS,
  ),
  one(
    'inputs of the owner that P0 takes as P1 passes them on',
    'P1 puts other inputs in the place of the owner’s, and P0 computes with them, unnoticed',
    'src/data/share.ts',
    ['if (!timingSafeEqual(digest.digest(), data))', 'if (data.length === 0)'],
    ['test/data/share.test.ts'],
  ),
  {
    ...one(
      'a rank that compares nothing before the first one reveals',
      WRONG,
      TEAM,
      ['await Promise.all([this.onAgree(), this.#allAgree(number)]);', 'await this.#allAgree(number);'],
      OF_RANKS,
    ),
    only: 'of another rank have opened',
  },
  {
    ...one(
      'a first rank that reveals before the others have compared',
      'who changes a message between the same rank of two workers sees a result that follows from the change',
      TEAM,
      ['    await this.#allAgree(number);\n', '    void this.#allAgree(number).catch(() => undefined);\n'],
      OF_RANKS,
    ),
    only: 'of another rank have opened',
  },
  one(
    'a private job with keys that anybody can compute',
    'who cheats computes all keys, and reads everything',
    'src/server/job.ts',
    ['security === undefined || insecureKeys === undefined', 'security === undefined || insecureKeys !== -1'],
    ['test/server/job.test.ts'],
  ),
  one(
    'tags of openings that are added up as they are',
    'two changes that are alike take each other away',
    DIGESTS,
    [
      'new Uint8Array(this.#keys.encrypt(this.#tags.subarray(0, TAG_BYTES * this.#waiting)))',
      'Uint8Array.from(this.#tags.subarray(0, TAG_BYTES * this.#waiting))',
    ],
    ['test/random/openings.test.ts'],
  ),
];
