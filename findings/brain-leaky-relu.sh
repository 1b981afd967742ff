#!/usr/bin/env bash
# brain.js 1.6.1 (npm).
#
# Expected by most: leaky-relu gives x for positive x and alpha x for negative; toJSON holds all that run needs; and the
#   function which toFunction writes returns what run returns.
# Seen: it gives alpha x for positive x and 0 for negative, in each layer (its gradient is that of the usual function).
#   Training makes up for it by greater weights, so nothing shows until they are taken elsewhere. toJSON leaves alpha out
#   and a loaded network has 0.01, so other outputs. Keys that a sample does not have are 0 for run and make toFunction's
#   outputs NaN. Output:
#     leaky-relu with alpha 0.5 of -2, -1, 0, 1, 2: 0,0,0,0.5,1
#     trained with alpha 0.2, output for [0, 1]: 0.9 or more
#     the same network saved and loaded: 0.01 or less
#     run of { a: 1 } without b: a number; toFunction: NaN
# Follows: use relu or tanh where weights leave the library; keep alpha beside the JSON; give toFunction all keys.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts brain.js@1.6.1
cat > run.cjs <<'JS'
const assert = require('node:assert/strict');
const { NeuralNetwork } = require('brain.js');

const unit = new NeuralNetwork().fromJSON({
  sizes: [1, 1],
  layers: [{ 0: {} }, { 0: { bias: 0, weights: { 0: 1 } } }],
  activation: 'leaky-relu',
  leakyReluAlpha: 0.5,
});
const values = [-2, -1, 0, 1, 2].map((x) => unit.run([x])[0]);
console.log(`leaky-relu with alpha 0.5 of -2, -1, 0, 1, 2: ${values}`);
assert.deepEqual(values, [0, 0, 0, 0.5, 1]);

let trained, output;
for (let attempt = 0; attempt < 20 && !(output >= 0.9); attempt++) {
  trained = new NeuralNetwork({ activation: 'leaky-relu', leakyReluAlpha: 0.2, hiddenLayers: [3] });
  const samples = [
    { input: [0, 0], output: [0] },
    { input: [0, 1], output: [1] },
    { input: [1, 0], output: [1] },
  ];
  trained.train(samples, { iterations: 5000, errorThresh: 0.0005 });
  output = trained.run([0, 1])[0];
}
console.log(`trained with alpha 0.2, output for [0, 1]: ${output >= 0.9 ? '0.9 or more' : output}`);
assert(output >= 0.9);
const loaded = new NeuralNetwork().fromJSON(JSON.parse(JSON.stringify(trained.toJSON())));
const [after] = loaded.run([0, 1]);
console.log(`the same network saved and loaded: ${after <= 0.01 ? '0.01 or less' : after}`);
assert(after <= 0.01);

const keyed = new NeuralNetwork();
keyed.train(
  [
    { input: { a: 1 }, output: { x: 1 } },
    { input: { b: 1 }, output: { y: 1 } },
  ],
  { iterations: 100 },
);
const [ran, written] = [keyed.run({ a: 1 }).x, keyed.toFunction()({ a: 1 }).x];
console.log(`run of { a: 1 } without b: ${Number.isNaN(ran) ? 'NaN' : 'a number'}; toFunction: ${written}`);
assert(!Number.isNaN(ran) && Number.isNaN(written));
JS
node run.cjs
