#!/usr/bin/env bash
# @tensorflow/tfjs 4.22.0, on its CPU backend.
#
# Expected by most: where a function has a kink, the gradient is what TensorFlow in Python gives: 0 for abs at 0, and
#   equal largest elements share the gradient of max, so that it adds up to 1. And argMax stops at a NaN, as numpy's
#   does.
# Seen: abs has the gradient -1 at 0; each of two equal largest elements gets the whole gradient of max, while maxPool
#   gives it to the first one only; argMax passes over NaN though max returns it. Output:
#     gradient of abs at 0: -1
#     gradient of max at 3,3,1: 1,1,0
#     gradient of maxPool over 1,1,1,1: 1,0,0,0
#     1,NaN,3: max NaN, argMax 2
# Follows: whole-number or fixed-point activations meet ties all the time: fix the rule for them yourself, and do not
#   take one framework's gradients there for the truth. An accuracy from argMax looks fine while the scores are NaN.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @tensorflow/tfjs@4.22.0
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import * as tf from '@tensorflow/tfjs';

await tf.setBackend('cpu');
const show = (tensor) => [...tensor.dataSync()].join();
const abs = show(tf.grad((x) => tf.sum(tf.abs(x)))(tf.tensor([0])));
const max = show(tf.grad((x) => tf.max(x))(tf.tensor([3, 3, 1])));
const pool = show(tf.grad((x) => tf.sum(tf.maxPool(x, 2, 2, 'valid')))(tf.ones([1, 2, 2, 1])));
const scores = tf.tensor([1, NaN, 3]);
const [largest, index] = [show(tf.max(scores)), show(tf.argMax(scores))];
console.log(`gradient of abs at 0: ${abs}`);
console.log(`gradient of max at 3,3,1: ${max}`);
console.log(`gradient of maxPool over 1,1,1,1: ${pool}`);
console.log(`1,NaN,3: max ${largest}, argMax ${index}`);
assert.equal(abs, '-1');
assert.equal(max, '1,1,0');
assert.equal(pool, '1,0,0,0');
assert.equal(largest, 'NaN');
assert.equal(index, '2');
JS
node run.mjs
