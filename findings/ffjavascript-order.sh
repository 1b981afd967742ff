#!/usr/bin/env bash
# ffjavascript 0.3.1 (npm), finite fields for snarkjs and circom, here the field of 2^31 - 1.
#
# Expected by most: elements of a prime field are 0 to p - 1, ordered and printed as such; results are reduced and
#   arguments, too.
# Seen: from p / 2 on an element counts as negative in comparisons and in toString, as in circom, so what is sorted by
#   lt has the upper half first, and p - 1 is below each bound. A shift by such an element goes the other way. lor and
#   land are logical and give 0 or 1, unlike band and bor. Only e() and normalize() reduce: add of two unreduced numbers
#   is unreduced, and p is not 0. unstringifyBigInts makes a bigint of each text of digits, names and codes too. Output:
#     lt(1, p - 1): false
#     toString(p - 1): -1
#     sorted by lt: 1073741824,2147483646,0,5,1073741823
#     shr(8, p - 1), shl(4, p - 1): 16, 2
#     lor(0, 5), bor(0, 5): 1, 5
#     add(p, p), isZero(p), eq(p + 1, 1): 2147483647, false, false
#     unstringify {"name":"12","zip":"01234"}: 12n, 1234n
# Follows: compare the bigints themselves after normalize(); take F.toObject(x).toString() for text; turn texts into
#   numbers field by field.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts ffjavascript@0.3.1
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { utils, ZqField } from 'ffjavascript';

const p = 2n ** 31n - 1n;
const field = new ZqField(p);

function check(title, expected, ...seen) {
  console.log(`${title}: ${seen.join(', ')}`);
  assert.equal(seen.join(', '), expected);
}

check('lt(1, p - 1)', 'false', field.lt(1n, p - 1n));
check('toString(p - 1)', '-1', field.toString(p - 1n));
const half = p / 2n;
const sorted = [5n, p - 1n, half + 1n, half, 0n].sort((a, b) => (field.lt(a, b) ? -1 : 1));
check('sorted by lt', '1073741824,2147483646,0,5,1073741823', sorted);
check('shr(8, p - 1), shl(4, p - 1)', '16, 2', field.shr(8n, p - 1n), field.shl(4n, p - 1n));
check('lor(0, 5), bor(0, 5)', '1, 5', field.lor(0n, 5n), field.bor(0n, 5n));
const unreduced = [field.add(p, p), field.isZero(p), field.eq(p + 1n, 1n)];
check('add(p, p), isZero(p), eq(p + 1, 1)', '2147483647, false, false', ...unreduced);
const { name, zip } = utils.unstringifyBigInts({ name: '12', zip: '01234' });
check('unstringify {"name":"12","zip":"01234"}', '12n, 1234n', `${name}n`, `${zip}n`);
JS
node run.mjs
