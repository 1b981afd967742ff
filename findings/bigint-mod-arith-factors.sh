#!/usr/bin/env bash
# bigint-mod-arith 3.3.1 (npm), also what bigint-crypto-utils 3.3.0 offers.
#
# Expected by most: the factors of the modulus, modPow's optional fourth argument, make it faster and change no result.
# Seen: exponents are reduced modulo phi of each prime power, which holds for bases that have no factor in common with
#   the modulus. For others a power of 0 becomes 0^0, so 1, where the exponent is a multiple of p - 1: each such base
#   gives a wrong result, without a word. Other exponents are right, so few samples show it. bitLength of 0 and of
#   negatives is 2. Output:
#     6^2 mod 15: 6, with factors 3, 5: 1
#     6^3 mod 15: 6, with factors 3, 5: 6
#     3^6 mod 9: 0, with factors 3, 3: 1
#     squares mod 15 that differ: 5 of 15 (0, 3, 6, 9, 12)
#     7^100 mod 36: 25, with factors 2, 2, 3, 3: 25
#     bitLength of 0, 1, 8, -8, -1: 2, 1, 4, 2, 2
# Follows: leave the factors out where a base may share one, as in tests with small primes, or look at gcd first; take
#   x.toString(2).length for the length.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts bigint-mod-arith@3.3.1 bigint-crypto-utils@3.3.0
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import * as utils from 'bigint-crypto-utils';
import { bitLength, modPow } from 'bigint-mod-arith';

function check(base, exponent, modulus, ...cases) {
  const plain = modPow(base, exponent, modulus);
  assert.equal(plain, BigInt(base) ** BigInt(exponent) % BigInt(modulus));
  const parts = cases.map(([factors, expected]) => {
    const seen = modPow(base, exponent, modulus, factors);
    assert.equal(seen, expected);
    assert.equal(utils.modPow(base, exponent, modulus, factors), seen);
    return `, with factors ${factors.join(', ')}: ${seen}`;
  });
  console.log(`${base}^${exponent} mod ${modulus}: ${plain}${parts.join('')}`);
}

check(6, 2, 15, [[3, 5], 1n]);
check(6, 3, 15, [[3, 5], 6n]);
check(3, 6, 9, [[3, 3], 1n]);
const bases = Array.from({ length: 15 }, (_, base) => base);
const differing = bases.filter((base) => modPow(base, 2, 15) !== modPow(base, 2, 15, [3, 5]));
console.log(`squares mod 15 that differ: ${differing.length} of 15 (${differing.join(', ')})`);
assert.deepEqual(differing, [0, 3, 6, 9, 12]);
check(7, 100, 36, [[2, 2, 3, 3], 25n]);
const lengths = [0, 1, 8, -8, -1].map((value) => bitLength(value));
console.log(`bitLength of 0, 1, 8, -8, -1: ${lengths.join(', ')}`);
assert.deepEqual(lengths, [2, 1, 4, 2, 2]);
JS
node run.mjs
