#!/usr/bin/env bash
# long 5.3.2 (the 64-bit integers of protobufjs, onnx-proto and others).
#
# Expected by most: -1 as an unsigned number is 2^64 - 1 whichever way it is made; and a text that is no number is
#   refused.
# Seen: four ways give three answers; and fromString cuts the text into pieces of eight characters, reads each with
#   parseInt and takes a piece that is no number for 0, so letters end a number or vanish from its middle. What is too
#   large wraps. Output:
#     -1 unsigned: fromNumber 0, fromInt 4294967295, fromString 18446744073709551615, fromBigInt 18446744073709551615
#     fromString("12abc") = 12
#     fromString("1e3") = 1
#     fromString("123456789abc") = 123456780009
#     fromString("abc") = 0
#     fromString("99999999999999999999") = 7766279631452241919
# Follows: check digits and range before, or use BigInt, which refuses each of these texts; never pass -1 for "all
#   bits".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts long@5.3.2
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import Long from 'long';

const minus = {
  fromNumber: Long.fromNumber(-1, true),
  fromInt: Long.fromInt(-1, true),
  fromString: Long.fromString('-1', true),
  fromBigInt: Long.fromBigInt(-1n, true),
};
const made = Object.entries(minus).map(([way, value]) => `${way} ${value}`).join(', ');
console.log(`-1 unsigned: ${made}`);
assert.equal(
  made,
  'fromNumber 0, fromInt 4294967295, fromString 18446744073709551615, fromBigInt 18446744073709551615',
);
const texts = {
  '12abc': '12',
  '1e3': '1',
  '123456789abc': '123456780009',
  abc: '0',
  '99999999999999999999': '7766279631452241919',
};
for (const [text, expected] of Object.entries(texts)) {
  const value = String(Long.fromString(text));
  console.log(`fromString(${JSON.stringify(text)}) = ${value}`);
  assert.equal(value, expected);
}
for (const text of ['12abc', '1e3', 'abc']) assert.throws(() => BigInt(text), SyntaxError);
JS
node run.mjs
