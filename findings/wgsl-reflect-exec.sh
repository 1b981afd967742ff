#!/usr/bin/env bash
# wgsl_reflect 1.6.0: WgslExec, which runs WGSL without a GPU.
#
# Expected by most: as its README says, a dispatch gives the bytes that a GPU would give; in particular u32 is an
#   integer modulo 2^32, whose shift to the right brings zeros, as the WGSL standard fixes exactly.
# Seen: u32 is a JavaScript number. Products lose their low bits above 2^53, `>>` is JavaScript's, with the sign; so a
#   rotation, a high word of a product and every common hash come out wrong, while sums, differences and what fits in
#   31 bits are right. A division by 0 gives 0 (the standard: the dividend), and a float too large becomes 0 or keeps
#   32 bits (the standard: the nearest value of the type). Output:
#     a * a of 123456789: 2537071544, by the standard 2537071545
#     a * a of 4294967295: 0, by the standard 1
#     a >> 16 of 4294967295: 4294967295, by the standard 65535
#     rotate 0x9e3779b9 by 7: 4294967247, by the standard 465362127
#     high word of 0xfffffffb * 0xfffffff1: 4294967294, by the standard 4294967276
#     high word of 0x12345678 * 0x23456789: 42080074, by the standard 42080074
#     a / 0 of 7: 0, by the standard 7
#     u32(1e20): 0, by the standard 4294967040
#     u32(-1.5): 4294967295, by the standard 0
# Follows: limb arithmetic and generators can't be debugged with it; small numbers pass, which is worse. Use Dawn on
#   SwiftShader.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts wgsl_reflect@1.6.0
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { WgslExec, WgslParser } from 'wgsl_reflect/wgsl_reflect.module.js';

/** The word that one thread of `body` leaves in o[0], given the words `a`. */
function run(body, words) {
  const code = `@group(0) @binding(0) var<storage> a: array<u32>;
    @group(0) @binding(1) var<storage, read_write> o: array<u32>;
    @compute @workgroup_size(1) fn main() { ${body} }`;
  const output = new Uint32Array(1);
  const machine = new WgslExec(new WgslParser().parse(code));
  machine.dispatchWorkgroups('main', [1, 1, 1], { 0: { 0: new Uint32Array(words), 1: output } });
  return output[0];
}
function check(title, body, words, seen, standard) {
  const result = run(body, words);
  console.log(`${title}: ${result}, by the standard ${standard}`);
  assert.equal(result, seen, title);
}
const bits = (value) => new Uint32Array(new Float32Array([value]).buffer)[0];
const square = (value) => Number((value * value) % 2n ** 32n);
const high = (a, b) => Number((BigInt(a) * BigInt(b)) >> 32n);
const word = 0x9e3779b9;
const halves = `let al = a[0] & 0xffffu; let ah = a[0] >> 16u; let bl = a[1] & 0xffffu; let bh = a[1] >> 16u;
  let m = ah * bl; let k = al * bh; let c = ((al * bl) >> 16u) + (m & 0xffffu) + (k & 0xffffu);
  o[0] = ah * bh + (m >> 16u) + (k >> 16u) + (c >> 16u);`;

check('a * a of 123456789', 'o[0] = a[0] * a[0];', [123456789], 2537071544, square(123456789n));
check('a * a of 4294967295', 'o[0] = a[0] * a[0];', [0xffffffff], 0, square(0xffffffffn));
check('a >> 16 of 4294967295', 'o[0] = a[0] >> 16u;', [0xffffffff], 0xffffffff, 0xffff);
const rotated = ((word << 7) | (word >>> 25)) >>> 0;
check('rotate 0x9e3779b9 by 7', 'o[0] = (a[0] << 7u) | (a[0] >> 25u);', [word], 4294967247, rotated);
const [large, small] = [[0xfffffffb, 0xfffffff1], [0x12345678, 0x23456789]];
check('high word of 0xfffffffb * 0xfffffff1', halves, large, 4294967294, high(...large));
check('high word of 0x12345678 * 0x23456789', halves, small, high(...small), high(...small));
check('a / 0 of 7', 'o[0] = a[0] / a[1];', [7, 0], 0, 7);
check('u32(1e20)', 'o[0] = u32(bitcast<f32>(a[0]));', [bits(1e20)], 0, 4294967040);
check('u32(-1.5)', 'o[0] = u32(bitcast<f32>(a[0]));', [bits(-1.5)], 4294967295, 0);
JS
node run.mjs
