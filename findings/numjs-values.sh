#!/usr/bin/env bash
# @d4c/numjs 0.17.35 (npm), a fork of numjs.
#
# Expected by most: functions named as NumPy's give its values: an axis is followed or refused, tanh ends at 1, softmax
#   subtracts the maximum, and a deviation does not depend on an offset.
# Seen: sum and mean leave the axis out and return one number. tanh of 1000 is NaN, softmax of 1000, 0 has a NaN. std
#   takes the mean of squares less the square of the mean, so beside 1e8 it is 0. / of int32 drops the fraction, NaN is
#   no maximum, and arange counts no steps downwards. No error. Output:
#     sum([[1, 2], [3, 4]], 0): 10
#     mean([[1, 2], [3, 4]], 0): 2.5
#     tanh(20), tanh(1000): 1,NaN
#     softmax([1000, 0]): NaN,0
#     std of 1, 2, 3: 0.8164965809277263
#     std of 1e8 + 1, + 2, + 3: 0
#     [3, 5] of int32 / 2: 1,2
#     max of 1, NaN, 2: 2
#     arange(5, 0, -2): nothing
# Follows: sum over an axis by hand or by a dot product with ones, clip before tanh and subtract the maximum before
#   softmax; centre before std.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @d4c/numjs@0.17.35
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import imported from '@d4c/numjs';

const nj = imported.default ?? imported;

function check(title, seen, expected) {
  const text = String(typeof seen === 'number' ? seen : seen.tolist()) || 'nothing';
  console.log(`${title}: ${text}`);
  assert.equal(text, expected);
}

const matrix = nj.array([
  [1, 2],
  [3, 4],
]);
check('sum([[1, 2], [3, 4]], 0)', matrix.sum(0), '10');
check('mean([[1, 2], [3, 4]], 0)', nj.mean(matrix, 0), '2.5');
check('tanh(20), tanh(1000)', nj.tanh(nj.array([20, 1000])), '1,NaN');
check('softmax([1000, 0])', nj.softmax(nj.array([1000, 0])), 'NaN,0');
check('std of 1, 2, 3', nj.std(nj.array([1, 2, 3])), '0.8164965809277263');
check('std of 1e8 + 1, + 2, + 3', nj.std(nj.array([1e8 + 1, 1e8 + 2, 1e8 + 3])), '0');
check('[3, 5] of int32 / 2', nj.array([3, 5], 'int32').divide(2), '1,2');
check('max of 1, NaN, 2', nj.array([1, NaN, 2]).max(), '2');
check('arange(5, 0, -2)', nj.arange(5, 0, -2), 'nothing');
JS
node run.mjs
