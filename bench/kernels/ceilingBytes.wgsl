// The ceiling of the byte kernels: dot4U8Packed with its sum, from registers alone. Sixteen independent chains hide the latency; a chain
// goes through the dot product, or it would be the same every time. Twin: bytesTwin in ceiling.ts.
requires packed_4x8_integer_dot_product;

struct Job {
  rounds: u32,
}

@group(0) @binding(0) var<uniform> job: Job;
// The factor and the summand of every step.
@group(0) @binding(1) var<storage, read> operands: array<vec2<u32>>;
// The sum of a thread's chains.
@group(0) @binding(2) var<storage, read_write> out: array<vec2<u32>>;

fn step(s: vec4<u32>, factor: u32, summand: u32) -> vec4<u32> {
  return vec4(
    dot4U8Packed(s.x, factor) + summand,
    dot4U8Packed(s.y, factor) + summand,
    dot4U8Packed(s.z, factor) + summand,
    dot4U8Packed(s.w, factor) + summand,
  );
}

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let factor = operands[0].x;
  let summand = operands[0].y;
  let start = vec4(0u, 1u, 2u, 3u) + id.x;
  var s0 = start;
  var s1 = start + 4u;
  var s2 = start + 8u;
  var s3 = start + 12u;
  for (var i = 0u; i < job.rounds; i++) {
    // Four steps of each chain: 64 dot products.
    for (var j = 0u; j < 4u; j++) {
      s0 = step(s0, factor, summand);
      s1 = step(s1, factor, summand);
      s2 = step(s2, factor, summand);
      s3 = step(s3, factor, summand);
    }
  }
  let sum = s0 + s1 + s2 + s3;
  out[id.x] = vec2(sum.x + sum.y + sum.z + sum.w, 0u);
}
