#!/usr/bin/env bash
# webgpu-utils 2.1.1 (npm), Node 24.21.0 (it needs Float16Array), Linux.
#
# Expected by most: a view of a WGSL struct writes each value as the field's type and at its place, and throws for a
#   value or a name that does not fit.
# Seen: an f16 field is written as a whole number, 1.5 as the bits 1, which the shader reads as 6e-8, while vectors of
#   f16 are right. Numbers without the padding of WGSL go one after the other, so nine for a mat3x3f or for three vec3f
#   are other matrices; nested lists are padded. A number for a vector and a name that is none write nothing, and -1 or
#   1e10 for a u32 wrap. No error. Output (32-bit words as floats, but for f16 and u32):
#     f16 of 1.5: bits 1
#     vec3h of 1.5, 2, 3: bits 15872,16384,16896
#     mat3x3f of 1 to 9: 1,2,3,4,5,6,7,8,9,0,0,0
#     mat3x3f of [1, 2, 3], [4, 5, 6], [7, 8, 9]: 1,2,3,0,4,5,6,0,7,8,9,0
#     array<vec3f, 2> of 1 to 6: 1,2,3,4,5,6,0,0
#     vec3f of 1: 0,0,0
#     u32 of 1e10: 1410065408
#     u32 of -1: 4294967295
#     a field that is none: 24 words of 0
# Follows: nest vectors and columns, or pad; write f16 scalars by a DataView's setFloat16.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
node24=node-linux-$(node -p process.arch)@24.21.0
npm install --silent --no-audit --no-fund --ignore-scripts webgpu-utils@2.1.1 "$node24"
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';

globalThis.GPUShaderStage ??= { VERTEX: 1, FRAGMENT: 2, COMPUTE: 4 }; // as in browsers
const { makeShaderDataDefinitions, makeStructuredView } = await import('webgpu-utils');
const { storages } = makeShaderDataDefinitions(`
  enable f16;
  struct Half { scalar: f16, vector: vec3h }
  struct Single { matrix: mat3x3f, vectors: array<vec3f, 2>, vector: vec3f, count: u32 }
  @group(0) @binding(0) var<storage> half: Half;
  @group(0) @binding(1) var<storage> single: Single;
`);

function words(name, value, kind, from, to) {
  const view = makeStructuredView(storages[name]);
  view.set(value);
  return [...new kind(view.arrayBuffer)].slice(from, to);
}

function check(title, name, value, kind, range, expected) {
  const seen = words(name, value, kind, ...range).join();
  console.log(`${title}: ${kind === Uint16Array ? 'bits ' : ''}${seen}`);
  assert.equal(seen, expected);
}

const numbers = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const nested = [numbers.slice(0, 3), numbers.slice(3, 6), numbers.slice(6)];
check('f16 of 1.5', 'half', { scalar: 1.5 }, Uint16Array, [0, 1], '1');
check('vec3h of 1.5, 2, 3', 'half', { vector: [1.5, 2, 3] }, Uint16Array, [4, 7], '15872,16384,16896');
check('mat3x3f of 1 to 9', 'single', { matrix: numbers }, Float32Array, [0, 12], '1,2,3,4,5,6,7,8,9,0,0,0');
const title = 'mat3x3f of [1, 2, 3], [4, 5, 6], [7, 8, 9]';
check(title, 'single', { matrix: nested }, Float32Array, [0, 12], '1,2,3,0,4,5,6,0,7,8,9,0');
const flat = { vectors: numbers.slice(0, 6) };
check('array<vec3f, 2> of 1 to 6', 'single', flat, Float32Array, [12, 20], '1,2,3,4,5,6,0,0');
check('vec3f of 1', 'single', { vector: 1 }, Float32Array, [20, 23], '0,0,0');
check('u32 of 1e10', 'single', { count: 1e10 }, Uint32Array, [23, 24], '1410065408');
check('u32 of -1', 'single', { count: -1 }, Uint32Array, [23, 24], '4294967295');
const unknown = words('single', { Count: 1 }, Uint32Array, 0, 24);
console.log(`a field that is none: ${unknown.length} words of 0`);
assert(unknown.every((word) => word === 0));
JS
node_modules/node-linux-*/bin/node run.mjs
