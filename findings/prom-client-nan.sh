#!/usr/bin/env bash
# prom-client 15.1.3.
#
# Expected by most: the three kinds of metric treat a value that is not a number alike, and write it as the text
#   format spells it, "NaN".
# Seen: a gauge and a counter take NaN and write "Nan"; the counter then stays there whatever is added; a histogram
#   throws, and its message says that the value was undefined. `inc(null)` adds 1. Output:
#     gauge: Nan
#     counter after NaN and 1: Nan
#     histogram: Value is not a valid number: undefined
#     counter after null: 1
# Follows: check a loss or a rate before it reaches a metric. One NaN ends a counter for the life of the process.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts prom-client@15.1.3
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import client from 'prom-client';

const registry = new client.Registry();
const make = (Kind, name) => new Kind({ name, help: name, registers: [registry] });
make(client.Gauge, 'gauge').set(NaN);
const counter = make(client.Counter, 'counter');
counter.inc(NaN);
counter.inc(1);
make(client.Counter, 'nothing').inc(null);
const histogram = make(client.Histogram, 'histogram');
let message = 'none';
try {
  histogram.observe(NaN);
} catch (error) {
  message = error.message;
}
const text = await registry.metrics();
const value = (name) => new RegExp(`^${name} (.*)$`, 'm').exec(text)[1];
console.log(`gauge: ${value('gauge')}`);
console.log(`counter after NaN and 1: ${value('counter')}`);
console.log(`histogram: ${message}`);
console.log(`counter after null: ${value('nothing')}`);
assert.equal(value('gauge'), 'Nan');
assert.equal(value('counter'), 'Nan');
assert.equal(message, 'Value is not a valid number: undefined');
assert.equal(value('nothing'), '1');
JS
node run.mjs
