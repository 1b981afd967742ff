// A product on u32 pairs: any adapter can run it. A workgroup computes a tile of the result, a thread MICRO x MICRO elements of it
// (register tiling); the operands pass through workgroup memory, TILE_K of the inner dimension at a time.
// Expects load_a, load_b (gemmOperands.wgsl or convOperands.wgsl).

const MICRO = 4u;

override THREADS_M: u32;
override THREADS_N: u32;
override TILE_K: u32;

// (TILE_K, rows) and (TILE_K, columns): what a thread reads for one step of the inner dimension lies together.
var<workgroup> tile_a: array<Ring, TILE_K * THREADS_M * MICRO>;
var<workgroup> tile_b: array<Ring, TILE_K * THREADS_N * MICRO>;

fn load_tiles(term: u32, row: u32, column: u32, inner: u32, thread: u32) {
  let rows = THREADS_M * MICRO;
  let columns = THREADS_N * MICRO;
  for (var i = thread; i < TILE_K * rows; i += THREADS_M * THREADS_N) {
    let r = select(i % rows, i / TILE_K, job.a_inner_first == 1u);
    let k = select(i / rows, i % TILE_K, job.a_inner_first == 1u);
    tile_a[k * rows + r] = load_a(term, row + r, inner + k);
  }
  for (var i = thread; i < TILE_K * columns; i += THREADS_M * THREADS_N) {
    let c = select(i % columns, i / TILE_K, job.b_inner_first == 1u);
    let k = select(i / columns, i % TILE_K, job.b_inner_first == 1u);
    tile_b[k * columns + c] = load_b(term, inner + k, column + c);
  }
}

@compute @workgroup_size(THREADS_N, THREADS_M)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) thread: u32,
) {
  let tile = group.y * job.grid_width + group.x;
  if (tile >= job.tiles) {
    return;
  }
  let rows = THREADS_M * MICRO;
  let columns = THREADS_N * MICRO;
  let row = (tile / job.tiles_n) * rows;
  let column = (tile % job.tiles_n) * columns;
  let first = group.z * job.span;
  let end = min(job.k, first + job.span);

  var sums: array<Ring, MICRO * MICRO>;
  for (var term = 0u; term < job.terms; term++) {
    for (var inner = first; inner < end; inner += TILE_K) {
      load_tiles(term, row, column, inner, thread);
      workgroupBarrier();
      for (var k = 0u; k < TILE_K; k++) {
        // Rows of one thread are THREADS_M apart, columns THREADS_N: neighbouring threads read neighbouring words.
        var b: array<Ring, MICRO>;
        for (var j = 0u; j < MICRO; j++) {
          b[j] = tile_b[k * columns + j * THREADS_N + local.x];
        }
        for (var i = 0u; i < MICRO; i++) {
          let a = tile_a[k * rows + i * THREADS_M + local.y];
          for (var j = 0u; j < MICRO; j++) {
            sums[i * MICRO + j] = ring_add(sums[i * MICRO + j], ring_mul(a, b[j]));
          }
        }
      }
      workgroupBarrier();
    }
  }

  for (var i = 0u; i < MICRO; i++) {
    for (var j = 0u; j < MICRO; j++) {
      store(group.z, row + i * THREADS_M + local.y, column + j * THREADS_N + local.x, sums[i * MICRO + j]);
    }
  }
}
