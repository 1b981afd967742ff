/**
 * Tier (c), steps 2 and 3: the multiply kernel of a variant as WGSL text. Text, because a subgroup matrix can be indexed by nothing (no
 * array of them survives in registers unless every index is a constant), and WGSL has no unrolled loops: the products and
 * accumulators are written out here, in the order of PRODUCTS. Twin: test/webgpu/subgroupTwin.ts.
 *
 * Dawn's grammar, as of webgpu 0.6.2: matrix types are <component, columns, rows>; the majorness is a template argument of load and
 * store; offset and stride count elements of the array, here vectors of 16 bytes, whatever the matrix holds; both must be
 * subgroup-uniform. The x size of the workgroup must be a multiple of the device's largest subgroup.
 *
 * Bindings: 0 uniform (multiplyUniform), 1 planes of A, 2 planes of B, 3 addend (m,n), 4 out (parts,m,n).
 */
import {
  LIMBS,
  PRODUCTS,
  VECTOR,
  blockTiles,
  fragmentStrides,
  stagedLayout,
  workgroupSize,
  type FragmentStrides,
  type SubgroupVariant,
} from './subgroupPlan.ts';

export function multiplyShader(variant: SubgroupVariant): string {
  const { shape, subgroups, tiles, staged } = variant;
  const { M, N, K } = shape;
  const [blockRows, blockColumns] = blockTiles(variant);
  const layout = stagedLayout(variant);
  const size = workgroupSize(variant);
  return `\
enable subgroups;
enable chromium_experimental_subgroup_matrix;

struct Shape {
  rows : u32,
  columns : u32,
  // Steps of a term, of all terms, and of a part.
  steps : u32,
  all_steps : u32,
  span : u32,
  has_addend : u32,
  // Strides of the planes, in vectors.
  left_term : u32,
  left_tile : u32,
  right_term : u32,
  right_tile : u32,
}

@group(0) @binding(0) var<uniform> shape : Shape;
@group(0) @binding(1) var<storage, read> left_planes : array<vec4<u32>>;
@group(0) @binding(2) var<storage, read> right_planes : array<vec4<u32>>;
// Any buffer where there is none.
@group(0) @binding(3) var<storage, read> addend : array<vec2<u32>>;
@group(0) @binding(4) var<storage, read_write> out : array<vec2<u32>>;

alias Left = subgroup_matrix_left<u8, ${K}, ${M}>;
alias Right = subgroup_matrix_right<u8, ${N}, ${K}>;
alias Result = subgroup_matrix_result<u32, ${N}, ${M}>;

${staged ? '// Operands of one step; after the last, diagonals.' : '// Diagonals of one tile a subgroup.'}
var<workgroup> memory : array<vec4<u32>, ${layout.vectors}>;

// Four neighbouring values of 64 bits.
struct Sum {
  low : vec4<u32>,
  high : vec4<u32>,
}

fn add(sum : Sum, low : vec4<u32>, high : vec4<u32>) -> Sum {
  let total = sum.low + low;
  return Sum(total, sum.high + high + select(vec4<u32>(0u), vec4<u32>(1u), total < low));
}

fn write(sum : Sum, part : u32, row : u32, column : u32) {
  if (row >= shape.rows) {
    return;
  }
  for (var i = 0u; i < 4u && column + i < shape.columns; i++) {
    let at = (part * shape.rows + row) * shape.columns + column + i;
    var value = vec2<u32>(sum.low[i], sum.high[i]);
    if (shape.has_addend != 0u) {
      let more = addend[at];
      let low = value.x + more.x;
      value = vec2<u32>(low, value.y + more.y + select(0u, 1u, low < value.x));
    }
    out[at] = value;
  }
}

@compute @workgroup_size(${size})
fn main(
  @builtin(workgroup_id) group : vec3<u32>,
  @builtin(local_invocation_index) lane : u32,
  @builtin(subgroup_id) subgroup : u32,
) {
  // The part's steps, counted through all terms.
  let begin = group.z * shape.span;
  let end = min(begin + shape.span, shape.all_steps);
  // First tiles of the block, and of the subgroup within it.
  let block_row = group.y * ${blockRows}u;
  let block_column = group.x * ${blockColumns}u;
  let tile_row = subgroup / ${subgroups[1]}u * ${tiles[0]}u;
  let tile_column = subgroup % ${subgroups[1]}u * ${tiles[1]}u;

${eachTile(variant, (row, column) => range(LIMBS).map((d) => `  var ${accumulator(row, column, d)} : Result;`))}

${staged ? stagedLoop(variant) : directLoop(variant)}

${eachTile(variant, (row, column) => recombine(variant, row, column))}
}
`;
}

function range(length: number): number[] {
  return Array.from({ length }, (_, index) => index);
}

function eachTile({ tiles }: SubgroupVariant, lines: (row: number, column: number) => string[]): string {
  return range(tiles[0])
    .flatMap((row) => range(tiles[1]).flatMap((column) => lines(row, column)))
    .join('\n');
}

function accumulator(row: number, column: number, diagonal: number): string {
  return `sum_${row}_${column}_${diagonal}`;
}

/** Step 2 with loads from storage. Subgroups of a block read the same fragments at about the same time; the cache is to serve them. */
function directLoop(variant: SubgroupVariant): string {
  const { shape, tiles } = variant;
  const left = fragmentStrides(shape.M, shape.K);
  const right = fragmentStrides(shape.N, shape.K);
  const products = multiplyTiles(
    variant,
    (row, limb) => load('Left', 'row_major', 'left_planes', `left_${row}`, limb, left),
    (column, limb) => load('Right', 'col_major', 'right_planes', `right_${column}`, limb, right),
  );
  return `\
  for (var at = begin; at < end; at++) {
    let term = at / shape.steps;
    let step = at % shape.steps;
    let left_at = term * shape.left_term + step * ${left.step}u;
    let right_at = term * shape.right_term + step * ${right.step}u;
${range(tiles[0])
  .map((row) => `    let left_${row} = left_at + (block_row + tile_row + ${row}u) * shape.left_tile;`)
  .join('\n')}
${range(tiles[1])
  .map((column) => `    let right_${column} = right_at + (block_column + tile_column + ${column}u) * shape.right_tile;`)
  .join('\n')}
${products}
  }`;
}

/** Step 2 through workgroup memory. The next step's vectors are fetched into registers while this one's are multiplied. */
function stagedLoop(variant: SubgroupVariant): string {
  const { shape, tiles } = variant;
  const { left, right, rightBase } = stagedLayout(variant);
  const [blockRows, blockColumns] = blockTiles(variant);
  const size = workgroupSize(variant);
  const copies = [
    ...stageCopies('left', 'block_row', blockRows, shape.M, shape.K, left, 0, size),
    ...stageCopies('right', 'block_column', blockColumns, shape.N, shape.K, right, rightBase, size),
  ];
  const fetch = (step: string): string => `\
    {
      let term = (${step}) / shape.steps;
      let step = (${step}) % shape.steps;
${copies.map(({ fetch }) => `      ${fetch}`).join('\n')}
    }`;
  const products = multiplyTiles(
    variant,
    (row, limb) => load('Left', 'row_major', 'memory', `left_${row}`, limb, left),
    (column, limb) => load('Right', 'col_major', 'memory', `right_${column}`, limb, right),
  );
  return `\
${copies.map(({ name }) => `  var ${name} : vec4<u32>;`).join('\n')}
${fetch('begin')}
${range(tiles[0])
  .map((row) => `  let left_${row} = (tile_row + ${row}u) * ${left.step}u;`)
  .join('\n')}
${range(tiles[1])
  .map((column) => `  let right_${column} = ${rightBase}u + (tile_column + ${column}u) * ${right.step}u;`)
  .join('\n')}
  for (var at = begin; at < end; at++) {
    // All subgroups have read the step before.
    workgroupBarrier();
${copies.map(({ store }) => `    ${store}`).join('\n')}
    workgroupBarrier();
    if (at + 1u < end) {
${fetch('at + 1u')}
    }
${products}
  }
  // Diagonals go where operands were.
  workgroupBarrier();`;
}

/** The vectors that one lane carries from an operand's planes to workgroup memory, `size` lanes apart. */
function stageCopies(
  side: 'left' | 'right',
  block: string,
  tiles: number,
  outer: number,
  inner: number,
  target: FragmentStrides,
  base: number,
  size: number,
): { readonly name: string; readonly fetch: string; readonly store: string }[] {
  const dense = fragmentStrides(outer, inner);
  const total = tiles * dense.step;
  if (total % size !== 0) throw new RangeError(`subgroup matrices: ${total} vectors do not divide among ${size} lanes`);
  return range(total / size).map((index) => {
    const item = `(lane + ${index * size}u)`;
    const tile = `${item} / ${dense.step}u`;
    const offset = `${item} % ${dense.step}u`;
    const from = `term * shape.${side}_term + (${block} + ${tile}) * shape.${side}_tile + step * ${dense.step}u + ${offset}`;
    const to = `${base}u + ${tile} * ${target.step}u + ${offset} / ${dense.row}u * ${target.row}u + ${item} % ${dense.row}u`;
    const name = `next_${side}_${index}`;
    return { name, fetch: `${name} = ${side}_planes[${from}];`, store: `memory[${to}] = ${name};` };
  });
}

function load(type: string, majorness: string, from: string, base: string, limb: number, of: FragmentStrides): string {
  return `subgroupMatrixLoad<${type}, ${majorness}>(&${from}, ${base} + ${limb * of.limb}u, ${of.row}u)`;
}

/** All products of one step. Right fragments stay in registers, left ones pass by: each is loaded once. */
function multiplyTiles(
  { tiles }: SubgroupVariant,
  loadLeft: (row: number, limb: number) => string,
  loadRight: (column: number, limb: number) => string,
): string {
  const lines: string[] = [];
  for (const column of range(tiles[1])) {
    for (const limb of range(LIMBS)) lines.push(`let b_${column}_${limb} = ${loadRight(column, limb)};`);
  }
  for (const row of range(tiles[0])) {
    for (const limb of range(LIMBS)) {
      const a = `a_${row}_${limb}`;
      lines.push(`let ${a} = ${loadLeft(row, limb)};`);
      for (const column of range(tiles[1])) {
        for (const { right, diagonal } of PRODUCTS.filter(({ left }) => left === limb)) {
          const sum = accumulator(row, column, diagonal);
          lines.push(`${sum} = subgroupMatrixMultiplyAccumulate(${a}, b_${column}_${right}, ${sum});`);
        }
      }
    }
  }
  return lines.map((line) => `    ${line}`).join('\n');
}

/**
 * Step 3 for one tile of every subgroup: Σ_d 2^{8d} D_d. A result matrix has no elements that code could read, so each diagonal is
 * stored in workgroup memory, and lanes take vectors from there, whichever subgroup's: how a matrix lies in lanes does not matter.
 */
function recombine(variant: SubgroupVariant, row: number, column: number): string[] {
  const { shape, subgroups, tiles } = variant;
  const { diagonal } = stagedLayout(variant);
  const size = workgroupSize(variant);
  const rowVectors = shape.N / (VECTOR / 4);
  const share = range(Math.ceil((subgroups[0] * subgroups[1] * diagonal) / size));
  const lines = [`  {`, ...share.map((q) => `    var value_${q} : Sum;`)];
  for (const d of range(LIMBS)) {
    const matrix = accumulator(row, column, d);
    lines.push(`    subgroupMatrixStore<row_major>(&memory, subgroup * ${diagonal}u, ${matrix}, ${rowVectors}u);`);
    lines.push('    workgroupBarrier();');
    for (const q of share) {
      const vector = `memory[lane + ${q * size}u]`;
      lines.push(`    value_${q} = add(value_${q}, ${shifted(vector, 8 * d).join(', ')});`);
    }
    lines.push('    workgroupBarrier();');
  }
  for (const q of share) {
    const item = `(lane + ${q * size}u)`;
    const owner = `${item} / ${diagonal}u`;
    const vector = `${item} % ${diagonal}u`;
    const rowTile = `(block_row + ${owner} / ${subgroups[1]}u * ${tiles[0]}u + ${row}u)`;
    const columnTile = `(block_column + ${owner} % ${subgroups[1]}u * ${tiles[1]}u + ${column}u)`;
    const toRow = `${rowTile} * ${shape.M}u + ${vector} / ${rowVectors}u`;
    const toColumn = `${columnTile} * ${shape.N}u + ${item} % ${rowVectors}u * ${VECTOR / 4}u`;
    lines.push(`    write(value_${q}, group.z, ${toRow}, ${toColumn});`);
  }
  return [...lines, '  }'];
}

/** The words of 2^bits · vector, bits < 64. A shift by 32 is none in WGSL, so the cases are apart. */
function shifted(vector: string, bits: number): [low: string, high: string] {
  const by = (operator: string, amount: number): string => `${vector} ${operator} vec4<u32>(${amount}u)`;
  if (bits === 0) return [vector, 'vec4<u32>(0u)'];
  if (bits < 32) return [by('<<', bits), by('>>', 32 - bits)];
  return ['vec4<u32>(0u)', by('<<', bits - 32)];
}
