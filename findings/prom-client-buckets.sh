#!/usr/bin/env bash
# prom-client 15.1.3.
#
# Expected by most: the buckets of a histogram may be given in any order, or are refused out of order; and since the
#   last bucket is always infinity, giving it too does no harm.
# Seen: buckets are searched and added up in the order given, so with [5, 1, 10] an observation of 3 is counted as at
#   most 1. With [1, Infinity] the text has `le="Infinity"` and `le="+Inf"`, both counted as the same bound by whoever
#   reads it. Output:
#     buckets 5, 1, 10 after observing 3: le=5: 1, le=1: 1, le=10: 1, le=+Inf: 1
#     buckets 1, Infinity after observing 3: le=1: 0, le=Infinity: 1, le=+Inf: 1
# Follows: sort computed bounds yourself and leave infinity out: quantiles from such a histogram are wrong without a
#   sign of it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts prom-client@15.1.3
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import client from 'prom-client';

async function after(buckets, value) {
  const registry = new client.Registry();
  new client.Histogram({ name: 'a', help: 'a', buckets, registers: [registry] }).observe(value);
  const lines = [...(await registry.metrics()).matchAll(/a_bucket\{le="(.*)"\} (\d+)/g)];
  const text = lines.map(([, bound, count]) => `le=${bound}: ${count}`).join(', ');
  console.log(`buckets ${buckets.join(', ')} after observing ${value}: ${text}`);
  return text;
}
assert.equal(await after([5, 1, 10], 3), 'le=5: 1, le=1: 1, le=10: 1, le=+Inf: 1');
assert.equal(await after([1, Infinity], 3), 'le=1: 0, le=Infinity: 1, le=+Inf: 1');
JS
node run.mjs
