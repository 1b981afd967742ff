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
 * Cost: of n comparisons, packed: (M + 1) + n elements of F and 32 bytes; two rounds more.
 */
import { type DigitCode, packedLength } from '../../../runtime/compute.ts';
import { add, extensionOf, isInteger, STRIDE } from '../../../runtime/extension.ts';
import { dealDigits, dealtDigits, digitsBytes, receiverOf } from '../../party/deal.ts';
import { later } from '../../party/later.ts';
import type { Party, Security } from '../../party/party.ts';
import { type Step, step } from '../../party/steps.ts';
import { PairStreams } from '../../random/streams.ts';
import type { Stream } from '../../random/stream.ts';
import { release } from '../../ring/release.ts';
import { atPoint, digitValues, proofOf, tablesOf } from './codePolynomials.ts';

const SEED_BYTES = 16;
/** Of the proof's fork. */
const LABEL = 'proof';

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
export async function deal(party: Party, purpose: string, code: DigitCode, x: BigUint64Array): Promise<void> {
  if (party.security === 'semi-honest') return dealDigits(party, purpose, code, x);
  const lane = party.fork(LABEL);
  await dealDigits(lane, purpose, code, x);
  await helper(lane, code, x);
}

/**
 * P0, P1: how to get shares of the digits of `count` values, in scratch bytes. The proof's messages depend on nothing that this party receives
 * from here on.
 */
export function dealt(party: Party, purpose: string, code: DigitCode, count: number): () => Promise<Digits> {
  if (party.security === 'semi-honest') return async () => ({ g: await dealtDigits(party, purpose, code, count) });
  const lane = party.fork(LABEL);
  return async () => {
    const g = await dealtDigits(lane, purpose, code, count);
    const proved = lane.name === lane.drawer ? drawer(lane, code, g, count) : receiver(lane, code, g, count);
    return { g, accepted: later(proved.then(() => party.join(lane))) };
  };
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
  const stream = party.stream(party.peer, 'point');
  let point = elementsOf(party, stream, code, 1);
  while (isInteger(point)) point = elementsOf(party, stream, code, 1);
  return point;
}

/** Step 3, before anything has come: a worker's shares of F_i(ρ) / L_0(ρ), in scratch bytes, and of Σ_i w_i·F*_i(ρ) / L_0(ρ)². */
function fold(
  party: Party,
  code: DigitCode,
  g: Uint8Array,
  { r, w }: Challenge,
): { f: Uint8Array; linear: Uint8Array; claim: (proof: Uint8Array) => Uint8Array } {
  const { compute, scratch } = party;
  const here = atPoint(code, pointOf(party, code));
  const f = elementsOf(party, party.stream('P2', 'mask'), code, w.length / STRIDE); // to which the digits are added
  const squares = scratch.take(w.length);
  compute.proofFold(code, g, tablesOf(compute, code, r, here), f, squares);
  const linear = compute.proofInner(code.prime, w, squares);
  scratch.give(squares);
  return { f, linear, claim: here.claim };
}

function seedOf(party: Party): Uint8Array {
  return party.stream(party.peer, 'seed').bytes(SEED_BYTES);
}

async function receiver(party: Party, code: DigitCode, g: Uint8Array, count: number): Promise<void> {
  const { compute, scratch } = party;
  const { prime } = code;
  const field = extensionOf(prime);
  const seed = seedOf(party);
  const told = party.send('P2', 'seed', seed.slice()); // step 1: the digits are here
  const challenge = challengeOf(party, seed, code, count);
  const { f, linear, claim } = fold(party, code, g, challenge);
  const [proof, theirs] = await Promise.all([
    received(party, 'P2', 'dealt', code, code.digits + 1),
    received(party, party.peer, 'shares', code, count + 1),
    told,
  ]);
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

async function drawer(party: Party, code: DigitCode, g: Uint8Array, count: number): Promise<void> {
  const { compute, scratch } = party;
  const field = extensionOf(code.prime);
  const seed = seedOf(party);
  const challenge = challengeOf(party, seed, code, count);
  const { f, linear, claim } = fold(party, code, g, challenge);
  const proof = elementsOf(party, party.stream('P2', 'dealt'), code, code.digits + 1);
  const shares = scratch.take(STRIDE * (count + 1));
  shares.set(f);
  shares.set(add(field, linear, claim(proof)), STRIDE * count);
  const packed = compute.pack(code.prime, shares);
  scratch.give(f, challenge.w, proof, shares);
  const used = await party.receive('P2', 'told', 'u8', SEED_BYTES);
  // step 4. Of another seed the mask would cancel, and the receiver see digits
  if (used.some((byte, i) => byte !== seed[i]))
    throw new CodeError(`${party.path}: P2 was told another challenge than ${party.peer} and ${party.name} have`);
  await party.send(party.peer, 'shares', packed);
}

async function helper(party: Party, code: DigitCode, x: BigUint64Array): Promise<void> {
  const { compute, scratch } = party;
  const { prime } = code;
  const count = x.length;
  const to = receiverOf(party);
  const seed = await party.receive(to, 'seed', 'u8', SEED_BYTES); // step 1
  const told = party.send(party.drawer, 'told', seed.slice());
  const { r, w } = challengeOf(party, seed, code, count);
  const [mask, other] = (['P0', 'P1'] as const).map((worker) =>
    elementsOf(party, party.stream(worker, 'mask'), code, count),
  );
  compute.proofAdd(prime, mask, other, mask);
  // step 2
  const y = compute.proofProducts(prime, w, mask, other);
  const s0 = compute.proofInner(prime, y, mask);
  const proof = proofOf(compute, code, r, s0, compute.proofCount(code, x, w, y));
  scratch.give(w, mask, other);
  const drawn = elementsOf(party, party.stream(party.drawer, 'dealt'), code, code.digits + 1);
  const sent = proof.map((value, j) => (value + prime - drawn[j]) % prime);
  scratch.give(drawn);
  await Promise.all([told, party.send(to, 'dealt', compute.pack(prime, sent))]);
}

/** Elements of F that somebody has sent, in scratch bytes. */
async function received(
  party: Party,
  from: 'P0' | 'P1' | 'P2',
  purpose: string,
  code: DigitCode,
  elements: number,
): Promise<Uint8Array> {
  const packed = await party.receive(from, purpose, 'u8', packedLength(code.prime, STRIDE * elements));
  const vector = party.compute.unpack(code.prime, packed, STRIDE * elements, party.scratch.take(STRIDE * elements));
  release(packed);
  return inField(code, vector);
}

/** Rounds that it takes before d may be sent, once the digits are there. */
export const ROUNDS = 3;

/** Bytes that dealing `count` codes takes, and proving them where that is done. */
export function bytes(code: DigitCode, count: number, security: Security): number {
  if (security === 'semi-honest') return digitsBytes(code, count);
  return provedSteps('ahead', '', code, count).reduce(
    (sum, { messages }) => messages.reduce((all, { bytes }) => all + bytes, sum),
    0,
  );
}

/**
 * What is opened or asked before P2 deals digits, what else is dealt with them, and the digits, proved where that is done.
 * @param kind whether P2 deals what depends on what it has received
 */
export function steps(
  before: Step,
  kind: 'ahead' | 'deal',
  dealt: readonly [label: string, bytes: number][],
  { purpose, code, count }: { readonly purpose: string; readonly code: DigitCode; readonly count: number },
  security: Security,
): Step[] {
  if (security === 'private')
    return [step('begin'), before, step(kind, ...dealt), ...provedSteps(kind, purpose, code, count)];
  return [before, step(kind, ...dealt, [`:${purpose}`, digitsBytes(code, count)])];
}

/** Digits and proof. */
function provedSteps(kind: 'ahead' | 'deal', purpose: string, code: DigitCode, count: number): Step[] {
  const elements = (n: number): number => packedLength(code.prime, STRIDE * n);
  return [
    step(kind, [`/${LABEL}:${purpose}`, digitsBytes(code, count)]),
    step('ask', [`/${LABEL}:seed`, SEED_BYTES]),
    step('echo', [`/${LABEL}:told`, SEED_BYTES]),
    step('prove', [`/${LABEL}:dealt`, elements(code.digits + 1)]),
    step('show', [`/${LABEL}:shares`, elements(count + 1)]),
  ];
}
