#!/usr/bin/env bash
# webgpu 0.6.2 (Dawn for Node) on SwiftShader, as @sparticuz/chromium 153.0.0 brings it (Linux, x64).
#
# Expected by most: `x != x` is true for a NaN and for nothing else, so it is the test for one (WGSL has no isNan).
# Seen: for a NaN that comes from a buffer, at run time, `x != x` and `x == x` are BOTH false, while `!(x == x)` is
#   true. The NaN itself goes through additions unharmed. Only its bits tell. `min(x, 1)` is 1, `clamp(x, 0, 1)` is 0.
#   Output:
#     x != x: false
#     x == x: false
#     !(x == x): true
#     x != 2: false
#     bits above those of infinity: true
#     min(x, 1) = 1, clamp(x, 0, 1) = 0
# Follows: find NaN by its bits, `(bitcast<u32>(x) & 0x7fffffff) > 0x7f800000`. WGSL lets a device assume that there
#   is none, so a loss that became NaN can pass every comparison, and clamp turns it into an honest-looking number.
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
import { bits, float, run } from './gpu.mjs';

const tests = {
  'x != x': false,
  'x == x': false,
  '!(x == x)': true,
  'x != 2': false,
  'bits above those of infinity': true,
};
const body = `let x = bitcast<f32>(a[0]);
  o[0] = u32(x != x); o[1] = u32(x == x); o[2] = u32(!(x == x)); o[3] = u32(x != bitcast<f32>(a[1]));
  o[4] = u32((a[0] & 0x7fffffffu) > 0x7f800000u);
  o[5] = bitcast<u32>(min(x, 1.0)); o[6] = bitcast<u32>(clamp(x, 0.0, 1.0)); o[7] = bitcast<u32>(x + 1.0);`;
const seen = await run(body, [bits(NaN), bits(2)], 8);
Object.keys(tests).forEach((name, i) => console.log(`${name}: ${seen[i] === 1}`));
console.log(`min(x, 1) = ${float(seen[5])}, clamp(x, 0, 1) = ${float(seen[6])}`);
Object.entries(tests).forEach(([name, expected], i) => assert.equal(seen[i] === 1, expected, name));
assert.equal(float(seen[5]), 1);
assert.equal(float(seen[6]), 0);
assert.ok(Number.isNaN(float(seen[7])));
JS
node run.mjs
