/** Proofs that dealt codes are codes (PROTOCOLS §10), in sessions with `--security private`. */
import { edit, one, type Weakening } from './weakening.ts';

const PROOF = 'src/protocols/paper/codeProof.ts';
const AHEAD = 'src/party/ahead.ts';
const COMPARE = 'src/protocols/paper/privateCompare.ts';
const ATTACKS = 'test/protocols/codeProof.test.ts';
const PROVED_AHEAD = 'test/protocols/proofAhead.test.ts';
const VIEWS = 'test/protocols/codeProofViews.test.ts';

const SIGNS = 'a P2 that deals 2 for a bit reads signs of compared values';
const MASK = '  compute.proofAdd(prime, mask, other, mask);';
const FOLDED = '  const squares = scratch.take(w.length);';

/** A worker's part of the mask is zero, as P2 takes it to be. */
function unmasked(name: string, breaks: string, which: 'drawer' | 'receiver', test: string): Weakening {
  const isIt = which === 'drawer' ? 'party.name === party.drawer' : 'party.name !== party.drawer';
  const its = which === 'drawer' ? "party.drawer === 'P0'" : "party.drawer !== 'P0'";
  return {
    name,
    breaks,
    edits: [
      edit(PROOF, FOLDED, `  if (${isIt}) f.fill(0);\n${FOLDED}`),
      edit(PROOF, MASK, `  (${its} ? mask : other).fill(0);\n${MASK}`),
    ],
    tests: [test],
  };
}

export const PROVING: readonly Weakening[] = [
  one('codes are not checked', SIGNS, PROOF, ['sum.some((value, j) => value !== t[j])', 'false'], [ATTACKS]),
  one('d does not wait for the proof', SIGNS, COMPARE, ['if (accepted !== undefined) await accepted;', ''], [ATTACKS]),
  {
    name: 'codes are proved in no session',
    breaks: SIGNS,
    edits: [
      edit(PROOF, "if (party.security === 'semi-honest') return dealDigits", 'if (party.id === 2) return dealDigits'),
      edit(PROOF, 'if (ahead === undefined) return async', 'if (ahead === undefined || party.id !== 2) return async'),
    ],
    tests: [ATTACKS],
  },
  {
    name: 'P2 is told the challenge before it has dealt',
    breaks: 'it deals wrong digits that meet the challenge, and reads signs',
    edits: [
      edit(
        PROOF,
        '  const drawn = lane.name === lane.drawer;',
        "  const drawn = lane.name === lane.drawer;\n  const seed = seedOf(lane);\n  if (!drawn) void lane.send('P2', 'seed', seed.slice());",
      ),
      edit(PROOF, 'prove(lane, code, bytes, count)', 'prove(lane, code, bytes, count, seed)'),
      edit(
        PROOF,
        'async function receiver(party: Party, code: DigitCode, packed: Uint8Array, count: number)',
        'async function receiver(party: Party, code: DigitCode, packed: Uint8Array, count: number, seed: Uint8Array)',
      ),
      edit(
        PROOF,
        'async function drawer(party: Party, code: DigitCode, digits: Uint8Array, count: number)',
        'async function drawer(party: Party, code: DigitCode, digits: Uint8Array, count: number, seed: Uint8Array)',
      ),
      edit(
        PROOF,
        "  const seed = seedOf(party);\n  const told = party.send('P2', 'seed', seed.slice()); // step 1: the digits are here",
        '  const told = Promise.resolve();',
      ),
      edit(PROOF, '  const seed = seedOf(party);\n  const used', '  const used'),
    ],
    tests: [ATTACKS],
  },
  one(
    'the drawer does not look at the challenge that P2 was told',
    'a receiver that told another one sees linear combinations of digits',
    PROOF,
    ['used.some((byte, i) => byte !== seed[i])', 'used.length !== seed.length'],
    [ATTACKS],
  ),
  {
    name: 'a proof is dealt in the clear',
    breaks: 'the receiver learns sums over pairs of digits',
    edits: [
      edit(PROOF, '(value + prime - drawn[j]) % prime', 'value % (prime + drawn[j])'),
      edit(PROOF, '  const shares = scratch.take', '  proof.fill(0);\n  const shares = scratch.take'),
    ],
    tests: [VIEWS],
  },
  unmasked(
    'the drawer’s part of the mask is zero',
    'the receiver sees a linear combination of each number’s digits',
    'drawer',
    VIEWS,
  ),
  unmasked(
    'the receiver’s part of the mask is zero',
    'a drawer learns whether its guess of a number is right: where it is, a lie of its own is not noticed',
    'receiver',
    ATTACKS,
  ),
  one(
    'a comparison takes whatever was accepted first',
    'P2 knows the challenge of codes that were dealt twice under one path, and these may be no codes',
    AHEAD,
    ['this.#begun.get(path) ?? this.#begin(check)', '[...this.#begun.values()][0] ?? this.#begin(check)'],
    [PROVED_AHEAD],
  ),
  one(
    'codes that nobody has asked for fail unnoticed',
    'P2 has as many tries as it likes, for the session goes on',
    AHEAD,
    ['    this.#throwIfFailed();\n    const dealt', '    const dealt'],
    [PROVED_AHEAD],
  ),
  one(
    'a code is accepted although another one has failed',
    'P2 has as many tries as codes are taken at a time, which is for it to say',
    AHEAD,
    ['    });\n    this.#throwIfFailed();', '      throw error;\n    });'],
    ['test/party/ahead.test.ts'],
  ),
  one(
    'P2 fills a worker’s memory with codes that nobody asks for',
    'a worker ends for want of memory',
    AHEAD,
    ['if (this.#bytes + bytes > this.#mostBytes)', 'if (this.#bytes < 0)'],
    ['test/party/ahead.test.ts'],
  ),
  one(
    'names of few values take nothing of what a worker may hold',
    'a worker ends for want of memory',
    PROOF,
    ['OVERHEAD_BYTES + packedLength', 'packedLength'],
    [PROVED_AHEAD],
  ),
  one(
    'all ranks have one challenge under a path',
    'P2 names a path to one rank, learns the challenge, and deals what passes it to another',
    PROOF,
    ['party.rank === 0 ? purpose', 'party.rank >= 0 ? purpose'],
    [PROVED_AHEAD],
  ),
];
