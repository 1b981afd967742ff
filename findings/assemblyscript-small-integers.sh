#!/usr/bin/env bash
# assemblyscript 0.28.20.
#
# Expected by most: in a generic builtin the type is a width, so clz<u8>(1) is 7 and popcnt<i8>(-1) is 8; and a shift
#   of a u8 by 9 places leaves nothing, as it would in C.
# Seen: the two are inconsistent. clz and popcnt of small types count in 32 bits, a shift takes its count modulo the
#   small width, and a conversion from f64 wraps or saturates depending on the value. Same results with -O0 and -O3:
#     clz<u8>(1) = 31
#     popcnt<i8>(-1) = 32
#     rotl<u8>(0x81, 3) = 12
#     255 >> 9 (u8) = 127
#     255 << 8 (u8) = 255
#     <u8>300.7 = 44
#     <u8>-1.0 = 0
# Follows: widen to u32 before counting bits, test the shift count yourself, clamp before casting a float to a small
#   integer.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts assemblyscript@0.28.20
cat > small.ts <<'TS'
export function leading(a: u8): i32 { return clz<u8>(a); }
export function ones(a: i8): i32 { return popcnt<i8>(a); }
export function rotated(a: u8, n: u8): u8 { return rotl<u8>(a, n); }
export function right(a: u8, n: u8): u8 { return a >> n; }
export function left(a: u8, n: u8): u8 { return a << n; }
export function byte(a: f64): u8 { return <u8>a; }
TS
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

for (const level of ['O0', 'O3']) {
  const { instance } = await WebAssembly.instantiate(await readFile(`${level}.wasm`), { env: { abort() {} } });
  const { leading, ones, rotated, right, left, byte } = instance.exports;
  const seen = {
    'clz<u8>(1)': [leading(1), 31],
    'popcnt<i8>(-1)': [ones(-1), 32],
    'rotl<u8>(0x81, 3)': [rotated(0x81, 3), 12],
    '255 >> 9 (u8)': [right(255, 9), 127],
    '255 << 8 (u8)': [left(255, 8), 255],
    '<u8>300.7': [byte(300.7), 44],
    '<u8>-1.0': [byte(-1), 0],
  };
  for (const [name, [found, expected]] of Object.entries(seen)) {
    if (level === 'O0') console.log(`${name} = ${found}`);
    assert.equal(found, expected, `${name} with -${level}`);
  }
}
JS
for level in O0 O3; do npx --no-install asc small.ts "-$level" -o "$level.wasm"; done
node run.mjs
