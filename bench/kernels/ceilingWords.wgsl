// The ceiling of the portable kernels: multiply-adds of u32 words, from registers alone. Sixteen independent chains hide the latency.
// Twin: wordsTwin in ceiling.ts.

struct Job {
  rounds: u32,
}

@group(0) @binding(0) var<uniform> job: Job;
// The factor and the summand of every step.
@group(0) @binding(1) var<storage, read> operands: array<vec2<u32>>;
// The sum of a thread's chains.
@group(0) @binding(2) var<storage, read_write> out: array<vec2<u32>>;

@compute @workgroup_size(256)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let factor = vec4(operands[0].x);
  let summand = vec4(operands[0].y);
  let start = vec4(0u, 1u, 2u, 3u) + id.x;
  var s0 = start;
  var s1 = start + 4u;
  var s2 = start + 8u;
  var s3 = start + 12u;
  for (var i = 0u; i < job.rounds; i++) {
    // Four steps of each chain: 64 multiply-adds.
    s0 = s0 * factor + summand;
    s1 = s1 * factor + summand;
    s2 = s2 * factor + summand;
    s3 = s3 * factor + summand;
    s0 = s0 * factor + summand;
    s1 = s1 * factor + summand;
    s2 = s2 * factor + summand;
    s3 = s3 * factor + summand;
    s0 = s0 * factor + summand;
    s1 = s1 * factor + summand;
    s2 = s2 * factor + summand;
    s3 = s3 * factor + summand;
    s0 = s0 * factor + summand;
    s1 = s1 * factor + summand;
    s2 = s2 * factor + summand;
    s3 = s3 * factor + summand;
  }
  let sum = s0 + s1 + s2 + s3;
  out[id.x] = vec2(sum.x + sum.y + sum.z + sum.w, 0u);
}
