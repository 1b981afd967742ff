/** How the parties compute: comparison protocols, truncation, fixed point, keys. */
import type { Options } from 'yargs';
import { Problem } from '../../data/problem.ts';
import { integer, number, oneOf, optionalInteger, PROTOCOL, text, type Argv } from './values.ts';

export interface ProtocolSettings {
  readonly suite: 'direct' | 'paper';
  readonly truncation: 'dealt' | 'local';
  readonly fractionBits: number;
  readonly compareBits: number;
  /** Undefined: semi-honest. */
  readonly security: 'private' | undefined;
  readonly insecureKeys: number | undefined;
}

const SUITES = {
  direct: { truncation: 'dealt', fractionBits: 16, compareBits: 33 },
  paper: { truncation: 'local', fractionBits: 13, compareBits: 64 },
} as const;
/** Fewer whole bits than this and ordinary activations leave the comparison window. */
const MINIMUM_WHOLE_BITS = 6;

export const protocolOptions: Readonly<Record<string, Options>> = {
  suite: {
    ...text,
    group: PROTOCOL,
    default: 'direct',
    describe: 'Comparison protocols: direct (3 rounds) or paper (as printed, 8 to 10 rounds)',
  },
  truncation: {
    ...text,
    group: PROTOCOL,
    defaultDescription: 'dealt; paper suite: local',
    describe: 'dealt (always right to one unit) or local (no message, fails rarely)',
  },
  'fraction-bits': {
    ...number,
    group: PROTOCOL,
    defaultDescription: '16; paper suite: 13',
    describe: 'Fractional bits of fixed-point numbers: 8 to 24',
  },
  'compare-bits': {
    ...number,
    group: PROTOCOL,
    defaultDescription: '33; paper suite: 64',
    describe: 'Bits compared, which bound the values: 2 to 61; paper suite: 64',
  },
  security: {
    ...text,
    group: PROTOCOL,
    default: 'semi-honest',
    describe: 'What holds where a party cheats: semi-honest (nothing) or private (it learns nothing all the same)',
  },
  'insecure-keys': {
    ...number,
    group: PROTOCOL,
    defaultDescription: 'fresh keys',
    describe: 'Fix the session keys by this seed, to compare two runs bit for bit. Protects nothing',
  },
};

export function readProtocol(argv: Argv): ProtocolSettings {
  const suite = oneOf(argv, 'suite', ['direct', 'paper']);
  const fractionBits = integer(argv, 'fraction-bits', 8, 24, SUITES[suite].fractionBits);
  const security = readSecurity(argv);
  const insecureKeys = optionalInteger(argv, 'insecure-keys', 0, Number.MAX_SAFE_INTEGER);
  if (security !== undefined && insecureKeys !== undefined)
    throw new Problem(
      '--insecure-keys: anybody can compute such keys, so a party that cheats learns everything, whatever --security says',
      'leave out --insecure-keys, or --security private',
    );
  return {
    suite,
    truncation:
      argv.truncation === undefined ? SUITES[suite].truncation : oneOf(argv, 'truncation', ['dealt', 'local']),
    fractionBits,
    compareBits: readCompareBits(argv, suite, fractionBits),
    security,
    insecureKeys,
  };
}

export function readSecurity(argv: Argv): 'private' | undefined {
  return argv.security === undefined || oneOf(argv, 'security', ['semi-honest', 'private']) === 'semi-honest'
    ? undefined
    : 'private';
}

function readCompareBits(argv: Argv, suite: 'direct' | 'paper', fractionBits: number): number {
  const fallback = SUITES[suite].compareBits;
  if (suite === 'paper') {
    const bits = integer(argv, 'compare-bits', 2, 64, fallback);
    if (bits !== 64)
      throw new Problem(
        `--compare-bits: the paper suite compares all 64 bits, found ${bits}`,
        'leave --compare-bits out',
      );
    return bits;
  }
  const bits = integer(argv, 'compare-bits', 2, 61, fallback);
  if (bits - 1 - fractionBits < MINIMUM_WHOLE_BITS) {
    const least = fractionBits + 1 + MINIMUM_WHOLE_BITS;
    throw new Problem(
      `--compare-bits: ${bits} leave too few whole bits beside ${fractionBits} fractional ones: expected at least ${least}`,
      `give --compare-bits ${least} or more, or fewer --fraction-bits`,
    );
  }
  return bits;
}
