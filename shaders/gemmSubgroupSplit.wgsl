// Tier (c), step 1: a matrix over Z_{2^64} as eight byte planes in fragments (runtime/webgpu/subgroupPlan.ts), padded with zeros.
// One invocation writes a vector (16 inner indices of one outer index) of each of the eight limbs. Twin: test/webgpu/subgroupTwin.ts.

struct Split {
  outer : u32,
  inner : u32,
  // Elements between outer and between inner neighbours in the source.
  outer_stride : u32,
  inner_stride : u32,
  // Steps of a term, and invocations in all.
  steps : u32,
  items : u32,
  // Where the term's planes begin, and their strides, in vectors.
  base : u32,
  tile_stride : u32,
  step_stride : u32,
  limb_stride : u32,
  row_stride : u32,
  unused : u32,
}

@group(0) @binding(0) var<uniform> split : Split;
@group(0) @binding(1) var<storage, read> source : array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> planes : array<vec4<u32>>;

// Outer indices of a fragment, and vectors of one of them.
override TILE : u32;
override ROW_VECTORS : u32;

const SIZE = 128u;

fn element(outer : u32, inner : u32) -> vec2<u32> {
  if (outer >= split.outer || inner >= split.inner) {
    return vec2<u32>(0u);
  }
  return source[outer * split.outer_stride + inner * split.inner_stride];
}

// The low words of four inner neighbours, then their high words.
struct Quad {
  low : vec4<u32>,
  high : vec4<u32>,
}

fn quad(outer : u32, inner : u32) -> Quad {
  let a = element(outer, inner);
  let b = element(outer, inner + 1u);
  let c = element(outer, inner + 2u);
  let d = element(outer, inner + 3u);
  return Quad(vec4<u32>(a.x, b.x, c.x, d.x), vec4<u32>(a.y, b.y, c.y, d.y));
}

@compute @workgroup_size(SIZE)
fn main(
  @builtin(workgroup_id) group : vec3<u32>,
  @builtin(num_workgroups) groups : vec3<u32>,
  @builtin(local_invocation_index) lane : u32,
) {
  let item = (group.y * groups.x + group.x) * SIZE + lane;
  if (item >= split.items) {
    return;
  }
  let vector = item % ROW_VECTORS;
  let row = item / ROW_VECTORS % TILE;
  let fragment = item / (ROW_VECTORS * TILE);
  let step = fragment % split.steps;
  let tile = fragment / split.steps;

  let outer = tile * TILE + row;
  let inner = (step * ROW_VECTORS + vector) * 16u;
  let a = quad(outer, inner);
  let b = quad(outer, inner + 4u);
  let c = quad(outer, inner + 8u);
  let d = quad(outer, inner + 12u);

  let at = split.base + tile * split.tile_stride + step * split.step_stride + row * split.row_stride + vector;
  for (var limb = 0u; limb < 4u; limb++) {
    // pack4xU8 keeps the low byte of each component.
    let shift = vec4<u32>(8u * limb);
    planes[at + limb * split.limb_stride] = vec4<u32>(
      pack4xU8(a.low >> shift), pack4xU8(b.low >> shift), pack4xU8(c.low >> shift), pack4xU8(d.low >> shift));
    planes[at + (limb + 4u) * split.limb_stride] = vec4<u32>(
      pack4xU8(a.high >> shift), pack4xU8(b.high >> shift), pack4xU8(c.high >> shift), pack4xU8(d.high >> shift));
  }
}
