#!/usr/bin/env bash
# webgpu 0.6.2 (Dawn for Node) on SwiftShader, as @sparticuz/chromium 153.0.0 brings it (Linux, x64).
#
# Expected by most: `u32(f)` of a float that is too large gives the largest u32, 4294967295, as in Rust and in
#   WebAssembly's saturating conversion.
# Seen: it gives the largest u32 that a float can hold, 4294967040; i32 gives 2147483520 (and its least value
#   exactly). NaN gives 0. That is what WGSL asks for, so other devices should do the same. Output:
#     u32(4294967296.0) = 4294967040
#     u32(1e20) = 4294967040
#     u32(-1.5) = 0
#     u32(NaN) = 0
#     i32(1e20) = 2147483520
#     i32(-1e20) = -2147483648
#     WebAssembly i32.trunc_sat_f32_u(1e20) = 4294967295
# Follows: a CPU twin of a kernel that saturates at 2^32 − 1 differs in the last 255 values; "== 0xffffffff" never
#   finds an overflow.
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
import { bits, run } from './gpu.mjs';

const values = [2 ** 32, 1e20, -1.5, NaN, 1e20, -1e20];
const unsigned = 'for (var i = 0u; i < 4u; i++) { o[i] = u32(bitcast<f32>(a[i])); }';
const signed = 'for (var i = 4u; i < 6u; i++) { o[i] = bitcast<u32>(i32(bitcast<f32>(a[i]))); }';
const words = await run(`${unsigned} ${signed}`, values.map(bits), 6);
const seen = [...words.slice(0, 4), ...new Int32Array(words.buffer).slice(4)];
const names = ['u32(4294967296.0)', 'u32(1e20)', 'u32(-1.5)', 'u32(NaN)', 'i32(1e20)', 'i32(-1e20)'];
names.forEach((name, i) => console.log(`${name} = ${seen[i]}`));

// (func (export "f") (param f32) (result i32) local.get 0  i32.trunc_sat_f32_u)
const wasm = [0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 125, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 8, 1, 6, 0, 32, 0];
const { instance } = await WebAssembly.instantiate(new Uint8Array([...wasm, 0xfc, 1, 11]));
const saturated = instance.exports.f(1e20) >>> 0;
console.log(`WebAssembly i32.trunc_sat_f32_u(1e20) = ${saturated}`);
assert.deepEqual(seen, [4294967040, 4294967040, 0, 0, 2147483520, -2147483648]);
assert.equal(saturated, 4294967295);
JS
node run.mjs
