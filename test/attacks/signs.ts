/**
 * The attack on digits, as a real one: P2 reads the sign of every value that a ReLU of the direct suite compares, and the ReLU comes to its end.
 *
 * Values are small: Y = c mod 2^32 has the upper digits of X = R mod 2^32, which P2 knows. In the topmost digit whose value x is 1 or 2 it deals
 * g_x = 0 and g_{x+1} = −1 in the place of a code, and true codes elsewhere. Where Y's digit is x, too, that digit adds 1 − [x ≥ y] + [x > y] = 0
 * to those below it, and its own c is 0 if and only if β = 1. The others have one zero if the test that β chooses is true. So of β and [X > Y]
 *
 *     0, no: no zero    0, yes: one    1, yes: one    1, no: two
 *
 * and one zero says that X > Y, whatever β is and wherever the zeros stand: a + R has borrowed, a is negative.
 */
import { type Compute, type DigitCode, ownMethods, P17 } from '../../runtime/compute.ts';
import type { Security } from '../../src/party/party.ts';
import * as directRelu from '../../src/protocols/direct/directRelu.ts';
import * as z64 from '../../src/ring/z64.ts';
import { ring, testRandom } from '../reference.ts';
import { thermometerReference } from '../reference/compare.ts';
import { decoded, purposeOf } from '../protocols/views/columns.ts';
import { CHUNK } from '../protocols/views/record.ts';
import { session } from './cheat.ts';

/** A code that is none, of x. */
function lie(code: DigitCode, x: bigint): number[] {
  const g = thermometerReference(code, x);
  const { digits, prime } = code;
  for (let k = 0; k < digits; k++) {
    const digit = Number((x >> BigInt(2 * (digits - 1 - k))) & 3n);
    if (digit !== 1 && digit !== 2) continue;
    g[(digit - 1) * digits + k] = 0;
    g[digit * digits + k] = prime - 1;
    return g;
  }
  return g;
}

/** P2 deals lies, and answers as if they were codes. */
function lying(compute: Compute, id: number): Compute {
  if (id !== 2) return compute;
  return {
    ...ownMethods(compute),
    thermometer: (code, x, share0, out) => {
      const codes = [...x].flatMap((value) => lie(code, value));
      const share1 = Uint8Array.from(codes, (value, i) => (value + code.prime - share0[i]) % code.prime);
      out?.set(share1);
      return Promise.resolve(out ?? share1);
    },
  };
}

export interface Signs {
  /** Values whose sign P2 has read, rightly; and wrongly. */
  readonly right: number;
  readonly wrong: number;
  /** Values whose d it has from both workers. */
  readonly answered: number;
  /** How the session ended: empty when nobody noticed. */
  readonly failed: string;
}

/** One session of a ReLU over `count` values of up to 16 with 16 fractional bits. */
export async function readSigns(security: Security, count: number, number: number, compute: Compute): Promise<Signs> {
  const random = testRandom(number);
  const values = ring(Array.from({ length: count }, () => BigInt(Math.round((2 * random() - 1) * 2 ** 20))));
  const share = ring(Array.from({ length: count }, () => BigInt(Math.floor(random() * 2 ** 52)) << 12n));
  const shares = [share, z64.sub(values, share)];
  const { run, failed } = await session(
    { by: 'P2' },
    async (party) => {
      if (party.id === 2) await directRelu.helper(party, await directRelu.helperBits(party, count), 33);
      else await directRelu.workers(party, shares[party.id], 33);
    },
    { which: 0, number, drawer: 'P0', code: P17, compute, random, security, wrap: lying },
  );
  const answers = run.received[2].filter(({ label }) => purposeOf(label) === 'd');
  let [right, wrong, answered] = [0, 0, 0];
  for (const { from, label, data } of answers) {
    const other = answers.find((one) => one.from !== from && one.label === label);
    if (from !== 'P0' || other === undefined) continue;
    const [d0, d1] = [data, other.data].map(
      (d) => decoded({ from, to: 'P2', label, depth: 0, data: d }, P17, compute).values as Uint8Array,
    );
    const first = Number(/\/(\d+)/.exec(label)![1]) * CHUNK;
    for (let i = 0; i < d0.length / P17.digits; i++, answered++) {
      let zeros = 0;
      for (let j = i * P17.digits; j < (i + 1) * P17.digits; j++) if ((d0[j] + d1[j]) % P17.prime === 0) zeros++;
      const isNegative = BigInt.asIntN(64, values[first + i]) < 0n;
      if ((zeros === 1) === isNegative) right++;
      else wrong++;
    }
  }
  return { right, wrong, answered, failed };
}
