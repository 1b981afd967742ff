// A product on bytes: an element is eight base-256 digits, and 36 of the 64 products of digits count modulo 2^64. Four steps of the inner
// dimension share a word, a digit each ("plane"), so that dot4U8Packed takes four products at once: nine of them a multiply-add.
// Products of digits i + j = d add up in diagonal d, one u32 each, and the element is the sum of diagonal d · 2^(8d).
//
// Exactness. A step of the inner dimension adds d + 1 products of at most 255^2 to diagonal d. Diagonals 4 to 7 count only modulo 2^32,
// since 2^32 · 2^(8d) = 0 modulo 2^64 for d >= 4: they may wrap. The largest of the others is diagonal 3: after K steps it is at most
// 4 · 255^2 · K, below 2^32 exactly when K <= 16512 (4 · 65025 · 16512 = 4294771200 < 4294967296 = 2^32; one more step could pass it).
// FOLD_INNER <= 16512 steps, both terms together and steps of padding included, the diagonals are folded into the element and begin again.
// Expects load_a, load_b (gemmOperands.wgsl or convOperands.wgsl).

const MICRO_M = 4u;
const MICRO_N = 2u;

override THREADS_M: u32;
override THREADS_N: u32;
// Words of a plane, of four steps of the inner dimension each, that a tile holds.
override TILE_WORDS: u32;
override FOLD_INNER: u32;

// The eight planes of four elements; also the eight diagonals of a sum. `low` holds 0 to 3, `high` 4 to 7.
struct Planes {
  low: vec4<u32>,
  high: vec4<u32>,
}

// (TILE_WORDS, rows) and (TILE_WORDS, columns).
var<workgroup> tile_a: array<Planes, TILE_WORDS * THREADS_M * MICRO_M>;
var<workgroup> tile_b: array<Planes, TILE_WORDS * THREADS_N * MICRO_N>;

// pack4xU8 takes the low byte of each component.
fn digits(words: vec4<u32>) -> vec4<u32> {
  return vec4(
    pack4xU8(words),
    pack4xU8(words >> vec4(8u)),
    pack4xU8(words >> vec4(16u)),
    pack4xU8(words >> vec4(24u)),
  );
}

fn planes(e0: Ring, e1: Ring, e2: Ring, e3: Ring) -> Planes {
  return Planes(digits(vec4(e0.x, e1.x, e2.x, e3.x)), digits(vec4(e0.y, e1.y, e2.y, e3.y)));
}

fn load_tiles(term: u32, row: u32, column: u32, inner: u32, thread: u32) {
  let rows = THREADS_M * MICRO_M;
  let columns = THREADS_N * MICRO_N;
  for (var i = thread; i < TILE_WORDS * rows; i += THREADS_M * THREADS_N) {
    let r = select(i % rows, i / TILE_WORDS, job.a_inner_first == 1u);
    let word = select(i / rows, i % TILE_WORDS, job.a_inner_first == 1u);
    let k = inner + 4u * word;
    tile_a[word * rows + r] = planes(
      load_a(term, row + r, k),
      load_a(term, row + r, k + 1u),
      load_a(term, row + r, k + 2u),
      load_a(term, row + r, k + 3u),
    );
  }
  for (var i = thread; i < TILE_WORDS * columns; i += THREADS_M * THREADS_N) {
    let c = select(i % columns, i / TILE_WORDS, job.b_inner_first == 1u);
    let word = select(i / columns, i % TILE_WORDS, job.b_inner_first == 1u);
    let k = inner + 4u * word;
    tile_b[word * columns + c] = planes(
      load_b(term, k, column + c),
      load_b(term, k + 1u, column + c),
      load_b(term, k + 2u, column + c),
      load_b(term, k + 3u, column + c),
    );
  }
}

fn low_diagonals(a: Planes, b: Planes) -> vec4<u32> {
  let p = a.low;
  let q = b.low;
  return vec4(
    dot4U8Packed(p.x, q.x),
    dot4U8Packed(p.x, q.y) + dot4U8Packed(p.y, q.x),
    dot4U8Packed(p.x, q.z) + dot4U8Packed(p.y, q.y) + dot4U8Packed(p.z, q.x),
    dot4U8Packed(p.x, q.w) + dot4U8Packed(p.y, q.z) + dot4U8Packed(p.z, q.y) + dot4U8Packed(p.w, q.x),
  );
}

fn high_diagonals(a: Planes, b: Planes) -> vec4<u32> {
  let p = a.low;
  let q = b.low;
  let s = a.high;
  let t = b.high;
  return vec4(
    dot4U8Packed(p.x, t.x) + dot4U8Packed(p.y, q.w) + dot4U8Packed(p.z, q.z) + dot4U8Packed(p.w, q.y)
      + dot4U8Packed(s.x, q.x),
    dot4U8Packed(p.x, t.y) + dot4U8Packed(p.y, t.x) + dot4U8Packed(p.z, q.w) + dot4U8Packed(p.w, q.z)
      + dot4U8Packed(s.x, q.y) + dot4U8Packed(s.y, q.x),
    dot4U8Packed(p.x, t.z) + dot4U8Packed(p.y, t.y) + dot4U8Packed(p.z, t.x) + dot4U8Packed(p.w, q.w)
      + dot4U8Packed(s.x, q.z) + dot4U8Packed(s.y, q.y) + dot4U8Packed(s.z, q.x),
    dot4U8Packed(p.x, t.w) + dot4U8Packed(p.y, t.z) + dot4U8Packed(p.z, t.y) + dot4U8Packed(p.w, t.x)
      + dot4U8Packed(s.x, q.w) + dot4U8Packed(s.y, q.z) + dot4U8Packed(s.z, q.y) + dot4U8Packed(s.w, q.x),
  );
}

fn folded(low: vec4<u32>, high: vec4<u32>) -> Ring {
  var value = Ring(low.x, high.x + (high.y << 8u) + (high.z << 16u) + (high.w << 24u));
  value = ring_add(value, Ring(low.y << 8u, low.y >> 24u));
  value = ring_add(value, Ring(low.z << 16u, low.z >> 16u));
  return ring_add(value, Ring(low.w << 24u, low.w >> 8u));
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
  let rows = THREADS_M * MICRO_M;
  let columns = THREADS_N * MICRO_N;
  let row = (tile / job.tiles_n) * rows;
  let column = (tile % job.tiles_n) * columns;
  let first = group.z * job.span;
  let end = min(job.k, first + job.span);

  var sums: array<Ring, MICRO_M * MICRO_N>;
  var low: array<vec4<u32>, MICRO_M * MICRO_N>;
  var high: array<vec4<u32>, MICRO_M * MICRO_N>;
  var steps = 0u;
  for (var term = 0u; term < job.terms; term++) {
    for (var inner = first; inner < end; inner += 4u * TILE_WORDS) {
      if (steps + 4u * TILE_WORDS > FOLD_INNER) {
        for (var e = 0u; e < MICRO_M * MICRO_N; e++) {
          sums[e] = ring_add(sums[e], folded(low[e], high[e]));
          low[e] = vec4(0u);
          high[e] = vec4(0u);
        }
        steps = 0u;
      }
      steps += 4u * TILE_WORDS;

      load_tiles(term, row, column, inner, thread);
      workgroupBarrier();
      for (var word = 0u; word < TILE_WORDS; word++) {
        // Rows of one thread are THREADS_M apart, columns THREADS_N: neighbouring threads read neighbouring words.
        for (var j = 0u; j < MICRO_N; j++) {
          let b = tile_b[word * columns + j * THREADS_N + local.x];
          for (var i = 0u; i < MICRO_M; i++) {
            let a = tile_a[word * rows + i * THREADS_M + local.y];
            low[i * MICRO_N + j] += low_diagonals(a, b);
            high[i * MICRO_N + j] += high_diagonals(a, b);
          }
        }
      }
      workgroupBarrier();
    }
  }

  for (var i = 0u; i < MICRO_M; i++) {
    for (var j = 0u; j < MICRO_N; j++) {
      let e = i * MICRO_N + j;
      store(group.z, row + i * THREADS_M + local.y, column + j * THREADS_N + local.x, ring_add(sums[e], folded(low[e], high[e])));
    }
  }
}
