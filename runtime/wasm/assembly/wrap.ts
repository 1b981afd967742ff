/** wrap (SecureNN, notation): out_i = [a_i + b_i >= 2^64]. a, b: n u64; out: n bytes 0/1. */
export function wrap(n: u32, a: usize, b: usize, out: usize): void {
  for (let i: u32 = 0; i < n; i++) {
    const x = load<u64>(a);
    store<u8>(out + i, <u8>(x + load<u64>(b) < x));
    a += 8;
    b += 8;
  }
}
