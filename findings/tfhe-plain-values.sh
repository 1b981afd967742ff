#!/usr/bin/env bash
# node-tfhe 1.6.1 (npm; tfhe 1.6.1 for the browser is made of the same source).
#
# Expected by most: a library whose types name a width refuses a number that does not fit, as those of 128 and 256 bits do.
# Seen: the others cut it without a word: integers modulo 2^width (9 as FheInt4 is -7), fractions and NaN as `x | 0`
#   does. So is a width between two of Rust's types, as FheUint160. FheBool is no truth value but an integer, too:
#   the text 'true' and 0.5 are false. Output (encrypted, then decrypted):
#     FheUint8 of 300: 44
#     FheUint8 of 1.9: 1
#     FheUint8 of NaN: 0
#     FheInt8 of 200: -56
#     FheInt4 of 9: -7
#     FheUint10 of 2000: 976
#     FheUint32 of 100000000000000000000: 1661992960
#     FheUint64 of -1: 18446744073709551615
#     FheUint64 of 18446744073709551619: 3
#     FheUint160 of 2^160 + 1: 1
#     FheBool of the text true: false
#     FheBool of 0.5: false
#     FheUint128 of -1: refused
#     FheUint256 of 2^256: refused
# Follows: check range and type before encrypting: nobody who computes on the ciphertext can do it later.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts node-tfhe@1.6.1
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import tfhe from 'node-tfhe';

const key = tfhe.TfheClientKey.generate(tfhe.TfheConfigBuilder.default().build());
function check(type, value, expected, title = String(value)) {
  let seen;
  try {
    seen = String(tfhe[type].encrypt_with_client_key(value, key).decrypt(key));
  } catch {
    seen = 'refused';
  }
  console.log(`${type} of ${title}: ${seen}`);
  assert.equal(seen, expected);
}
check('FheUint8', 300, '44');
check('FheUint8', 1.9, '1');
check('FheUint8', NaN, '0');
check('FheInt8', 200, '-56');
check('FheInt4', 9, '-7');
check('FheUint10', 2000, '976');
check('FheUint32', 1e20, String(Number(BigInt.asUintN(32, 10n ** 20n))));
check('FheUint64', -1n, String(2n ** 64n - 1n));
check('FheUint64', 2n ** 64n + 3n, '3');
check('FheUint160', 2n ** 160n + 1n, '1', '2^160 + 1');
check('FheBool', 'true', 'false', 'the text true');
check('FheBool', 0.5, 'false');
check('FheUint128', -1n, 'refused');
check('FheUint256', 2n ** 256n, 'refused', '2^256');
JS
node run.mjs
