#!/usr/bin/env bash
# node-seal 7.0.0 (npm; Microsoft SEAL 4.1.2 in WebAssembly), Node 24.21.0 (its wasm does not load in Node 20).
#
# Expected by most: the encoders refuse what they cannot encode, or reduce integers modulo the plain modulus t; the
#   slots of a vector have nothing to do with each other.
# Seen: BatchEncoder reduces all numbers from -t on; one below -t becomes another that is not even congruent.
#   CKKSEncoder takes a NaN, which makes 0 of all slots, its own, too. One large value buries its neighbours: beside
#   1e20 a 1 decodes as -66, for the transform's precision belongs to the whole vector. No error. Encoded and decoded
#   again, t is 1032193:
#     600000: -432193, modulo t -432193
#     2000000: -64386, modulo t -64386
#     -600000: 432193, modulo t 432193
#     -2000000: -68742, modulo t 64386
#     -2064386: -133128, modulo t 0
#     reals 3, 1: 3, 1
#     reals NaN, 1: 0, 0
#     reals 1, 1e20: -66.4103, 100000000000000000000
# Follows: reduce integers into (-t/2, t/2) first. Look for NaN before encoding, since nothing shows it afterwards, and
#   let no slot exceed the others by more than what a double can tell apart.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts node-seal@7.0.0 "node-linux-$(node -p process.arch)@24.21.0"
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import SEAL from 'node-seal';

const seal = await SEAL();
const degree = 8192;
function context(scheme, sizes, plain) {
  const parameters = new seal.EncryptionParameters(scheme);
  parameters.setPolyModulusDegree(degree);
  parameters.setCoeffModulus(seal.CoeffModulus.Create(degree, Int32Array.from(sizes)));
  if (plain) parameters.setPlainModulus(plain);
  const made = new seal.SEALContext(parameters, true, seal.SecLevelType.tc128);
  assert(made.parametersSet());
  return made;
}

const modulus = seal.PlainModulus.Batching(degree, 20);
const t = modulus.value();
assert.equal(t, 1032193n);
const batch = new seal.BatchEncoder(context(seal.SchemeType.bfv, [43, 43, 44, 44, 44], modulus));
function integer(value, expected) {
  const plain = new seal.Plaintext();
  batch.encode(BigInt64Array.of(value), plain);
  const [seen] = batch.decodeBigInt64(plain);
  const positive = ((value % t) + t) % t;
  console.log(`${value}: ${seen}, modulo t ${positive > t / 2n ? positive - t : positive}`);
  assert.equal(seen, expected);
}
integer(600000n, 600000n - t);
integer(2000000n, 2000000n - 2n * t);
integer(-600000n, t - 600000n);
integer(-2000000n, -68742n);
integer(-2n * t, -133128n);

const ckks = new seal.CKKSEncoder(context(seal.SchemeType.ckks, [60, 40, 40, 60]));
function reals(title, values, near) {
  const plain = new seal.Plaintext();
  ckks.encode(Float64Array.from(values), 2 ** 40, plain);
  const seen = [...ckks.decodeFloat64(plain)].slice(0, values.length);
  console.log(`reals ${title}: ${seen.map((value) => Number(value.toPrecision(6))).join(', ')}`);
  assert(near(...seen), title);
}
reals('3, 1', [3, 1], (a, b) => Math.abs(a - 3) < 1e-6 && Math.abs(b - 1) < 1e-6);
reals('NaN, 1', [NaN, 1], (a, b) => a === 0 && b === 0);
reals('1, 1e20', [1, 1e20], (a) => Math.abs(a - 1) > 1);
JS
node_modules/node-linux-*/bin/node run.mjs
