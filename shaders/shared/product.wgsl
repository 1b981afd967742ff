// What every product kernel shares: result (m,n) = sum over terms of A (m,k) · B (k,n), + addend, over Z_{2^64}, row by row. The kernels
// know A and B only through load_a and load_b, so a convolution is a product whose load_a reads the image (convOperands.wgsl).
// Layer z of the grid computes part z of the inner dimension; of several parts each stores an (m,n) of its own, and sumParts.wgsl adds.

//#include "u64.wgsl"

struct Job {
  m: u32,
  k: u32,
  n: u32,
  terms: u32,
  // Steps of the inner dimension in a part, whole tiles; at least k where there is one part.
  span: u32,
  // Tiles in a row of tiles, and in all. They are numbered along a grid of workgroups `grid_width` wide, the last row not full.
  tiles_n: u32,
  tiles: u32,
  grid_width: u32,
  has_addend: u32,
  // Whether neighbours along the inner dimension are neighbours in memory: then threads load along it, so that their reads join.
  a_inner_first: u32,
  b_inner_first: u32,
}

@group(0) @binding(0) var<uniform> job: Job;
@group(0) @binding(1) var<storage, read> a0: array<Ring>;
@group(0) @binding(2) var<storage, read> b0: array<Ring>;
// The operands of the second term; those of the first where there is none.
@group(0) @binding(3) var<storage, read> a1: array<Ring>;
@group(0) @binding(4) var<storage, read> b1: array<Ring>;
// The operand a0 where there is none.
@group(0) @binding(5) var<storage, read> addend: array<Ring>;
@group(0) @binding(6) var<storage, read_write> result: array<Ring>;

fn read_a(term: u32, index: u32) -> Ring {
  if (term == 0u) {
    return a0[index];
  }
  return a1[index];
}

fn read_b(term: u32, index: u32) -> Ring {
  if (term == 0u) {
    return b0[index];
  }
  return b1[index];
}

fn store(part: u32, row: u32, column: u32, value: Ring) {
  if (row >= job.m || column >= job.n) {
    return;
  }
  let index = (part * job.m + row) * job.n + column;
  if (job.has_addend == 1u) {
    result[index] = ring_add(value, addend[index]);
  } else {
    result[index] = value;
  }
}
