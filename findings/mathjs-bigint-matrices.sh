#!/usr/bin/env bash
# mathjs 15.2.0 (npm).
#
# Expected by most: `number: 'bigint'` and matrices of bigint keep integers exact, and what has no exact result is a
#   number, as for sqrt, mean and norm, or throws.
# Seen: / of bigints drops the fraction, as in JavaScript, and that is the division inside elimination. So lusolve, inv
#   and what uses them (/ and negative powers of matrices) return other values, without a word: an inverse of zeros,
#   a system solved wrongly. det, with a method of its own, is right, so is inv where the determinant is 1 or -1 and the
#   size is 2. sort throws. Output:
#     lusolve([2, 1; 1, 3], [5; 10]): [[1], [3]], with bigint [[0.8333], [3.3333]]
#     inv([2, 1; 1, 3]): [[0.6, -0.2], [-0.2, 0.4]], with bigint [[0, 0], [0, 0]]
#     [1, 2; 3, 4] / [2, 0; 0, 2]: [[0.5, 1], [1.5, 2]], with bigint [[0, 0], [0, 0]]
#     [1, 2; 3, 4] ^ -1: [[-2, 1], [1.5, -0.5]], with bigint [[-2, 1], [1, 0]]
#     inv([1, 2, 3; 0, 1, 4; 5, 6, 0]): [[-24, 18, 5], [20, -15, -4], [-5, 4, 1]], with bigint [[-4, 3, 1], [4, -3,
#       -0.8], [-1, 1, 0.2]]
#     det([2, 3, 1; 4, 1, 5; 3, 7, 2]): -20, with bigint -20
#     sort([3, 1, 2]): [1, 2, 3], with bigint TypeError
# Follows: convert to numbers, BigNumbers or Fractions before anything that solves or inverts; for exact elimination
#   modulo a prime write it out with invmod.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts mathjs@15.2.0
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { all, create } from 'mathjs';

const [plain, bigint] = ['number', 'bigint'].map((number) => create(all, { number }));

function value(math, text) {
  try {
    return math.format(math.evaluate(text), (entry) => String(Number(Number(entry).toFixed(4))));
  } catch (error) {
    return error.name;
  }
}

function check(text, ...expected) {
  const seen = [plain, bigint].map((math) => value(math, text));
  console.log(`${text}: ${seen.join(', with bigint ')}`);
  assert.deepEqual(seen, expected);
}

check('lusolve([2, 1; 1, 3], [5; 10])', '[[1], [3]]', '[[0.8333], [3.3333]]');
check('inv([2, 1; 1, 3])', '[[0.6, -0.2], [-0.2, 0.4]]', '[[0, 0], [0, 0]]');
check('[1, 2; 3, 4] / [2, 0; 0, 2]', '[[0.5, 1], [1.5, 2]]', '[[0, 0], [0, 0]]');
check('[1, 2; 3, 4] ^ -1', '[[-2, 1], [1.5, -0.5]]', '[[-2, 1], [1, 0]]');
const right = '[[-24, 18, 5], [20, -15, -4], [-5, 4, 1]]';
check('inv([1, 2, 3; 0, 1, 4; 5, 6, 0])', right, '[[-4, 3, 1], [4, -3, -0.8], [-1, 1, 0.2]]');
check('det([2, 3, 1; 4, 1, 5; 3, 7, 2])', '-20', '-20');
check('sort([3, 1, 2])', '[1, 2, 3]', 'TypeError');
JS
node run.mjs
