// The sum of the parts of a product whose inner dimension was cut (shared/product.wgsl), + addend, over Z_{2^64}.

//#include "shared/u64.wgsl"

struct Job {
  // Elements of the result, and of each part.
  length: u32,
  parts: u32,
  grid_width: u32,
  has_addend: u32,
}

@group(0) @binding(0) var<uniform> job: Job;
@group(0) @binding(1) var<storage, read> parts: array<Ring>;
// Any buffer where there is none.
@group(0) @binding(2) var<storage, read> addend: array<Ring>;
@group(0) @binding(3) var<storage, read_write> result: array<Ring>;

override THREADS: u32;

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
  let i = (group.y * job.grid_width + group.x) * THREADS + thread;
  if (i >= job.length) {
    return;
  }
  var sum = Ring(0u, 0u);
  if (job.has_addend == 1u) {
    sum = addend[i];
  }
  for (var part = 0u; part < job.parts; part++) {
    sum = ring_add(sum, parts[part * job.length + i]);
  }
  result[i] = sum;
}
