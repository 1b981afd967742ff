// Operations on every element of x over Z_{2^64}: with the element of y at the same place, with a row or one number that repeats, or
// alone. Twins: src/ring/z64.ts, and truncateLocal of Compute.

//#include "shared/u64.wgsl"

const ADD = 0u;
const SUBTRACT = 1u;
const MULTIPLY = 2u;
// Local truncation (Alg. 11): of P0's share floor(x / 2^bits), of P1's the negative of the same of -x; logical shifts.
const TRUNCATE_0 = 3u;
const TRUNCATE_1 = 4u;

struct Job {
  length: u32,
  // Element i of x meets element i mod period of y: the length, that of a row, or 1.
  period: u32,
  // Of a truncation, 0 to 63.
  bits: u32,
  grid_width: u32,
}

@group(0) @binding(0) var<uniform> job: Job;
@group(0) @binding(1) var<storage, read> x: array<Ring>;
// Any buffer where there is none.
@group(0) @binding(2) var<storage, read> y: array<Ring>;
@group(0) @binding(3) var<storage, read_write> result: array<Ring>;

override OPERATION: u32;
override THREADS: u32;

fn apply(a: Ring, b: Ring) -> Ring {
  if (OPERATION == ADD) {
    return ring_add(a, b);
  }
  if (OPERATION == SUBTRACT) {
    return ring_sub(a, b);
  }
  if (OPERATION == MULTIPLY) {
    return ring_mul(a, b);
  }
  if (OPERATION == TRUNCATE_0) {
    return ring_shift_right(a, job.bits);
  }
  return ring_neg(ring_shift_right(ring_neg(a), job.bits));
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let i = (group.y * job.grid_width + group.x) * THREADS + thread;
  if (i < job.length) {
    result[i] = apply(x[i], y[i % job.period]);
  }
}
