// Arithmetic over Z_{2^64}. WGSL has no 64-bit integers: an element is two u32, low word first, as it lies in a BigUint64Array.

alias Ring = vec2<u32>;

fn ring_add(a: Ring, b: Ring) -> Ring {
  let low = a.x + b.x;
  return Ring(low, a.y + b.y + select(0u, 1u, low < a.x));
}

fn ring_sub(a: Ring, b: Ring) -> Ring {
  return Ring(a.x - b.x, a.y - b.y - select(0u, 1u, a.x < b.x));
}

fn ring_neg(a: Ring) -> Ring {
  return ring_sub(Ring(0u, 0u), a);
}

// The upper word of a 32 x 32 bit product, from 16-bit halves. No sum overflows: (2^16 - 1)^2 + 2 (2^16 - 1) = 2^32 - 1.
fn upper_word(a: u32, b: u32) -> u32 {
  let a_low = a & 0xffffu;
  let a_high = a >> 16u;
  let b_low = b & 0xffffu;
  let b_high = b >> 16u;
  let first = a_high * b_low + ((a_low * b_low) >> 16u);
  let second = a_low * b_high + (first & 0xffffu);
  return a_high * b_high + (first >> 16u) + (second >> 16u);
}

// The words that cross count only modulo 2^32, so plain u32 products serve them.
fn ring_mul(a: Ring, b: Ring) -> Ring {
  return Ring(a.x * b.x, upper_word(a.x, b.x) + a.x * b.y + a.y * b.x);
}

// a · 2^bits, bits in [0, 64). A u32 shift by 32 or more is an error or taken modulo 32, hence the cases.
fn ring_shift_left(a: Ring, bits: u32) -> Ring {
  if (bits == 0u) {
    return a;
  }
  if (bits >= 32u) {
    return Ring(0u, a.x << (bits - 32u));
  }
  return Ring(a.x << bits, (a.y << bits) | (a.x >> (32u - bits)));
}

// floor(a / 2^bits) of a as an unsigned number, bits in [0, 64).
fn ring_shift_right(a: Ring, bits: u32) -> Ring {
  if (bits == 0u) {
    return a;
  }
  if (bits >= 32u) {
    return Ring(a.y >> (bits - 32u), 0u);
  }
  return Ring((a.x >> bits) | (a.y << (32u - bits)), a.y >> bits);
}
