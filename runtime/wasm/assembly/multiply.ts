/**
 * Element products over Z_{2^64}: out_i = x0_i y0_i (+ x1_i y1_i, with two terms) (+ out_i, if `add`). A Beaver product of vectors has two terms.
 * x, y, out: n u64 each.
 */
export function multiply(
  n: u32,
  terms: u32,
  add: u32,
  x0: usize,
  y0: usize,
  x1: usize,
  y1: usize,
  out: usize,
): void {
  const keep = -(<u64>add);
  for (let i: u32 = 0; i < n; i++) {
    const at: usize = i << 3;
    let sum = (load<u64>(out + at) & keep) + load<u64>(x0 + at) * load<u64>(y0 + at);
    if (terms == 2) sum += load<u64>(x1 + at) * load<u64>(y1 + at);
    store<u64>(out + at, sum);
  }
}
