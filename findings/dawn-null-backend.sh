#!/usr/bin/env bash
# webgpu 0.6.2 (Dawn for Node), `create(['backend=null'])`.
#
# Expected by most: the null backend either refuses to run, or gives zeros; new buffers hold zeros, as the WebGPU
#   standard says.
# Seen: it calls itself "null-backend", does not call itself a fallback adapter, and accepts everything: modules,
#   pipelines, dispatches, copies, maps, all without an error. `writeBuffer` into a buffer that is then mapped does
#   give the bytes back. Copies, clears and kernels do nothing, and a buffer that nobody wrote is not zero but
#   whatever lay in that memory:
#     adapter "null-backend", fallback false
#     written and mapped: 1,2,3,4
#     copied to another buffer: arrives 0 of 20 times
#     cleared buffers that are not zero: 20 of 20
# Follows: it is good for validating shaders and pipelines, and for nothing else. A test on it that compares "no
#   error" passes for any kernel; one that only writes and reads back passes, too. Refuse this adapter by its name
#   where results matter.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts webgpu@0.6.2
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { create, globals } from 'webgpu';

Object.assign(globalThis, globals);
globalThis.gpu = create(['backend=null']); // must not be collected while its device is used
const adapter = await gpu.requestAdapter();
const { device: name, vendor, isFallbackAdapter } = adapter.info;
const title = name || vendor;
console.log(`adapter "${title}", fallback ${isFallbackAdapter}`);
const device = await adapter.requestDevice();
device.pushErrorScope('validation');

const values = new Uint32Array([1, 2, 3, 4]);
const readable = () => device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
const read = async (buffer) => {
  await buffer.mapAsync(GPUMapMode.READ);
  return [...new Uint32Array(buffer.getMappedRange().slice(0))].join();
};

const written = readable();
device.queue.writeBuffer(written, 0, values);
const direct = await read(written);
console.log(`written and mapped: ${direct}`);

let arrived = 0;
let dirty = 0;
const source = device.createBuffer({ size: 16, usage: GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST });
device.queue.writeBuffer(source, 0, values);
for (let i = 0; i < 20; i++) {
  const copied = readable();
  const cleared = readable();
  const encoder = device.createCommandEncoder();
  encoder.copyBufferToBuffer(source, 0, copied, 0, 16);
  encoder.clearBuffer(cleared);
  device.queue.submit([encoder.finish()]);
  if ((await read(copied)) === '1,2,3,4') arrived++;
  if ((await read(cleared)) !== '0,0,0,0') dirty++;
}
console.log(`copied to another buffer: arrives ${arrived} of 20 times`);
console.log(`cleared buffers that are not zero: ${dirty} of 20`);
assert.equal(await device.popErrorScope(), null);
assert.match(title, /null/);
assert.equal(isFallbackAdapter, false);
assert.equal(direct, '1,2,3,4');
assert.equal(arrived, 0);
assert.ok(dirty > 0, 'cleared buffers are zero now');
JS
node run.mjs
