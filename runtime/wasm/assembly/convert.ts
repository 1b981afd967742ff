/**
 * ShareConvert (SecureNN Alg. 4; PROTOCOLS §2), step 5: a share over Z_L, L = 2^64, to one over Z_{L-1}. Elements of Z_{L-1} are canonical, 0 … L-2;
 * nothing here branches on a value.
 */

/** x + y over Z_{L-1}, x canonical, y any 64 bits: with 1 more the sum carries out exactly when it is to be reduced. */
@inline
function addOdd(x: u64, y: u64): u64 {
  const sum = x + y + 1;
  return sum - <u64>(sum > x);
}

/**
 * out = a - theta mod L-1 with theta = beta + delta + eta - [P0](alpha + 1), where this party's mask of a is r0 (P0) or r - r0 (P1),
 * beta = wrap(a, mask), alpha = wrap(r0, r - r0), and eta = etaPrime, or [P0] - etaPrime where m is 1. All n u64, m n bytes 0/1.
 */
export function convertShare(
  n: u32,
  party: u32,
  a: usize,
  r: usize,
  r0: usize,
  delta: usize,
  etaPrime: usize,
  m: usize,
  out: usize,
): void {
  const isP0 = <i64>(1 - party);
  for (let i: u32 = 0; i < n; i++) {
    const at: usize = i << 3;
    const share = load<u64>(a + at);
    const whole = load<u64>(r + at);
    const first = load<u64>(r0 + at);
    const mask = isP0 ? first : whole - first;
    const flip = <i64>load<u8>(m + i);
    // The parts of -theta that are small: -beta + [P0](alpha + 1 - m). In Z_{L-1}, -k is L-1-k, one less than in Z_L.
    const small = isP0 * (<i64>(whole < first) + 1 - flip) - <i64>(share + mask < share);
    let x = share + <u64>(share == u64.MAX_VALUE);
    x = addOdd(x, ~load<u64>(delta + at));
    x = addOdd(x, load<u64>(etaPrime + at) ^ <u64>(flip - 1));
    store<u64>(out + at, addOdd(x, <u64>(small + (small >> 63))));
  }
}
