// Tier (c), step 1: one side of a product over Z_{2^64} as eight byte planes in fragments (runtime/webgpu/subgroupPlan.ts), padded with
// zeros. One invocation writes a vector (16 inner indices of one outer index) of each of the eight limbs. Elements come through load_a and
// load_b of the operands that are included before. Twin: test/webgpu/subgroupTwin.ts.

struct Planes {
  // Steps of a term, invocations of a term and of all, and workgroups across the grid.
  steps: u32,
  term_items: u32,
  items: u32,
  grid_width: u32,
  // Strides of the planes, in vectors.
  term_stride: u32,
  tile_stride: u32,
  step_stride: u32,
  limb_stride: u32,
}

@group(0) @binding(8) var<uniform> plan: Planes;
@group(0) @binding(9) var<storage, read_write> planes: array<vec4<u32>>;

// 0: the rows of A, 1: the columns of B.
override SIDE: u32;
// Outer indices of a fragment, and vectors of one of them.
override TILE: u32;
override ROW_VECTORS: u32;

const SIZE = 128u;

fn element(term: u32, outer: u32, inner: u32) -> Ring {
  if (SIDE == 0u) {
    return load_a(term, outer, inner);
  }
  return load_b(term, inner, outer);
}

// The low words of four inner neighbours, then their high words.
struct Quad {
  low: vec4<u32>,
  high: vec4<u32>,
}

fn quad(term: u32, outer: u32, inner: u32) -> Quad {
  let a = element(term, outer, inner);
  let b = element(term, outer, inner + 1u);
  let c = element(term, outer, inner + 2u);
  let d = element(term, outer, inner + 3u);
  return Quad(vec4<u32>(a.x, b.x, c.x, d.x), vec4<u32>(a.y, b.y, c.y, d.y));
}

// The low byte of each component of the four, by memory order.
fn bytes_of(a: vec4<u32>, b: vec4<u32>, c: vec4<u32>, d: vec4<u32>, shift: u32) -> vec4<u32> {
  let by = vec4<u32>(shift);
  return vec4<u32>(pack4xU8(a >> by), pack4xU8(b >> by), pack4xU8(c >> by), pack4xU8(d >> by));
}

@compute @workgroup_size(SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let item = (group.y * plan.grid_width + group.x) * SIZE + lane;
  if (item >= plan.items) {
    return;
  }
  let term = item / plan.term_items;
  let of_term = item % plan.term_items;
  let vector = of_term % ROW_VECTORS;
  let row = of_term / ROW_VECTORS % TILE;
  let fragment = of_term / (ROW_VECTORS * TILE);
  let step = fragment % plan.steps;
  let tile = fragment / plan.steps;

  let outer = tile * TILE + row;
  let inner = (step * ROW_VECTORS + vector) * 16u;
  let a = quad(term, outer, inner);
  let b = quad(term, outer, inner + 4u);
  let c = quad(term, outer, inner + 8u);
  let d = quad(term, outer, inner + 12u);

  let at = term * plan.term_stride + tile * plan.tile_stride + step * plan.step_stride + row * ROW_VECTORS + vector;
  for (var limb = 0u; limb < 4u; limb++) {
    planes[at + limb * plan.limb_stride] = bytes_of(a.low, b.low, c.low, d.low, 8u * limb);
    planes[at + (limb + 4u) * plan.limb_stride] = bytes_of(a.high, b.high, c.high, d.high, 8u * limb);
  }
}
