#!/usr/bin/env bash
# @tensorflow/tfjs-layers 4.22.0 (npm) and keras 3.15.1 on jax 0.9.0 (PyPI); Python 3.
#
# Expected by most: the layers of TensorFlow.js are Keras's, by whose names and options they go: the same numbers for
#   the same configuration.
# Seen: dropout with a seed takes the same values away in each step, so these never learn, and with a rate of 1 takes
#   nothing. pointwiseInitializer is not read: pointwise weights are drawn as depthwise ones. hardSigmoid has another
#   slope and bilinear upsampling other corners than today's Keras. precision and recall count only outputs that are
#   exactly 0 or 1: of a sigmoid's, none. Weights are drawn from another distribution. Output:
#     dropout with a seed, two steps the same: tfjs true, keras false
#     dropout with rate 1 of ones: tfjs 1,1,1,1, keras 0,0,0,0
#     pointwise weight of separableConv2d with pointwiseInitializer ones, depthwise zeros: tfjs 0, keras 1
#     hardSigmoid of -2, 1, 2: tfjs 0.1,0.7,0.9, keras 0.167,0.667,0.833
#     bilinear upsampling of 0, 1 over 2, 3, first row: tfjs 0,0.5,1,1, keras 0,0.25,0.75,1
#     precision for labels 1, 1, 0, 0 and outputs 0.9, 0.8, 0.7, 0.1: tfjs 0, keras 0.667
#     greatest weight of a dense layer of 1000 by 1000: tfjs 0.063, keras 0.055
# Follows: give seeds to initialisers only, round before precision, and compare outputs after a model has moved.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv python
  python/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 "jax[cpu]==0.9.0" numpy==2.4.6 h5py==3.16.0
  PYTHON=$dir/python/bin/python
fi
npm install --silent --no-audit --no-fund --ignore-scripts @tensorflow/tfjs-layers@4.22.0 \
  @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-backend-cpu@4.22.0
KERAS_BACKEND=jax "$PYTHON" - > keras.json 2> errors <<'PY' || { cat errors; exit 1; }
import json

import keras
import numpy as np
from keras import layers


def numbers(tensor):
    return [round(float(value), 3) for value in np.asarray(tensor).ravel()]


seeded = layers.Dropout(0.5, seed=7)
ones = np.ones((1, 32), "float32")
steps = [numbers(seeded(ones, training=True)) for _ in range(2)]
separable = layers.SeparableConv2D(1, 1, pointwise_initializer="ones", depthwise_initializer="zeros")
separable.build((None, 1, 1, 1))
square = np.arange(4, dtype="float32").reshape(1, 2, 2, 1)
precision = keras.metrics.Precision()
precision.update_state([1, 1, 0, 0], [0.9, 0.8, 0.7, 0.1])
dense = layers.Dense(1000)
dense.build((None, 1000))
results = [
    [steps[0] == steps[1]],
    numbers(layers.Dropout(1)(ones[:, :4], training=True)),
    numbers(separable.pointwise_kernel),
    numbers(layers.Activation("hard_sigmoid")(np.array([[-2, 1, 2]], "float32"))),
    numbers(layers.UpSampling2D(2, interpolation="bilinear")(square))[:4],
    numbers(precision.result()),
    [round(float(np.abs(np.asarray(dense.kernel)).max()), 3)],
]
print(json.dumps(results))
PY
cat > run.cjs <<'JS'
const assert = require('node:assert/strict');
const { readFileSync } = require('node:fs');
const log = console.log;
console.log = console.warn = () => {};
const tf = require('@tensorflow/tfjs-core');
require('@tensorflow/tfjs-backend-cpu');
const { layers, metrics, sequential } = require('@tensorflow/tfjs-layers');

const numbers = (tensor) => Array.from(tensor.dataSync(), (value) => Math.round(value * 1000) / 1000);
const model = (layer) => sequential({ layers: [layer] });
function dropout(rate, size, seed) {
  const layer = layers.dropout({ rate, seed, inputShape: [size] });
  model(layer);
  return () => numbers([layer.call(tf.ones([1, size]), { training: true })].flat()[0]);
}

const step = dropout(0.5, 32, 7);
const separable = layers.separableConv2d({
  filters: 1,
  kernelSize: 1,
  pointwiseInitializer: 'ones',
  depthwiseInitializer: 'zeros',
  inputShape: [1, 1, 1],
});
model(separable);
const sigmoid = model(layers.activation({ activation: 'hardSigmoid', inputShape: [3] }));
const upsampling = model(layers.upSampling2d({ size: [2, 2], interpolation: 'bilinear', inputShape: [2, 2, 1] }));
const dense = layers.dense({ units: 1000, inputShape: [1000] });
model(dense);
const labels = tf.tensor2d([[1], [1], [0], [0]]);
const outputs = tf.tensor2d([[0.9], [0.8], [0.7], [0.1]]);
const seen = [
  [step().join() === step().join()],
  dropout(1, 4)(),
  numbers(separable.getWeights()[1]),
  numbers(sigmoid.predict(tf.tensor2d([[-2, 1, 2]]))),
  numbers(upsampling.predict(tf.tensor4d([0, 1, 2, 3], [1, 2, 2, 1]))).slice(0, 4),
  numbers(metrics.precision(labels, outputs)),
  numbers(tf.max(tf.abs(dense.getWeights()[0]))),
];
const keras = JSON.parse(readFileSync('keras.json', 'utf8'));
const titles = [
  'dropout with a seed, two steps the same',
  'dropout with rate 1 of ones',
  'pointwise weight of separableConv2d with pointwiseInitializer ones, depthwise zeros',
  'hardSigmoid of -2, 1, 2',
  'bilinear upsampling of 0, 1 over 2, 3, first row',
  'precision for labels 1, 1, 0, 0 and outputs 0.9, 0.8, 0.7, 0.1',
  'greatest weight of a dense layer of 1000 by 1000',
];
for (const [i, title] of titles.entries()) log(`${title}: tfjs ${seen[i]}, keras ${keras[i]}`);
assert.deepEqual(seen.slice(0, 6), [[true], [1, 1, 1, 1], [0], [0.1, 0.7, 0.9], [0, 0.5, 1, 1], [0]]);
assert.deepEqual(keras.slice(0, 6), [
  [false],
  [0, 0, 0, 0],
  [1],
  [0.167, 0.667, 0.833],
  [0, 0.25, 0.75, 1],
  [0.667],
]);
assert(seen[6] > 0.06 && keras[6] < 0.056);
JS
node run.cjs
