#!/usr/bin/env bash
# @tensorflow/tfjs-core and tfjs-backend-cpu 4.22.0.
#
# Expected by most: int32 tensors are integers modulo 2^32, as in numpy, TensorFlow and the typed arrays below; a sum
#   of booleans is a boolean or a number.
# Seen: sums wrap, products do not: they are computed in floating point, so the low bits of a large one are lost
#   before it is cut to 32. Division by zero is 0, and division rounds down, not to zero. Two booleans add up to a
#   tensor of the type bool with the value 2. Output:
#     2147483647 + 1 = -2147483648 (int32)
#     2147483647 * 2147483647 = 0 (int32), modulo 2^32 it is 1
#     -7 / 2 = -4 (int32)
#     1 / 0 = 0 (int32)
#     true + true = 2 (bool)
# Follows: no reference for ring arithmetic, not even for 32 bits. Compare with Math.imul or BigInt.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-backend-cpu@4.22.0
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';

await tf.setBackend('cpu');
const large = 2 ** 31 - 1;
function check(name, operation, operands, type, expected, note = '') {
  const tensor = operation(...operands.map((value) => tf.tensor([value], [1], type)));
  const [value] = tensor.dataSync();
  console.log(`${name} = ${value} (${tensor.dtype})${note}`);
  assert.equal(value, expected);
  assert.equal(tensor.dtype, type);
}
check('2147483647 + 1', tf.add, [large, 1], 'int32', -(2 ** 31));
const product = Math.imul(large, large);
check('2147483647 * 2147483647', tf.mul, [large, large], 'int32', 0, `, modulo 2^32 it is ${product}`);
check('-7 / 2', tf.div, [-7, 2], 'int32', -4);
check('1 / 0', tf.div, [1, 0], 'int32', 0);
check('true + true', tf.add, [true, true], 'bool', 2);
assert.equal(product, 1);
JS
node run.mjs
