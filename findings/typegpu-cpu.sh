#!/usr/bin/env bash
# typegpu 0.12.5 (npm): its data types and standard functions, called in JavaScript.
#
# Expected by most: a function of typegpu gives the same on the CPU as in the shader that it is compiled to, up to
#   roundings of floats: u32 is modulo 2^32, what is too large is converted as WGSL does.
# Seen: vectors of integers wrap, numbers do not, though they come from d.u32: a sum is 2^32, a product loses its low
#   digits, and dot of integer vectors is a plain number as well. Products of vectors are rounded to 53 bits before they
#   are reduced, so 4294967295 squared is 0, where WGSL and Math.imul give 1. Numbers that are too large wrap, where
#   WGSL takes the nearest of the type. f16 is infinite beyond 65504. Output:
#     add of u32 4294967295, 1: 4294967296; of vectors 0
#     mul of u32 4294967295, 4294967295: 18446744065119617000; of vectors 0
#     mul of i32 2147483647, 2147483647: 4611686014132420600; of vectors 0
#     mul of u32 65537, 65537: 4295098369; of vectors 131073
#     dot of vec2i (2147483647, 2147483647), (2, 2): 8589934588
#     abs of i32 -2147483648: 2147483648; of vectors -2147483648
#     u32(1e20), i32(3e9): 1661992960, -1294967296
# Follows: do hashes, random numbers and rings with Math.imul and >>> 0, or with vectors and halves of 16 bits; clamp
#   before a conversion.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts typegpu@0.12.5
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import * as d from 'typegpu/data';
import * as std from 'typegpu/std';

function check(title, seen, expected) {
  console.log(`${title}: ${seen}`);
  assert.equal(seen, expected);
}

function both(name, kind, values, expected) {
  const single = std[name](...values.map((value) => d[kind](value)));
  const vector = std[name](...values.map((value) => d[`vec2${kind[0]}`](value, value)));
  check(`${name} of ${kind} ${values.join(', ')}`, `${single}; of vectors ${vector.x}`, expected);
}

const top = 2 ** 32 - 1;
both('add', 'u32', [top, 1], '4294967296; of vectors 0');
both('mul', 'u32', [top, top], '18446744065119617000; of vectors 0');
assert.equal(Math.imul(top, top), 1);
both('mul', 'i32', [2 ** 31 - 1, 2 ** 31 - 1], '4611686014132420600; of vectors 0');
both('mul', 'u32', [65537, 65537], '4295098369; of vectors 131073');
const dot = std.dot(d.vec2i(2 ** 31 - 1, 2 ** 31 - 1), d.vec2i(2, 2));
check('dot of vec2i (2147483647, 2147483647), (2, 2)', String(dot), '8589934588');
both('abs', 'i32', [-(2 ** 31)], '2147483648; of vectors -2147483648');
const converted = [d.u32(1e20), d.i32(3e9)];
check('u32(1e20), i32(3e9)', converted.join(', '), '1661992960, -1294967296');
JS
node run.mjs
