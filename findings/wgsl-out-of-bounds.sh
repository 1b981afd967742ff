#!/usr/bin/env bash
# webgpu 0.6.2 (Dawn for Node) on SwiftShader, as @sparticuz/chromium 153.0.0 brings it (Linux, x64).
#
# Expected by most: an index beyond the end of an array reads 0 and writes nothing, or is an error.
# Seen: the index is brought back to the last element. Reads give the LAST element, writes OVERWRITE it, in storage
#   buffers and in arrays and vectors of a function alike; an index of −1 is the last element, too. No error, no
#   warning. Output:
#     storage of 4: a[100] = 13, a[4] = 13
#     after o[100] = 7, o = 0,0,7
#     local array 1,2,3,4: t[100] = 4, t[-1] = 4; after t[100] = 9, t[3] = 9
#     vec4u(1, 2, 3, 4)[100] = 4
# Follows: a kernel without its bounds check works on whole tiles and spoils exactly one element of the others, the
#   last, with a value that depends on which thread came last. Test shapes that are no multiple of the tile, and
#   compare the last element. The standard leaves the choice to the device: another may read 0.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts webgpu@0.6.2 @sparticuz/chromium@153.0.0
node -e 'process.stdout.write(zlib.brotliDecompressSync(fs.readFileSync("node_modules/@sparticuz/chromium/bin/swiftshader.tar.br")))' |
  tar x
export VK_ICD_FILENAMES="$dir/vk_swiftshader_icd.json" LD_LIBRARY_PATH="$dir"
cat > gpu.mjs <<'JS'
import { create, globals } from 'webgpu';

Object.assign(globalThis, globals);
globalThis.gpu = create(['adapter=SwiftShader']); // must not be collected while its device is used
const adapter = await gpu.requestAdapter();
const device = await adapter.requestDevice();

/** Runs one thread of `body` on `a`, an array of u32, and gives the `length` words it left in `o`. */
export async function run(body, words, length) {
  const usage = GPUBufferUsage;
  const input = device.createBuffer({ size: words.length * 4, usage: usage.STORAGE | usage.COPY_DST });
  const output = device.createBuffer({ size: length * 4, usage: usage.STORAGE | usage.COPY_SRC });
  const result = device.createBuffer({ size: length * 4, usage: usage.MAP_READ | usage.COPY_DST });
  device.queue.writeBuffer(input, 0, new Uint32Array(words));
  const code = `@group(0) @binding(0) var<storage> a: array<u32>;
    @group(0) @binding(1) var<storage, read_write> o: array<u32>;
    @compute @workgroup_size(1) fn main() { ${body} }`;
  const compute = { module: device.createShaderModule({ code }) };
  const pipeline = await device.createComputePipelineAsync({ layout: 'auto', compute });
  const entries = [input, output].map((buffer, binding) => ({ binding, resource: { buffer } }));
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
  pass.dispatchWorkgroups(1);
  pass.end();
  encoder.copyBufferToBuffer(output, 0, result, 0, length * 4);
  device.queue.submit([encoder.finish()]);
  await result.mapAsync(GPUMapMode.READ);
  return new Uint32Array(result.getMappedRange().slice(0));
}

/** The bits of a float, and the float of bits. */
export const bits = (value) => new Uint32Array(new Float32Array([value]).buffer)[0];
export const float = (word) => new Float32Array(new Uint32Array([word]).buffer)[0];
JS
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { run } from './gpu.mjs';

const words = [100, 4, 0xffffffff, 13];
const reads = await run('o[0] = a[a[0]]; o[1] = a[a[1]];', words, 2);
console.log(`storage of 4: a[100] = ${reads[0]}, a[4] = ${reads[1]}`);
const writes = await run('o[a[0]] = 7u;', words, 3);
console.log(`after o[100] = 7, o = ${writes}`);
const local = await run(
  'var t = array(1u, 2u, 3u, 4u); o[0] = t[a[0]]; o[1] = t[bitcast<i32>(a[2])]; t[a[0]] = 9u; o[2] = t[3];',
  words,
  3,
);
console.log(`local array 1,2,3,4: t[100] = ${local[0]}, t[-1] = ${local[1]}; after t[100] = 9, t[3] = ${local[2]}`);
const vector = await run('var v = vec4u(1u, 2u, 3u, 4u); o[0] = v[a[0]];', words, 1);
console.log(`vec4u(1, 2, 3, 4)[100] = ${vector[0]}`);
assert.deepEqual([...reads], [13, 13]);
assert.deepEqual([...writes], [0, 0, 7]);
assert.deepEqual([...local], [4, 4, 9]);
assert.equal(vector[0], 4);
JS
node run.mjs
