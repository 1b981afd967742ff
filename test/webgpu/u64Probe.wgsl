// The operations of u64.wgsl on pairs, one after another: add, sub, mul, neg, shift left, shift right by the second's low six bits.

//#include "shared/u64.wgsl"

@group(0) @binding(0) var<storage, read> a: array<Ring>;
@group(0) @binding(1) var<storage, read> b: array<Ring>;
@group(0) @binding(2) var<storage, read_write> result: array<Ring>;

@compute @workgroup_size(1)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let i = id.x;
  let n = arrayLength(&a);
  let bits = b[i].x & 63u;
  result[i] = ring_add(a[i], b[i]);
  result[n + i] = ring_sub(a[i], b[i]);
  result[2u * n + i] = ring_mul(a[i], b[i]);
  result[3u * n + i] = ring_neg(a[i]);
  result[4u * n + i] = ring_shift_left(a[i], bits);
  result[5u * n + i] = ring_shift_right(a[i], bits);
}
