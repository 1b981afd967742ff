#!/usr/bin/env bash
# @tensorflow/tfjs-core, tfjs-backend-cpu and tfjs-backend-wasm 4.22.0, both in Node.
#
# Expected by most: the backends of one release differ in speed and in last digits; a mask is 0 or 1 in each, and the
#   mean of equal numbers is that number.
# Seen: a cast to bool keeps the integer's lowest byte with wasm (256 is false, 5 is 5, 0.5 is false), so a count of
#   the true ones counts something else. Sums are kept in one float32
#   with wasm, in a float64 with cpu: ones stop at 2^24, and 100,000 times 0.1 has another mean. clipByValue and relu6
#   make 0 of a NaN with wasm; maximum(1, NaN) is 1 there, maximum(NaN, 1) is NaN. A product of int32 is exact with
#   wasm only, a quotient by zero is 0 with cpu only. sigmoid(-88) is 0 with wasm. Nothing is said of it. Output:
#     cast of 0.5, 5, 256 to bool: cpu 1,1,1, wasm 0,5,0
#     count of non-zero elements by cast and sum: cpu 3, wasm 5
#     true + true: cpu 2, wasm 1
#     sum of 20,000,000 ones: cpu 20000000, wasm 16777216
#     mean of 100,000 times 0.1: cpu 0.1, wasm 0.0999856
#     NaN clipped to 0 to 6: cpu NaN, wasm 0
#     relu6 of NaN: cpu NaN, wasm 0
#     maximum of (NaN, 1), (1, NaN): cpu NaN,NaN, wasm NaN,1
#     2147483647 squared in int32: cpu 0, wasm 1
#     123456789 squared by square(): cpu -2147483648, wasm -1757895751
#     1 / 0 in int32: cpu 0, wasm -2147483648
#     sigmoid(-88): cpu 6.0546e-39, wasm 0
# Follows: make masks by notEqual(x, 0), add up large tensors axis by axis, look for NaN before clipping, and test on
#   the backend that users get.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @tensorflow/tfjs-core@4.22.0 \
  @tensorflow/tfjs-backend-cpu@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';

setWasmPaths(dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm')) + sep);
const int = (...values) => tf.tensor(values, [values.length], 'int32');
const real = (...values) => tf.tensor(values, [values.length]);
const yes = () => tf.tensor([true], [1], 'bool');
const digits = (value) => (Number.isInteger(value) ? value : Number(value.toPrecision(6)));
const cases = [
  ['cast of 0.5, 5, 256 to bool', () => tf.concat([tf.cast(real(0.5), 'bool'), tf.cast(int(5, 256), 'bool')]), '1,1,1', '0,5,0'],
  ['count of non-zero elements by cast and sum', () => tf.sum(tf.cast(int(5, 256, 1024), 'bool')), '3', '5'],
  ['true + true', () => tf.add(yes(), yes()), '2', '1'],
  ['sum of 20,000,000 ones', () => tf.sum(tf.ones([20_000_000])), '20000000', '16777216'],
  ['mean of 100,000 times 0.1', () => tf.mean(tf.fill([100_000], 0.1)), '0.1', '0.0999856'],
  ['NaN clipped to 0 to 6', () => tf.clipByValue(real(NaN), 0, 6), 'NaN', '0'],
  ['relu6 of NaN', () => tf.relu6(real(NaN)), 'NaN', '0'],
  ['maximum of (NaN, 1), (1, NaN)', () => tf.maximum(real(NaN, 1), real(1, NaN)), 'NaN,NaN', 'NaN,1'],
  ['2147483647 squared in int32', () => tf.mul(int(2147483647), int(2147483647)), '0', '1'],
  ['123456789 squared by square()', () => tf.square(int(123456789)), '-2147483648', '-1757895751'],
  ['1 / 0 in int32', () => tf.div(int(1), int(0)), '0', '-2147483648'],
  ['sigmoid(-88)', () => tf.sigmoid(real(-88)), '6.0546e-39', '0'],
];
const seen = {};
for (const backend of ['cpu', 'wasm']) {
  await tf.setBackend(backend);
  seen[backend] = cases.map(([, compute]) => tf.tidy(() => [...compute().dataSync()].map(digits).join()));
}
cases.forEach(([title, , cpu, wasm], i) => {
  console.log(`${title}: cpu ${seen.cpu[i]}, wasm ${seen.wasm[i]}`);
  assert.deepEqual([seen.cpu[i], seen.wasm[i]], [cpu, wasm], title);
});
JS
node run.mjs
