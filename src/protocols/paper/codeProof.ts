/**
 * Dealt codes are proved (PROTOCOLS §10), in sessions with `--security private`: before a worker sends a d of PrivateCompare from which P2 could learn
 * anything, it knows that what P2 has dealt as thermometer codes are thermometer codes. Of which numbers they are does not matter to privacy.
 * After the fully linear proofs of Boneh, Boyle, Corrigan-Gibbs, Gilboa, Ishai (CRYPTO 2019), with challenges from P0 and P1.
 *
 * Input: digits g_1 ≥ … ≥ g_{B−1} of n values with M digits each, shares over Z_p. e_v = g_v − g_{v+1} (g_B = 0) must be one-hot or zero for v ≥ 1.
 * With r_v uniform over F, z = Σ_v r_v·e_v and z* = Σ_v r_v²·e_v, that is z² = z*, but for 2 of |F| challenges.
 * The worker that is sent digits is the receiver here, the other one the drawer.
 *   1. The receiver has the digits. Receiver → P2: seed, from k01; r and weights w_i ∈ F, one a comparison, are drawn from it. P2 → drawer: seed
 *   2. μ_i = μ_i0 + μ_i1 uniform over F, from k02 and k12. F_i(X) through μ_i at 0 and the digits' z_i1 … z_iM at 1 … M; F*_i likewise, with 0 at 0.
 *      H = Σ_i w_i (F_i² − F*_i) vanishes at 1 … M: H = s_0·L_0 + Z·Q. P2 deals s_0 and the M coefficients of Q (drawer's from its key, receiver's sent)
 *   3. ρ ∈ F from k01. Each worker computes its shares f_i of F_i(ρ) and t of H(ρ) + Σ_i w_i·F*_i(ρ)
 *   4. The drawer, if P2 has sent it the seed that it knows: f_i, t → receiver
 *   5. The receiver: Σ_i w_i·F_i(ρ)² = Σ t, or the session ends
 * The drawer need not know: its d alone is uniform to P2 whatever was dealt, for it is refreshed (`privateCompare.ts`).
 *
 * Soundness: wrong digits pass with probability (2M + 4) / (|F| − M − 1), below 2^-59. Views: P2 sees a seed; the drawer sees the seed that it knows; the
 * receiver sees its share of the proof, uniform, and F_i(ρ), uniform by μ_i, from which follows t. A worker that tells P2 another seed gets nothing
 * that rests on it; of one that sends other f_i or t is found, but for one in |F|, that it does, whatever the digits are, for it lacks a part of μ_i.
 *
 * All this is ahead of need where P2 deals ahead: a worker answers P2's first message when it comes, under the path that it names (`party/ahead.ts`), so
 * a comparison finds codes that are accepted.
 *
 * Cost: of n comparisons, packed: (M + 1) + n elements of F and 32 bytes. No round ahead of need, three otherwise.
 */
import { codeLength, type DigitCode, P17, P31, P67, packedLength } from '../../../runtime/compute.ts';
import { add, extensionOf, isInteger, STRIDE } from '../../../runtime/extension.ts';
import type { Check, Dealt } from '../../party/ahead.ts';
import { dealDigits, dealtDigits, digitsBytes, receiverOf } from '../../party/deal.ts';
import { later } from '../../party/later.ts';
import type { Party, Security, WorkerName } from '../../party/party.ts';
import { type Step, step } from '../../party/steps.ts';
import { PairStreams } from '../../random/streams.ts';
import type { Stream } from '../../random/stream.ts';
import { release } from '../../ring/release.ts';
import { atPoint, digitValues, proofOf, tablesOf } from './codePolynomials.ts';

const SEED_BYTES = 16;
/** Of the proof's fork, where it is not made ahead. */
const LABEL = 'proof';
/** What a worker is sent first where it is: digits, or the seed. Everything that it must know is in the path. */
const FIRST = /^(.*\/proof\/(P[01])\/(17|31|67)\/([1-9]\d{0,6})):(digits|told)$/;
/** What a proof that is under way takes besides the digits, roughly: of few values, most of it. */
const OVERHEAD_BYTES = 8192;
const CODES: ReadonlyMap<number, DigitCode> = new Map([P17, P31, P67].map((code) => [code.prime, code]));

/** Of the proof's fork, where it is made ahead. @param to the receiver */
function labelAhead(to: WorkerName, { prime }: DigitCode, count: number): string {
  return `${LABEL}/${to}/${prime}/${count}`;
}

/** Whether codes are of what P2 knows before it has received anything, or of what it is sent. */
export type When = 'ahead' | 'deal';

/** A worker's shares of dealt digits. */
export interface Digits {
  readonly g: Uint8Array;
  /** When the digits' d may be sent; absent where codes are not proved. */
  readonly accepted?: Promise<void>;
}

/** A code was wrong, or somebody did not follow the protocol: whoever dealt is named, and where. */
export class CodeError extends Error {
  /** Nothing that depends on a value. */
  readonly told: string;

  constructor(what: string) {
    super(what);
    this.name = 'CodeError';
    this.told = what;
  }
}

/** P2: deals the thermometer digits of x, and proves them. x must not change until it settles. */
export async function deal(
  party: Party,
  purpose: string,
  code: DigitCode,
  x: BigUint64Array,
  when: When = 'ahead',
): Promise<void> {
  if (party.security === 'semi-honest') return dealDigits(party, purpose, code, x);
  const lane = when === 'deal' ? party.fork(LABEL) : party.forkAhead(labelAhead(receiverOf(party), code, x.length));
  await dealDigits(lane, purpose, code, x);
  await helper(lane, code, x);
}

/**
 * P0, P1: how to get shares of the digits of `count` values, in scratch bytes. The proof's messages depend on nothing that this party receives
 * from here on; of codes that are dealt ahead they depend on nothing at all, and may be over by now.
 */
export function dealt(
  party: Party,
  purpose: string,
  code: DigitCode,
  count: number,
  when: When = 'ahead',
): () => Promise<Digits> {
  const { ahead } = party;
  if (ahead === undefined) return async () => ({ g: await dealtDigits(party, purpose, code, count) });
  if (when === 'deal') {
    const lane = party.fork(LABEL);
    return async () => {
      const { packed, accepted } = check(lane, purpose, code, count);
      return digitsOf(party, code, count, {
        packed,
        accepted: ahead.unlessFailed(accepted).then(() => party.join(lane)),
      });
    };
  }
  answerAhead(party);
  const lane = party.forkAhead(labelAhead(receiverOf(party), code, count));
  return async () => digitsOf(party, code, count, ahead.take(checkOf(lane, code, count)));
}

/** P0, P1: from now on what P2 deals ahead is checked when it comes. */
export function answerAhead(party: Party): void {
  const { ahead, name } = party;
  ahead?.watch(() =>
    party.onWaiting('P2', (label) => {
      const [, path, to, prime, count, first] = FIRST.exec(label) ?? [];
      const code = CODES.get(Number(prime));
      if (code === undefined || (first === 'digits') !== (to === name)) return;
      ahead.offer(checkOf(party.laneAhead(path, to === 'P0' ? 'P1' : 'P0'), code, Number(count)));
    }),
  );
}

function checkOf(lane: Party, code: DigitCode, count: number): Check {
  const bytes = OVERHEAD_BYTES + packedLength(code.prime, count * codeLength(code));
  return { path: lane.path, bytes, begin: () => check(lane, 'digits', code, count) };
}

/** Steps 1 to 5. */
function check(lane: Party, purpose: string, code: DigitCode, count: number): Dealt {
  const drawn = lane.name === lane.drawer;
  const packed = drawn
    ? draw(lane, purpose, code, count)
    : lane.receive('P2', purpose, 'u8', packedLength(code.prime, count * codeLength(code)));
  const prove = drawn ? drawer : receiver;
  return { packed, accepted: later(packed.then((bytes) => prove(lane, code, bytes, count))) };
}

/** The drawer's digits, as if they had been sent. */
async function draw(lane: Party, purpose: string, code: DigitCode, count: number): Promise<Uint8Array> {
  await lane.leisure();
  const g = await dealtDigits(lane, purpose, code, count);
  const packed = lane.compute.pack(code.prime, g);
  lane.scratch.give(g);
  return packed;
}

async function digitsOf(party: Party, code: DigitCode, count: number, { packed, accepted }: Dealt): Promise<Digits> {
  void later(accepted);
  const bytes = await packed;
  return { g: unpacked(party, code, bytes, count), accepted: later(accepted.then(() => release(bytes))) };
}

function unpacked({ compute, scratch }: Party, code: DigitCode, packed: Uint8Array, count: number): Uint8Array {
  const values = count * codeLength(code);
  return compute.unpack(code.prime, packed, values, scratch.take(values));
}

/** What the seed says. */
interface Challenge {
  readonly r: readonly Uint8Array[];
  /** An element a comparison. */
  readonly w: Uint8Array;
}

function challengeOf(party: Party, seed: Uint8Array, code: DigitCode, count: number): Challenge {
  const streams = new PairStreams(seed, party.compute);
  const drawn = (purpose: string, elements: number): Uint8Array =>
    elementsOf(party, streams.stream('', purpose), code, elements);
  return { r: digitValues(code, drawn('r', (1 << code.bits) - 1)), w: drawn('w', count) };
}

/** Uniform elements of F, in scratch bytes. */
function elementsOf({ scratch }: Party, stream: Stream, code: DigitCode, count: number): Uint8Array {
  return inField(code, stream.zp(code.prime, STRIDE * count, scratch.take(STRIDE * count)));
}

/** Elements whose last bytes may be anything. */
function inField({ prime }: DigitCode, vector: Uint8Array): Uint8Array {
  const { degree } = extensionOf(prime);
  if (degree < STRIDE) for (let i = 0; i < vector.length; i += STRIDE) vector.fill(0, i + degree, i + STRIDE);
  return vector;
}

/** ρ, which is none of the points. P2 never learns it. */
function pointOf(party: Party, code: DigitCode): Uint8Array {
  const stream = ofThisRank(party, 'point');
  let point = elementsOf(party, stream, code, 1);
  while (isInteger(point)) point = elementsOf(party, stream, code, 1);
  return point;
}

/** Step 3: a worker's shares of F_i(ρ) / L_0(ρ), in scratch bytes, and of Σ_i w_i·F*_i(ρ) / L_0(ρ)². */
async function fold(
  party: Party,
  code: DigitCode,
  packed: Uint8Array,
  { r, w }: Challenge,
): Promise<{ f: Uint8Array; linear: Uint8Array; claim: (proof: Uint8Array) => Uint8Array }> {
  const { compute, scratch } = party;
  const here = atPoint(code, pointOf(party, code));
  const f = elementsOf(party, party.stream('P2', 'mask'), code, w.length / STRIDE); // to which the digits are added
  const squares = scratch.take(w.length);
  await party.leisure(true);
  const g = unpacked(party, code, packed, w.length / STRIDE);
  compute.proofFold(code, g, tablesOf(compute, code, r, here), f, squares);
  const linear = compute.proofInner(code.prime, w, squares);
  scratch.give(g, squares);
  await party.leisure(true);
  return { f, linear, claim: here.claim };
}

function seedOf(party: Party): Uint8Array {
  return ofThisRank(party, 'seed').bytes(SEED_BYTES);
}

/** What P2 must not know beforehand, though all ranks draw from the same keys and P2 may name a path of one of them to another. */
function ofThisRank(party: Party, purpose: string): Stream {
  return party.stream(party.peer, party.rank === 0 ? purpose : `${purpose} of rank ${party.rank}`);
}

async function receiver(party: Party, code: DigitCode, packed: Uint8Array, count: number): Promise<void> {
  const { compute, scratch } = party;
  const { prime } = code;
  const field = extensionOf(prime);
  const seed = seedOf(party);
  const told = party.send('P2', 'seed', seed.slice()); // step 1: the digits are here
  const [dealt, shown] = await Promise.all([
    party.receive('P2', 'dealt', 'u8', elementsBytes(code, code.digits + 1)),
    party.receive(party.peer, 'shares', 'u8', elementsBytes(code, count + 1)),
    told,
  ]);
  await party.leisure();
  const challenge = challengeOf(party, seed, code, count);
  const { f, linear, claim } = await fold(party, code, packed, challenge);
  const [proof, theirs] = [received(party, code, dealt, code.digits + 1), received(party, code, shown, count + 1)];
  compute.proofAdd(prime, f, theirs.subarray(0, STRIDE * count), f);
  const t = add(field, add(field, linear, claim(proof)), theirs.subarray(STRIDE * count));
  const sum = compute.proofInner(prime, compute.proofProducts(prime, challenge.w, f, challenge.w), f);
  scratch.give(f, challenge.w, proof, theirs);
  // step 5
  if (sum.some((value, j) => value !== t[j]))
    throw new CodeError(
      `${party.path}: what P2 dealt is no code of digits, or ${party.peer} did not compute as agreed`,
    );
}

async function drawer(party: Party, code: DigitCode, digits: Uint8Array, count: number): Promise<void> {
  const { compute, scratch } = party;
  const field = extensionOf(code.prime);
  const seed = seedOf(party);
  const used = await party.receive('P2', 'told', 'u8', SEED_BYTES);
  // step 4. Of another seed the mask would cancel, and the receiver see digits
  if (used.some((byte, i) => byte !== seed[i]))
    throw new CodeError(`${party.path}: P2 was told another challenge than ${party.peer} and ${party.name} have`);
  await party.leisure();
  const challenge = challengeOf(party, seed, code, count);
  const { f, linear, claim } = await fold(party, code, digits, challenge);
  const proof = elementsOf(party, party.stream('P2', 'dealt'), code, code.digits + 1);
  const shares = scratch.take(STRIDE * (count + 1));
  shares.set(f);
  shares.set(add(field, linear, claim(proof)), STRIDE * count);
  const packed = compute.pack(code.prime, shares);
  scratch.give(f, challenge.w, proof, shares);
  await party.send(party.peer, 'shares', packed);
}

async function helper(party: Party, code: DigitCode, x: BigUint64Array): Promise<void> {
  const { compute, scratch } = party;
  const { prime } = code;
  const count = x.length;
  const to = receiverOf(party);
  const seed = await party.receive(to, 'seed', 'u8', SEED_BYTES); // step 1
  const told = party.send(party.drawer, 'told', seed.slice());
  await party.answersFirst(); // like an answer: the comparison is nearer than all that is not dealt yet
  const { r, w } = challengeOf(party, seed, code, count);
  const [mask, other] = (['P0', 'P1'] as const).map((worker) =>
    elementsOf(party, party.stream(worker, 'mask'), code, count),
  );
  compute.proofAdd(prime, mask, other, mask);
  await party.answersFirst();
  // step 2
  const y = compute.proofProducts(prime, w, mask, other);
  const s0 = compute.proofInner(prime, y, mask);
  await party.answersFirst();
  const proof = proofOf(compute, code, r, s0, compute.proofCount(code, x, w, y));
  scratch.give(w, mask, other);
  const drawn = elementsOf(party, party.stream(party.drawer, 'dealt'), code, code.digits + 1);
  const sent = proof.map((value, j) => (value + prime - drawn[j]) % prime);
  scratch.give(drawn);
  await Promise.all([told, party.send(to, 'dealt', compute.pack(prime, sent))]);
}

/** Elements of F that somebody has sent, in scratch bytes. */
function received({ compute, scratch }: Party, code: DigitCode, packed: Uint8Array, elements: number): Uint8Array {
  const bytes = STRIDE * elements;
  const vector = compute.unpack(code.prime, packed, bytes, scratch.take(bytes));
  release(packed);
  return inField(code, vector);
}

function elementsBytes({ prime }: DigitCode, elements: number): number {
  return packedLength(prime, STRIDE * elements);
}

/** Rounds that it takes before d may be sent, once the digits are there, of codes that are not dealt ahead. */
export const ROUNDS = 3;

/** Bytes that dealing `count` codes takes, and proving them where that is done. */
export function bytes(code: DigitCode, count: number, security: Security): number {
  if (security === 'semi-honest') return digitsBytes(code, count);
  return provedSteps('ahead', '', code, count).reduce(
    (sum, { messages }) => messages.reduce((all, { bytes }) => all + bytes, sum),
    0,
  );
}

/** What is opened or asked before P2 deals digits, what else is dealt with them, and the digits, proved where that is done. */
export function steps(
  before: Step,
  when: When,
  dealt: readonly [label: string, bytes: number][],
  { purpose, code, count }: { readonly purpose: string; readonly code: DigitCode; readonly count: number },
  security: Security,
): Step[] {
  if (security === 'semi-honest') return [before, step(when, ...dealt, [`:${purpose}`, digitsBytes(code, count)])];
  const begin = step(when === 'ahead' ? 'apart' : 'begin');
  return [begin, before, step(when, ...dealt), ...provedSteps(when, purpose, code, count)];
}

/** Digits and proof. */
function provedSteps(when: When, purpose: string, code: DigitCode, count: number): Step[] {
  const label = when === 'ahead' ? labelAhead('P0', code, count) : LABEL; // P1 is as long
  return [
    step(when, [`/${label}:${purpose}`, digitsBytes(code, count)]),
    step('ask', [`/${label}:seed`, SEED_BYTES]),
    step('echo', [`/${label}:told`, SEED_BYTES]),
    step('prove', [`/${label}:dealt`, elementsBytes(code, code.digits + 1)]),
    step('show', [`/${label}:shares`, elementsBytes(code, count + 1)]),
  ];
}
