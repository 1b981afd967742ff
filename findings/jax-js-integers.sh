#!/usr/bin/env bash
# @jax-js/jax 0.1.25, its backends wasm and cpu, which run in Node.
#
# Expected by most: what keeps close to JAX's interface computes as JAX does: uint32 modulo 2^32, the same with and
#   without jit and on each backend, and argmax of a row with NaN is the place of the NaN (its table of features ticks
#   NaN).
# Seen: subtracting a NUMBER from a uint32 array leaves it as it is (the number is negated first, and -1 becomes 0 as a
#   uint32); subtracting an array works. Products are exact with wasm, unless an array has one element, then they are
#   floating point; with cpu always. jit turns x * 4 / 4 into x, which is not so modulo 2^32. argmax of a row with NaN
#   is its length, an index that does not exist. No error. Output:
#     uint32 [0, 5, 7] - 1: wasm 0,5,7, cpu 0,5,7, JAX 4294967295,4,6
#     uint32 [0, 5, 7] - [1, 1, 1]: wasm 4294967295,4,6, cpu 4294967295,4,6, JAX 4294967295,4,6
#     uint32 [123456789, 2]^2: wasm 2537071545,4, cpu 2537071544,4, JAX 2537071545,4
#     uint32 [123456789]^2: wasm 2537071544, cpu 2537071544, JAX 2537071545
#     int32 [2^30, 5] * 4 / 4: wasm 0,5, cpu 0,5, JAX 0,5
#     the same under jit: wasm 1073741824,5, cpu 1073741824,5, JAX 0,5
#     argmax of [1, NaN, 3]: wasm 3, cpu 3, JAX 1
#     argmax of [1, 5, 3]: wasm 1, cpu 1, JAX 1
# Follows: for shares and generators write .sub(array), compare jit with no jit, and test with more than one element.
#   After a NaN, one-hot rows of predictions are all zeros: check that an argmax is below the number of classes.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @jax-js/jax@0.1.25
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { defaultDevice, init, jit, numpy as np } from '@jax-js/jax';

await init('wasm', 'cpu');
const u32 = (values) => np.array(values, { dtype: np.uint32 });
const i32 = (values) => np.array(values, { dtype: np.int32 });
function check(title, compute, jax, wasm, cpu = wasm) {
  const seen = ['wasm', 'cpu'].map((device) => {
    defaultDevice(device);
    return [compute().js()].flat();
  });
  console.log(`${title}: wasm ${seen[0]}, cpu ${seen[1]}, JAX ${jax}`);
  assert.deepEqual(seen, [wasm, cpu], title);
}
const below = [4294967295, 4, 6];
check('uint32 [0, 5, 7] - 1', () => u32([0, 5, 7]).sub(1), below, [0, 5, 7]);
check('uint32 [0, 5, 7] - [1, 1, 1]', () => u32([0, 5, 7]).sub(u32([1, 1, 1])), below, below);
const square = (values) => u32(values).mul(u32(values));
const exact = Math.imul(123456789, 123456789) >>> 0;
check('uint32 [123456789, 2]^2', () => square([123456789, 2]), [exact, 4], [exact, 4], [exact - 1, 4]);
check('uint32 [123456789]^2', () => square([123456789]), [exact], [exact - 1]);
const round = (x) => x.mul(4).div(4);
check('int32 [2^30, 5] * 4 / 4', () => round(i32([2 ** 30, 5])), [0, 5], [0, 5]);
check('the same under jit', () => jit(round)(i32([2 ** 30, 5])), [0, 5], [2 ** 30, 5]);
check('argmax of [1, NaN, 3]', () => np.argmax(np.array([1, NaN, 3])), [1], [3]);
check('argmax of [1, 5, 3]', () => np.argmax(np.array([1, 5, 3])), [1], [1]);
JS
node run.mjs
