/**
 * Truncation into an operand of products (src/protocols/direct/truncateOperand.ts), n elements: each message and all that lies between two of them in
 * one pass. Words are u64; what goes over the wire is a stream of fields (fields.ts), of `bits` bits or of width = 64 − bits, 8 ≤ bits ≤ 56.
 *
 * A stream is written a word at a time: what is complete of it stays, the rest of the last byte goes into the next word. `pending` has `filled`
 * bits, fewer than 8.
 */
import { insideOf, readField } from './fields';

/** out = (z + S + offset) >> bits, with offset = 2^62 + 2^(bits − 1) at P0, else 0. */
export function operandMask(n: u32, party: u32, bits: u32, z: usize, S: usize, out: usize): void {
  const width = 64 - bits;
  const offset = party == 0 ? ((<u64>1) << 62) + ((<u64>1) << (bits - 1)) : 0;
  let pending: u64 = 0;
  let filled: u32 = 0;
  for (let i: u32 = 0; i < n; i++, z += 8, S += 8) {
    pending |= ((load<u64>(z) + load<u64>(S) + offset) >> bits) << filled;
    store<u64>(out, pending);
    filled += width;
    pending >>= filled & ~7;
    out += filled >> 3;
    filled &= 7;
  }
}

/** c = mine + theirs modulo 2^width; e = (1 − c_top)·r − S modulo 2^bits. */
export function operandLift(
  n: u32,
  bits: u32,
  mine: usize,
  theirs: usize,
  r: usize,
  S: usize,
  c: usize,
  e: usize,
): void {
  const width = 64 - bits;
  const inC = insideOf(width);
  const inE = insideOf(bits);
  let pending: u64 = 0;
  let filled: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const at: usize = i << 3;
    const sum = (readField(mine, i * width, inC) + readField(theirs, i * width, inC)) & inC;
    store<u64>(c + at, sum);
    const noWrap = (sum >> (width - 1)) - 1;
    pending |= (((readField(r, i * bits, inE) & noWrap) - load<u64>(S + at)) & inE) << filled;
    store<u64>(e, pending);
    filled += bits;
    pending >>= filled & ~7;
    e += filled >> 3;
    filled &= 7;
  }
}

/** c ← c + (mine + theirs)·2^width − 2^(62 − bits). */
export function operandOpen(n: u32, bits: u32, c: usize, mine: usize, theirs: usize): void {
  const inside = insideOf(bits);
  const offset = (<u64>1) << (62 - bits);
  for (let i: u32 = 0; i < n; i++, c += 8) {
    const sum = readField(mine, i * bits, inside) + readField(theirs, i * bits, inside);
    store<u64>(c, load<u64>(c) + (sum << (64 - bits)) - offset);
  }
}

/**
 * P2, with S = S0 + S1, R = S − part and U = S·2^(64 − bits) − (R >> bits): words ← U − words; rest = R_63 − r modulo 2^bits. `part` is
 * read if `partial`.
 */
export function operandDeal(
  n: u32,
  bits: u32,
  partial: u32,
  S0: usize,
  S1: usize,
  part: usize,
  words: usize,
  r: usize,
  rest: usize,
): void {
  const inside = insideOf(bits);
  let pending: u64 = 0;
  let filled: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const at: usize = i << 3;
    const S = load<u64>(S0 + at) + load<u64>(S1 + at);
    const R = partial ? S - load<u64>(part + at) : S;
    const U = (S << (64 - bits)) - (R >> bits);
    store<u64>(words + at, U - load<u64>(words + at));
    pending |= (((R >> 63) - readField(r, i * bits, inside)) & inside) << filled;
    store<u64>(rest, pending);
    filled += bits;
    pending >>= filled & ~7;
    rest += filled >> 3;
    filled &= 7;
  }
}
