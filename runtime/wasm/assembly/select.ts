/**
 * Products with a bit that nobody knows, element by element over Z_{2^64} (PROTOCOLS §3): DReLU = t ⊕ q with t public to the workers and
 * q in shares. One pass each over what would otherwise be a dozen; no branch depends on a value.
 *
 * n values of 8 bytes, t and keep one byte 0/1 each. `top` arrays hold one bit a value in shares over Z_{2^bits}, packed in `width` bits each
 * (fields.ts); the shift by 64 − bits drops what a load holds of the next ones.
 */
import { insideOf, readField } from './fields';

/** t·x + (1 − 2t)·qx, with `known` = −t. */
@inline
function withKnownBit(known: u64, x: u64, qx: u64): u64 {
  return ((qx ^ known) - known) + (x & known);
}

/** The field that begins at bit `at`, and what is above it. */
@inline
function field(stream: usize, at: u32): u64 {
  return readField(stream, at, u64.MAX_VALUE);
}

/** ⟨(t ⊕ q)·x⟩ with ⟨q·x⟩ = opened·⟨q⟩ − ⟨q·R⟩, where opened = x + R. */
export function select(n: u32, t: usize, x: usize, opened: usize, q: usize, qMask: usize, out: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const at: usize = i << 3;
    const qx = load<u64>(opened + at) * load<u64>(q + at) - load<u64>(qMask + at);
    store<u64>(out + at, withKnownBit(-(<u64>load<u8>(t + i)), load<u64>(x + at), qx));
  }
}

/**
 * ⟨x + y + (2(t ⊕ q) − 1)·d⟩ for d = x − y, with ⟨(2q − 1)·d⟩ = opened·⟨2q − 1⟩ − ⟨(2q − 1)·R⟩, where opened = d + R; the 1 is P0's.
 */
export function selectLarger(
  n: u32,
  party: u32,
  t: usize,
  x: usize,
  y: usize,
  opened: usize,
  q: usize,
  qMask: usize,
  out: usize,
): void {
  const minusOne = <u64>party - 1; // 0 for P1
  for (let i: u32 = 0; i < n; i++) {
    const at: usize = i << 3;
    const known = -(<u64>load<u8>(t + i));
    const d = load<u64>(opened + at) * ((load<u64>(q + at) << 1) + minusOne) - load<u64>(qMask + at);
    store<u64>(out + at, load<u64>(x + at) + load<u64>(y + at) + ((d ^ known) - known));
  }
}

/**
 * ⟨(t ⊕ q)·x⟩ for x = z / 2^bits, opened = z + 2^62 + R, M = R >> bits (PROTOCOLS §1, dealt truncation): with C = (opened >> bits) − 2^(62−bits),
 * ⟨x⟩ = C − ⟨M⟩ + ⟨R_63⟩·(1 − opened_63)·2^(64−bits) and ⟨q·x⟩ = C⟨q⟩ − ⟨q·M⟩ + ⟨q·R_63⟩·(1 − opened_63)·2^(64−bits); C in ⟨x⟩ is P0's.
 */
export function truncateSelect(
  n: u32,
  party: u32,
  bits: u32,
  width: u32,
  t: usize,
  opened: usize,
  shift: usize,
  top: usize,
  q: usize,
  qShift: usize,
  qTop: usize,
  out: usize,
): void {
  const isP0 = <u64>party - 1;
  const offset = (<u64>1) << (62 - bits);
  const up = 64 - bits;
  for (let i: u32 = 0; i < n; i++) {
    const at: usize = i << 3;
    const c = load<u64>(opened + at);
    const shifted = (c >> bits) - offset;
    const noWrap = ~(<u64>((<i64>c) >> 63));
    const x = (shifted & isP0) - load<u64>(shift + at) + ((field(top, i * width) << up) & noWrap);
    const qx = shifted * load<u64>(q + at) - load<u64>(qShift + at) + ((field(qTop, i * width) << up) & noWrap);
    store<u64>(out + at, withKnownBit(-(<u64>load<u8>(t + i)), x, qx));
  }
}

/**
 * P2: what is dealt, from what the other worker draws, in place. words ← keep·(R >> bits) − words, or (2·keep − 1)·(R >> bits) − words (if
 * `signed`); bitWords ← keep − bitWords (if `withBits`); rest = keep·R_63 − top modulo 2^width (if width > 0).
 */
export function deal(
  n: u32,
  bits: u32,
  width: u32,
  withBits: u32,
  signed: u32,
  mask: usize,
  keep: usize,
  words: usize,
  bitWords: usize,
  top: usize,
  rest: usize,
): void {
  const inside = insideOf(width); // never read for width = 0
  let pending: u64 = 0;
  let filled: u32 = 0;
  for (let i: u32 = 0; i < n; i++) {
    const at: usize = i << 3;
    const R = load<u64>(mask + at);
    const bit = <u64>load<u8>(keep + i);
    const shifted = R >> bits;
    const minus = bit - 1; // all ones where R enters with a minus
    const product = signed ? (shifted ^ minus) - minus : shifted & -bit;
    store<u64>(words + at, product - load<u64>(words + at));
    if (withBits) store<u64>(bitWords + at, bit - load<u64>(bitWords + at));
    if (width) {
      // Written as in operand.ts.
      const dealt = (((R >> 63) & bit) - field(top, i * width)) & inside;
      pending |= dealt << filled;
      store<u64>(rest, pending);
      filled += width;
      pending = filled < 64 ? pending >> (filled & ~7) : 0;
      rest += filled >> 3;
      filled &= 7;
    }
  }
}
