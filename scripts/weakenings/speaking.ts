/** Comparisons by functions, of which P2 hears nothing: what hides values from the workers, and what they check of what P2 says. */
import { edit, one, VIEWS, type Weakening } from './weakening.ts';

const SIGN = 'src/protocols/direct/functionSign.ts';
const KEYS = 'src/protocols/direct/functionKeys.ts';
const TESTS = ['test/protocols/functionSign.test.ts'] as const;

export const SPEAKING: readonly Weakening[] = [
  {
    name: 'the top bit of a threshold is hidden by no bit of the other worker',
    breaks: 'whether the masked value was borrowed from shows, and so whether a value is small and positive',
    edits: [
      edit(SIGN, "const own = party.stream('P2', 'e').bits(count);", 'const own = new Uint8Array(count);'),
      edit(
        SIGN,
        "const top = xorInto(party.stream('P0', 'e').bits(count), party.stream('P1', 'e').bits(count));",
        'const top = new Uint8Array(count);',
      ),
    ],
    tests: TESTS,
    only: 'what a worker puts together',
  },
  {
    ...one(
      'thresholds are those that P2 has with P0',
      'P0 learns the mask of what is compared, and so the value',
      KEYS,
      ['z64.lowBits(z64.accumulate(first, second), bits)', 'z64.lowBits(first, (second.length, bits))'],
      [VIEWS],
    ),
    only: 'ReLU by comparison functions',
  },
  {
    ...one(
      'the bit of a comparison is not hidden by that of P2',
      'both workers learn the sign of what is compared',
      SIGN,
      ['top[i] ^= 1 ^ q[i]', 'top[i] ^= 1'],
      [VIEWS],
    ),
    only: 'ReLU by comparison functions',
  },
  {
    ...one(
      'a shift of a wide window has bits above it',
      'whether a threshold is below the mask that it takes the place of shows',
      SIGN,
      ['z64.lowBits(z64.decrease(rho, X), k)', 'z64.decrease(rho, X)'],
      TESTS,
    ),
    only: 'is told a shift',
  },
  {
    ...one(
      'P2 may name keys twice',
      'a key that was used is used again',
      KEYS,
      ['if (message === undefined || message.left < count)', 'if (message === undefined)'],
      TESTS,
    ),
    only: 'twice is found out',
  },
  {
    ...one(
      'P2 may name keys that are far from being dealt',
      'a worker asks for millions of messages that never come',
      KEYS,
      ['if (index >= this.#made + MOST_OPEN)', 'if (index >= this.#made + 2 * MOST_OPEN)'],
      TESTS,
    ),
    only: 'that it has not dealt',
  },
];
