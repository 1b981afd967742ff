#!/usr/bin/env bash
# convnetjs 0.3.0 (npm).
#
# Expected by most: drop_prob is the share of values that dropout takes away in training, and when predicting values are
#   scaled by what is kept, 1 - drop_prob, so that their mean is the same.
# Seen: they are scaled by drop_prob. Only 0.5 gives the same mean; with 0.1 a layer sees a ninth of what it was trained
#   with, with 0.9 nine times as much. Training says nothing: its own losses are those with dropout. Output:
#     drop_prob 0.1: mean in training 0.9, when predicting 0.1
#     drop_prob 0.5: mean in training 0.5, when predicting 0.5
#     drop_prob 0.9: mean in training 0.1, when predicting 0.9
#     regression with drop_prob 0.1, targets of 5 on average: in training 5, when predicting less than 1.5: true
# Follows: use 0.5, or multiply the weights behind a dropout layer by (1 - p) / p before predicting. Whoever takes the
#   weights to another library does not get the same results.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts convnetjs@0.3.0
cat > run.cjs <<'JS'
const assert = require('node:assert/strict');
const { DropoutLayer, Net, Trainer, Vol } = require('convnetjs');

const SIZE = 100_000;
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const digit = (value) => Math.round(value * 10) / 10;
for (const probability of [0.1, 0.5, 0.9]) {
  const layer = new DropoutLayer({ in_sx: 1, in_sy: 1, in_depth: SIZE, drop_prob: probability });
  const ones = new Vol(1, 1, SIZE, 1);
  const [training, predicting] = [true, false].map((dropping) => digit(mean([...layer.forward(ones, dropping).w])));
  console.log(`drop_prob ${probability}: mean in training ${training}, when predicting ${predicting}`);
  assert.equal(training, digit(1 - probability));
  assert.equal(predicting, probability);
}

const network = new Net();
network.makeLayers([
  { type: 'input', out_sx: 1, out_sy: 1, out_depth: 100 },
  { type: 'fc', num_neurons: 100, activation: 'relu', drop_prob: 0.1 },
  { type: 'regression', num_neurons: 1 },
]);
const trainer = new Trainer(network, { method: 'sgd', learning_rate: 0.0005, batch_size: 10 });
const sample = () => new Vol(Array.from({ length: 100 }, Math.random));
for (let step = 0; step < 10_000; step++) {
  const input = sample();
  trainer.train(input, [10 * mean([...input.w])]);
}
const outputs = (dropping) => Array.from({ length: 500 }, () => network.forward(sample(), dropping).w[0]);
const [training, predicting] = [mean(outputs(true)), mean(outputs(false))];
const seen = `in training ${Math.round(training)}, when predicting less than 1.5: ${predicting < 1.5}`;
console.log(`regression with drop_prob 0.1, targets of 5 on average: ${seen}`);
assert.equal(Math.round(training), 5);
assert(predicting < 1.5);
JS
node run.cjs
