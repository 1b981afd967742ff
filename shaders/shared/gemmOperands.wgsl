// Operands of a matrix product: plain matrices, stored either way round.

//#include "product.wgsl"

// Elements between neighbours. (k,1) and (1,m) for A stored (m,k) and (k,m); (n,1) and (1,k) for B stored (k,n) and (n,k).
struct Strides {
  a_row: u32,
  a_inner: u32,
  b_inner: u32,
  b_column: u32,
}

@group(0) @binding(7) var<uniform> strides: Strides;

fn load_a(term: u32, row: u32, inner: u32) -> Ring {
  if (row >= job.m || inner >= job.k) {
    return Ring(0u, 0u);
  }
  return read_a(term, row * strides.a_row + inner * strides.a_inner);
}

fn load_b(term: u32, inner: u32, column: u32) -> Ring {
  if (inner >= job.k || column >= job.n) {
    return Ring(0u, 0u);
  }
  return read_b(term, inner * strides.b_inner + column * strides.b_column);
}
