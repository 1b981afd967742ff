// The ceiling of the subgroup-matrix kernels: products of u8 matrices with u32 sums, from registers alone, into eight accumulators as the
// kernels have them. ceiling.ts puts before this text the extensions and the constants M, N, K and LANES. Twin: matrixTwin in ceiling.ts.

struct Job {
  rounds: u32,
}

@group(0) @binding(0) var<uniform> job: Job;
// Eight matrices (M,K) by rows, one for each accumulator, and one (K,N) by columns.
@group(0) @binding(1) var<storage, read> left: array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> right: array<vec4<u32>>;
// (M,N) by rows for each accumulator of each subgroup.
@group(0) @binding(3) var<storage, read_write> out: array<u32>;

alias Left = subgroup_matrix_left<u8, K, M>;
alias Right = subgroup_matrix_right<u8, N, K>;
alias Result = subgroup_matrix_result<u32, N, M>;

@compute @workgroup_size(LANES * 4)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(subgroup_id) subgroup: u32) {
  // A vector holds sixteen bytes.
  const vectors = M * K / 16u;
  let a0 = subgroupMatrixLoad<Left, row_major>(&left, 0u * vectors, K / 16u);
  let a1 = subgroupMatrixLoad<Left, row_major>(&left, 1u * vectors, K / 16u);
  let a2 = subgroupMatrixLoad<Left, row_major>(&left, 2u * vectors, K / 16u);
  let a3 = subgroupMatrixLoad<Left, row_major>(&left, 3u * vectors, K / 16u);
  let a4 = subgroupMatrixLoad<Left, row_major>(&left, 4u * vectors, K / 16u);
  let a5 = subgroupMatrixLoad<Left, row_major>(&left, 5u * vectors, K / 16u);
  let a6 = subgroupMatrixLoad<Left, row_major>(&left, 6u * vectors, K / 16u);
  let a7 = subgroupMatrixLoad<Left, row_major>(&left, 7u * vectors, K / 16u);
  let b = subgroupMatrixLoad<Right, col_major>(&right, 0u, K / 16u);
  var s0: Result;
  var s1: Result;
  var s2: Result;
  var s3: Result;
  var s4: Result;
  var s5: Result;
  var s6: Result;
  var s7: Result;
  for (var i = 0u; i < job.rounds; i++) {
    s0 = subgroupMatrixMultiplyAccumulate(a0, b, s0);
    s1 = subgroupMatrixMultiplyAccumulate(a1, b, s1);
    s2 = subgroupMatrixMultiplyAccumulate(a2, b, s2);
    s3 = subgroupMatrixMultiplyAccumulate(a3, b, s3);
    s4 = subgroupMatrixMultiplyAccumulate(a4, b, s4);
    s5 = subgroupMatrixMultiplyAccumulate(a5, b, s5);
    s6 = subgroupMatrixMultiplyAccumulate(a6, b, s6);
    s7 = subgroupMatrixMultiplyAccumulate(a7, b, s7);
  }
  let at = (group.x * 4u + subgroup) * 8u * M * N;
  subgroupMatrixStore<row_major>(&out, at, s0, N);
  subgroupMatrixStore<row_major>(&out, at + M * N, s1, N);
  subgroupMatrixStore<row_major>(&out, at + 2u * M * N, s2, N);
  subgroupMatrixStore<row_major>(&out, at + 3u * M * N, s3, N);
  subgroupMatrixStore<row_major>(&out, at + 4u * M * N, s4, N);
  subgroupMatrixStore<row_major>(&out, at + 5u * M * N, s5, N);
  subgroupMatrixStore<row_major>(&out, at + 6u * M * N, s6, N);
  subgroupMatrixStore<row_major>(&out, at + 7u * M * N, s7, N);
}
