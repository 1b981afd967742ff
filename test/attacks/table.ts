/** Every protocol of both suites, as a session with `--security private` runs it, on VECTOR values (`protocols/views/table.ts`). */
import { type DigitCode, P17, P31, P67 } from '../../runtime/compute.ts';
import { createSecureEngine } from '../../src/engine/secure.ts';
import type { Engine, Value } from '../../src/engine/engine.ts';
import { divide } from '../../src/functions/division.ts';
import { maximum } from '../../src/functions/maximum.ts';
import type { Party } from '../../src/party/party.ts';
import * as codeProof from '../../src/protocols/paper/codeProof.ts';
import * as privateCompare from '../../src/protocols/paper/privateCompare.ts';
import * as odd from '../../src/ring/odd.ts';
import * as z64 from '../../src/ring/z64.ts';
import { ring, testRandom } from '../reference.ts';
import type { Place } from './cheat.ts';
import { WHOLE } from './whole.ts';
import { INPUTS, type Protocol, PROTOCOLS, VECTOR } from '../protocols/views/table.ts';

export interface Attacked extends Omit<Protocol, 'workers' | 'helper'> {
  readonly workers: (party: Party, share: BigUint64Array, place: Place) => Promise<unknown>;
  readonly helper: (party: Party, place: Place) => Promise<unknown>;
  readonly attempts?: number;
  readonly ranks?: number;
  /** By how many rules each of its messages is rewritten; all when absent. */
  readonly most?: number;
}

/** What is made of two rows. */
function computed(name: string, code: DigitCode, setting: EngineSetting, script: Script): Protocol {
  const run = async (party: Party, share: BigUint64Array | null): Promise<void> => {
    const { suite, fractionBits, compareBits } = setting;
    const engine = createSecureEngine(party, {
      ...{ suite, fractionBits, compareBits, truncation: suite === 'paper' ? 'local' : 'dealt' },
      reveal: () => Promise.resolve(),
    });
    // Of VECTOR values each, so that what is packed fills whole bytes
    const rows = share === null ? null : z64.concat(share, share.toReversed());
    const x = engine.input('x', [2, VECTOR], fractionBits, rows);
    await script(engine, x);
    await engine.settle();
  };
  return { name, code, workers: run, helper: (party) => run(party, null) };
}

type Script = (engine: Engine, x: Value) => Promise<unknown>;

const dividedRows: Script = (engine, x) => divide(engine, engine.slice(x, 0, 1), engine.slice(x, 1, 2));

interface EngineSetting {
  readonly suite: 'direct' | 'paper';
  readonly fractionBits: number;
  readonly compareBits: number;
}

/** Few fractional bits: a division compares once for each. */
const DIRECT: EngineSetting = { suite: 'direct', fractionBits: 2, compareBits: 33 };
const PAPER: EngineSetting = { suite: 'paper', fractionBits: 2, compareBits: 64 };

/** Digits of P2's, compared with values that both workers know. */
const proved = (code: DigitCode, orEqual: boolean): Protocol => ({
  name: `PrivateCompare over Z_${code.prime}, ${orEqual ? 'weak' : 'strict'}`,
  code,
  workers: async (party) => {
    const random = privateCompare.draw(party, code, VECTOR);
    const digits = await codeProof.dealt(party, 'digits', code, VECTOR)();
    await privateCompare.workers(party, { code, orEqual }, random, digits, PUBLIC);
  },
  helper: async (party) => {
    const dealing = codeProof.deal(party, 'digits', code, DEALT.slice());
    await Promise.all([dealing, privateCompare.helper(party, { code, orEqual }, VECTOR)]);
  },
});

const DEALT = ring([0n, 1n, 2n ** 63n, 5n, -1n, 2n ** 32n, 77n, -(2n ** 40n)]);
const PUBLIC = ring([0n, 1n, 2n ** 31n, 5n, 2n ** 32n - 1n, 3n, 77n, 2n ** 30n]);

export const ATTACKED: readonly Attacked[] = [
  ...PROTOCOLS.filter(({ name }) => !/^(PrivateCompare|deal digits)/.test(name)),
  ...[P17, P31, P67].flatMap((code) => [proved(code, false), proved(code, true)]),
  computed('division, direct suite', P17, DIRECT, dividedRows),
  computed('division, paper suite', P67, PAPER, dividedRows),
  computed('the larger of two rows, direct suite', P17, DIRECT, maximum),
  computed('the larger of two rows, paper suite', P67, PAPER, maximum),
  ...WHOLE,
];

/** Of many steps, each of which is another protocol's here: for the benchmark. */
export const LONG: ReadonlySet<string> = new Set([
  'division, direct suite',
  'division, paper suite',
  'the larger of two rows, paper suite',
  'a step of a graph with a branch and pooling',
  'a step of batch normalisation',
]);

/** A worker's share of the input: P0's, and what P2 deals of its own, are the same in every session. */
export function shareOf({ scale = 0, odd: isOdd = false }: Attacked, which: 0 | 1, worker: 0 | 1): BigUint64Array {
  const random = testRandom(5);
  const share = ring(Array.from({ length: VECTOR }, () => BigInt(Math.floor(random() * 2 ** 52)) << 11n));
  if (worker === 0) return share;
  const x = z64.shiftLeft(INPUTS[which], scale);
  return isOdd ? odd.sub(odd.canonical(x), share) : z64.sub(x, share);
}

export async function partOf(protocol: Attacked, party: Party, which: 0 | 1, place: Place): Promise<void> {
  if (party.id === 2) await protocol.helper(party, place);
  else await protocol.workers(party, shareOf(protocol, which, party.id), place);
}
