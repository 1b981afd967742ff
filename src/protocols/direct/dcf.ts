/**
 * A distributed comparison function (Boyle, Chandran, Gilboa, Gupta, Ishai, Kumar, Rathee, EUROCRYPT 2021, Fig. 1), with outputs in Z_2: whoever
 * knows a threshold α of n bits makes two keys; with one of them a worker turns a public x into a bit that alone is pseudo-random, and the two bits
 * add up to [x < α]. Nobody says a word while that is done.
 *
 * Along the bits of x, top bit first, each worker goes down a tree of seeds. As long as x has α's bits, the workers' seeds are independent and their
 * control bits t differ; where x leaves α a correction makes both alike, and everything below cancels.
 *
 * Key: a seed, which comes from the worker's stream with P2 and is not sent, and n − 6 corrections of 16 bytes, the same for both workers (Gen: CW_i):
 *   bits 0, 1   t of the left and of the right child
 *   bit 2       the output, which the child that leaves α takes along: 1 where x turns left and α right
 *   bits 3…127  the seed
 * The last seven bits of x are one correction of 128 bits, the outputs of all that end there (early termination: Boyle, Gilboa, Ishai, CCS 2016).
 * n = 32: 416 bytes. AES blocks: a worker 26 a comparison, as it sees x alone; P2 102.
 *
 * G(s) = H(s ‖ 0), H(s ‖ 1) below, H(s ‖ 2) for the outputs, with H(y) = π(y) ⊕ y and s of 125 bits, the rest of the block zero: no two inputs of π are
 * equal unless seeds are. π is AES-128 under a public key that P2 draws for at most MOST_TOGETHER comparisons. Seeds that a worker lacks are uniform to it
 * and independent of each other, so that G need only be a pseudo-random generator, which it is where π is a random permutation: who computes π T times learns
 * anything with probability below T·2^15 / 2^125 for each such key.
 *
 * Here is arithmetic alone: who draws and sends what is in `functionKeys.ts`. No branch and no address depends on a secret.
 */
import { type AesKey, BLOCK_BYTES } from '../../random/aes.ts';
import { release } from '../../ring/release.ts';
import * as z64 from '../../ring/z64.ts';

/** Bits of x that the last correction takes. */
const LEAF_BITS = 7;
/** u32 words of a block, bits of the lowest one first. */
const WORDS = 4;
/** The bits of a block's first word that are no part of a seed. */
const CONTROL = 7;
const OUTPUT_BIT = 2;
/** What is behind the seed in a block for the left child, the right one, and outputs. */
const RIGHT = 1;
const OUTPUTS = 2;

/** Comparisons whose keys are under one AES key: theirs is a message of at most 512 KiB, and their state stays in the cache. */
export const MOST_TOGETHER = 512;
/** Widest x. */
export const MOST_BITS = 63;

/** Steps down the tree for x of so many bits. */
function levelsOf(bits: number): number {
  if (!Number.isInteger(bits) || bits < 1 || bits > MOST_BITS)
    throw new RangeError(`comparison function of ${bits} bits: expected 1 … ${MOST_BITS}`);
  return Math.max(0, bits - LEAF_BITS);
}

/** Bytes of a seed, one a comparison. */
export const ROOT_BYTES: number = BLOCK_BYTES;

/** Bytes of the corrections of one comparison. */
export function correctionBytes(bits: number): number {
  return BLOCK_BYTES * (levelsOf(bits) + 1);
}

/**
 * P2: the corrections for thresholds α below 2^bits, level after level, in `out` (4-byte aligned).
 * @param roots both workers' seeds, uniform bytes, ROOT_BYTES a comparison
 */
export function generate(
  aes: AesKey,
  bits: number,
  thresholds: BigUint64Array,
  roots: readonly [Uint8Array, Uint8Array],
  out: Uint8Array,
): void {
  const n = thresholds.length;
  const levels = levelsOf(bits);
  checkLength('roots', roots[0], ROOT_BYTES * n);
  checkLength('roots', roots[1], ROOT_BYTES * n);
  checkLength('corrections', out, correctionBytes(bits) * n);
  const alpha = z64.halves(thresholds);
  const corrections = wordsOf(out);
  const [seeds0, seeds1] = [seedsOf(roots[0]), seedsOf(roots[1])];
  /** V_α, and the control bits. */
  const output = new Uint8Array(n);
  const t0 = new Uint8Array(n);
  const t1 = new Uint8Array(n).fill(1);
  const size = WORDS * n;
  const blocks = new Uint32Array(4 * size);
  for (let level = 0; level < levels; level++) {
    blocks.set(seeds0, 0);
    blocks.set(seeds0, size);
    blocks.set(seeds1, 2 * size);
    blocks.set(seeds1, 3 * size);
    for (let at = size; at < 4 * size; at += 2 * size) setControl(blocks, at, n, RIGHT);
    const coded = encrypt(aes, blocks);
    correct({
      n,
      shift: bits - 1 - level,
      alpha,
      coded,
      seeds0,
      seeds1,
      t0,
      t1,
      output,
      out: corrections.subarray(size * level, size * (level + 1)),
    });
    giveBack(coded);
  }
  const leaves = new Uint32Array(2 * size);
  leaves.set(seeds0, 0);
  leaves.set(seeds1, size);
  setControl(leaves, 0, 2 * n, OUTPUTS);
  lastCorrection(Math.min(bits, LEAF_BITS), alpha, hash(aes, leaves), output, corrections.subarray(size * levels));
}

/** One level of Gen, of n comparisons. */
interface Level {
  readonly n: number;
  /** Which bit of α decides. */
  readonly shift: number;
  readonly alpha: Uint32Array;
  /** π of the blocks of P0's seeds, left and right, and of P1's: G is that and the block itself. */
  readonly coded: Uint32Array;
  readonly seeds0: Uint32Array;
  readonly seeds1: Uint32Array;
  readonly t0: Uint8Array;
  readonly t1: Uint8Array;
  readonly output: Uint8Array;
  readonly out: Uint32Array;
}

function correct({ n, shift, alpha, coded, seeds0, seeds1, t0, t1, output, out }: Level): void {
  const half = shift >> 5;
  const place = shift & 31;
  const size = WORDS * n;
  for (let i = 0; i < n; i++) {
    const a = (alpha[2 * i + half] >>> place) & 1;
    const goRight = -a;
    const at = WORDS * i;
    const left0 = coded[at] ^ seeds0[at];
    const right0 = coded[size + at] ^ seeds0[at] ^ RIGHT;
    const left1 = coded[2 * size + at] ^ seeds1[at];
    const right1 = coded[3 * size + at] ^ seeds1[at] ^ RIGHT;
    // Keep is where α goes, Lose the other child.
    const keep0 = left0 ^ ((left0 ^ right0) & goRight);
    const keep1 = left1 ^ ((left1 ^ right1) & goRight);
    const lose = left0 ^ left1 ^ right0 ^ right1 ^ keep0 ^ keep1;
    const tLeft = (left0 ^ left1 ^ a ^ 1) & 1;
    const tRight = (right0 ^ right1 ^ (a << 1)) & 2;
    const leaves = ((lose >>> OUTPUT_BIT) ^ output[i] ^ a) & 1; // what leaves α on the left takes 1 along
    const first = (lose & ~CONTROL) | tLeft | tRight | (leaves << OUTPUT_BIT);
    const mask0 = -t0[i];
    const mask1 = -t1[i];
    const next0 = keep0 ^ (first & mask0);
    const next1 = keep1 ^ (first & mask1);
    out[at] = first;
    output[i] ^= ((keep0 ^ keep1 ^ first) >>> OUTPUT_BIT) & 1;
    t0[i] = (next0 >>> a) & 1;
    t1[i] = (next1 >>> a) & 1;
    seeds0[at] = next0 & ~CONTROL;
    seeds1[at] = next1 & ~CONTROL;
    for (let w = at + 1; w < at + WORDS; w++) {
      const left = coded[w] ^ coded[2 * size + w];
      const right = coded[size + w] ^ coded[3 * size + w];
      const k0 = coded[w] ^ seeds0[w] ^ ((coded[w] ^ coded[size + w]) & goRight);
      const k1 = coded[2 * size + w] ^ seeds1[w] ^ ((coded[2 * size + w] ^ coded[3 * size + w]) & goRight);
      const correction = left ^ right ^ k0 ^ k1; // both workers' seeds are in k0 and k1
      out[w] = correction;
      seeds0[w] = k0 ^ (correction & mask0);
      seeds1[w] = k1 ^ (correction & mask1);
    }
  }
}

/** Of the last bits: bit x of `out` makes the outputs' sum [x < α]. */
function lastCorrection(
  bits: number,
  alpha: Uint32Array,
  hashed: Uint32Array,
  output: Uint8Array,
  out: Uint32Array,
): void {
  const n = output.length;
  for (let i = 0; i < n; i++) {
    const threshold = alpha[2 * i] & ((1 << bits) - 1);
    for (let w = 0; w < WORDS; w++) {
      const at = WORDS * i + w;
      out[at] = hashed[at] ^ hashed[WORDS * n + at] ^ -output[i] ^ lowest(threshold - 32 * w);
    }
  }
}

/** A word whose lowest `count` bits are set; none below 0, all from 32 on. */
function lowest(count: number): number {
  const none = count >> 31; // all ones below 0
  const all = (31 - count) >> 31; // all ones from 32 on
  return (((1 << (count & 31)) - 1) | all) & ~none;
}

/** A worker's keys, which `generate` made together. */
export interface Keys {
  readonly aes: AesKey;
  readonly roots: Uint8Array;
  /** 4-byte aligned. */
  readonly corrections: Uint8Array;
}

/** A worker: its bits of [x < α] for points x, of which it looks at the low `bits` bits, by as many keys from the `from`-th on. */
export function evaluate(
  bits: number,
  worker: 0 | 1,
  points: BigUint64Array,
  { aes, roots, corrections }: Keys,
  from = 0,
): Uint8Array {
  const n = points.length;
  const levels = levelsOf(bits);
  const together = roots.length / ROOT_BYTES;
  if (from + n > together) throw new RangeError(`comparison function: keys ${from} … ${from + n} of ${together}`);
  checkLength('corrections', corrections, correctionBytes(bits) * together);
  const x = z64.halves(points);
  const words = wordsOf(corrections);
  const seeds = seedsOf(roots.subarray(ROOT_BYTES * from, ROOT_BYTES * (from + n)));
  const t = new Uint8Array(n).fill(worker);
  const output = new Uint8Array(n);
  const first = (level: number): number => WORDS * (together * level + from);
  if (levels === 0) setControl(seeds, 0, n, OUTPUTS);
  else for (let i = 0; i < n; i++) seeds[WORDS * i] |= bitOf(x, i, bits - 1);
  for (let level = 0; level < levels; level++) {
    const coded = encrypt(aes, seeds);
    const own = words.subarray(first(level), first(level) + WORDS * n);
    descend(x, { shift: bits - 1 - level, last: level === levels - 1 }, coded, own, seeds, t, output);
    giveBack(coded);
  }
  const coded = encrypt(aes, seeds);
  const last = (1 << Math.min(bits, LEAF_BITS)) - 1;
  for (let i = 0; i < n; i++) {
    const point = x[2 * i] & last;
    const at = WORDS * i + (point >> 5);
    output[i] ^= ((coded[at] ^ seeds[at] ^ (words[first(levels) + at] & -t[i])) >>> (point & 31)) & 1;
  }
  giveBack(coded);
  return output;
}

function bitOf(x: Uint32Array, i: number, place: number): number {
  return (x[2 * i + (place >> 5)] >>> (place & 31)) & 1;
}

/** One level of Eval: from π of the blocks of seeds to the children's, with what comes behind these in the next level. */
function descend(
  x: Uint32Array,
  { shift, last }: { readonly shift: number; readonly last: boolean },
  coded: Uint32Array,
  corrections: Uint32Array,
  seeds: Uint32Array,
  t: Uint8Array,
  output: Uint8Array,
): void {
  const [half, place] = [shift >> 5, shift & 31];
  const [nextHalf, nextPlace] = last ? [half, place] : [(shift - 1) >> 5, (shift - 1) & 31];
  const next = last ? 0 : 1;
  const always = last ? OUTPUTS : 0;
  for (let i = 0, at = 0; i < t.length; i++, at += WORDS) {
    const mask = -t[i];
    const first = coded[at] ^ seeds[at] ^ (corrections[at] & mask);
    const right = (x[2 * i + half] >>> place) & 1;
    t[i] = (first >>> right) & 1;
    output[i] ^= (first >>> OUTPUT_BIT) & 1;
    seeds[at] = (first & ~CONTROL) | ((x[2 * i + nextHalf] >>> nextPlace) & next) | always;
    seeds[at + 1] ^= coded[at + 1] ^ (corrections[at + 1] & mask);
    seeds[at + 2] ^= coded[at + 2] ^ (corrections[at + 2] & mask);
    seeds[at + 3] ^= coded[at + 3] ^ (corrections[at + 3] & mask);
  }
}

/** What the cipher has made, and nobody reads any more. */
function giveBack({ buffer, byteOffset, byteLength }: Uint32Array): void {
  release(new Uint8Array(buffer, byteOffset, byteLength));
}

/** H of each block. */
function hash(aes: AesKey, blocks: Uint32Array): Uint32Array {
  const hashed = encrypt(aes, blocks);
  for (let w = 0; w < hashed.length; w++) hashed[w] ^= blocks[w];
  return hashed;
}

/** π of each block: a new array. */
function encrypt(aes: AesKey, blocks: Uint32Array): Uint32Array {
  return wordsOf(aes.blocks(new Uint8Array(blocks.buffer, blocks.byteOffset, blocks.byteLength)));
}

/** A copy, without what is no part of a seed. */
function seedsOf(root: Uint8Array): Uint32Array {
  const seeds = new Uint32Array(root.length / 4);
  new Uint8Array(seeds.buffer).set(root);
  for (let at = 0; at < seeds.length; at += WORDS) seeds[at] &= ~CONTROL;
  return seeds;
}

function setControl(blocks: Uint32Array, at: number, count: number, control: number): void {
  for (let w = at; w < at + WORDS * count; w += WORDS) blocks[w] |= control;
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

function checkLength(what: string, bytes: Uint8Array, expected: number): void {
  if (bytes.length !== expected)
    throw new RangeError(`comparison function: ${what} of ${bytes.length} bytes, expected ${expected}`);
}
