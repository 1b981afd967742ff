#!/usr/bin/env bash
# webgpu 0.6.2 (Dawn for Node) on SwiftShader, as @sparticuz/chromium 153.0.0 brings it (Linux, x64).
#
# Expected by most: `pow` of small whole numbers is exact, at least for the power 1; `fma` rounds once, that is what
#   it is for.
# Seen: pow(3, 1) is 3.0000002384185791, and most whole powers of 3 from 3^6 on are wrong, some below and some above
#   the truth; exp2 of whole numbers is exact. fma rounds twice: with x = 1 + 2^-12, fma(x, x, -(1 + 2^-11)) is 0, the
#   exact 2^-24 is lost. Output:
#     pow(3, 1) = 3.000000238418579
#     pow(3, 6) = 729.0001831054688, pow(3, 7) = 2186.99951171875
#     exp2(23) = 8388608
#     fma(x, x, -(1 + 2^-11)) = 0, exact 5.960464477539063e-8
# Follows: never turn pow's result into an integer by truncation, and build no error-free transformation (two-product,
#   compensated sums) on fma: WGSL allows x·y + z with two roundings. Whole powers of 2 by shifting exponent bits.
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

const x = 1 + 2 ** -12;
const body = `let three = bitcast<f32>(a[0]);
  o[0] = bitcast<u32>(pow(three, 1.0 * bitcast<f32>(a[1]))); o[1] = bitcast<u32>(pow(three, 6.0 * bitcast<f32>(a[1])));
  o[2] = bitcast<u32>(pow(three, 7.0 * bitcast<f32>(a[1]))); o[3] = bitcast<u32>(exp2(bitcast<f32>(a[2])));
  o[4] = bitcast<u32>(fma(bitcast<f32>(a[3]), bitcast<f32>(a[3]), -bitcast<f32>(a[4])));`;
const words = await run(body, [3, 1, 23, x, 1 + 2 ** -11].map(bits), 5);
const [first, sixth, seventh, power, fused] = [...words].map(float);
console.log(`pow(3, 1) = ${first}`);
console.log(`pow(3, 6) = ${sixth}, pow(3, 7) = ${seventh}`);
console.log(`exp2(23) = ${power}`);
console.log(`fma(x, x, -(1 + 2^-11)) = ${fused}, exact ${x * x - (1 + 2 ** -11)}`);
assert.ok(first !== 3 && Math.abs(first - 3) < 1e-5);
assert.ok(sixth > 729);
assert.ok(seventh < 2187);
assert.equal(power, 2 ** 23);
assert.equal(fused, 0);
JS
node run.mjs
