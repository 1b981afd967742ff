#!/usr/bin/env bash
# ml-logistic-regression 2.0.0, ml-random-forest 2.1.0, ml-cart 2.1.1 (npm, of mljs).
#
# Expected by most: classifiers named like scikit-learn's do what those do: the regression has an intercept and takes any
#   labels, a forest's probabilities are shares of its trees and sum to 1, maxSamples draws rows, and a tree of two
#   levels solves XOR.
# Seen: there is no intercept, so two groups on one side of 0 are one class. Of labels 1 and 2 only 1 is ever
#   predicted. The first tree's vote is not counted: its label is added in millionths, so that what all 50 trees agree
#   on has 0.98, and class 2 of a forest of one tree has 0.000002 as class 0 has. maxSamples takes the first rows. A
#   split that gains nothing by itself ends the tree. Output:
#     logistic regression, 1 to 4 and 6 to 9: 1,1,1,1,1,1,1,1
#     the same with a column of ones: 0,0,0,0,1,1,1,1
#     the same with labels 1 and 2: 1,1,1,1,1,1,1,1
#     forest of 50 trees that agree, probability of class 0: 0.98
#     class 1: 0.980001
#     class 2: 0.980002
#     forest of one tree, probabilities of the classes 0, 1, 2 for a sample of class 2: 0.000002,0.000002,0.000002
#     forest with maxSamples 0.5 of rows sorted by class: classes 0,1 of 0,1,2
#     tree for XOR: 0,0,0,0
# Follows: add a column of ones; number classes from 0; count votes yourself, from predictionValues; shuffle rows.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts ml-logistic-regression@2.0.0 ml-random-forest@2.1.0 \
  ml-cart@2.1.1 ml-matrix@6.15.1
cat > run.cjs <<'JS'
const assert = require('node:assert/strict');
const { DecisionTreeClassifier } = require('ml-cart');
const LogisticRegression = require('ml-logistic-regression');
const { Matrix } = require('ml-matrix');
const { RandomForestClassifier } = require('ml-random-forest');

function check(title, seen, expected) {
  console.log(`${title}: ${seen}`);
  assert.deepEqual(seen, expected);
}

const positions = [1, 2, 3, 4, 6, 7, 8, 9];
function regression(row, labels) {
  const samples = new Matrix(positions.map(row));
  const model = new LogisticRegression({ numSteps: 20_000, learningRate: 0.01 });
  model.train(samples, Matrix.columnVector(labels));
  return model.predict(samples);
}
const halves = [0, 0, 0, 0, 1, 1, 1, 1];
check('logistic regression, 1 to 4 and 6 to 9', regression((x) => [x], halves), Array(8).fill(1));
check('the same with a column of ones', regression((x) => [x, 1], halves), halves);
const shifted = halves.map((label) => label + 1);
check('the same with labels 1 and 2', regression((x) => [x, 1], shifted), Array(8).fill(1));

const rows = Array.from({ length: 60 }, (_, i) => [100 * Math.floor(i / 20) + i]);
const classes = rows.map((_, i) => Math.floor(i / 20));
const inner = [rows[10], rows[30], rows[50]];
function forest(options) {
  const model = new RandomForestClassifier({ seed: 1, noOOB: true, ...options });
  model.train(rows, classes);
  return model;
}
const fifty = forest({ nEstimators: 50 });
const votes = fifty.predictionValues(inner).to2DArray();
assert(votes.every((row, label) => row.every((vote) => vote === label)));
const agreed = [0, 1, 2].map((label) => fifty.predictProbability(inner, label)[label]);
check('forest of 50 trees that agree, probability of class 0', agreed[0], 0.98);
check('class 1', agreed[1], 0.980001);
check('class 2', agreed[2], 0.980002);
const single = forest({ nEstimators: 1 });
assert.deepEqual(single.predict(inner), [0, 1, 2]);
const alone = [0, 1, 2].map((label) => single.predictProbability([inner[2]], label)[0]);
const title = 'forest of one tree, probabilities of the classes 0, 1, 2 for a sample of class 2';
check(title, alone.map((value) => value.toFixed(6)).join(), '0.000002,0.000002,0.000002');
const first = new Set(forest({ nEstimators: 50, maxSamples: 0.5 }).predict(rows));
check('forest with maxSamples 0.5 of rows sorted by class', `classes ${[...first]} of 0,1,2`, 'classes 0,1 of 0,1,2');

const corners = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
];
const tree = new DecisionTreeClassifier({ minNumSamples: 1 });
const repeated = Array.from({ length: 40 }, (_, i) => corners[i % 4]);
tree.train(
  repeated,
  repeated.map(([a, b]) => a ^ b),
);
check('tree for XOR', tree.predict(corners), [0, 0, 0, 0]);
JS
node run.cjs
