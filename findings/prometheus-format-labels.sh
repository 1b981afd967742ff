#!/usr/bin/env bash
# parse-prometheus-text-format 1.1.1, reading what prom-client 15.1.3 (npm) wrote.
#
# Expected by most: a parser of Prometheus' text format keeps series apart by their labels, for histograms and summaries
#   as for gauges, and reads its last line with or without a newline behind it.
# Seen: histograms and summaries with labels become one series without any: its buckets are those of the last series,
#   sum and count are gone; with a series that has no labels its count stands beside another's buckets. A last line
#   without a newline is dropped. In OpenMetrics the counter has no metrics, its total is untyped, and an exemplar is a
#   time. No error; values are texts. Output (histogram p="a": 2 values of 0.5, p="b": 1 value of 5):
#     gauge: {"value":"1","labels":{"p":"a"}} {"value":"2","labels":{"p":"b"}}
#     histogram: {"buckets":{"1":"0","+Inf":"1"}}
#     summary: {"quantiles":{"0.5":"5"}}
#     histogram without and with labels: {"buckets":{"1":"0","+Inf":"1"},"count":"2","sum":"1"}
#     gauge without the last newline: {"value":"1","labels":{"p":"a"}}
#     counter of OpenMetrics: nothing, then {"value":"3"} as n_total, UNTYPED
#     with an exemplar: time #{id="x"}0.5
# Follows: read histograms as untyped lines: strip the TYPE lines first, and add a newline; group by labels oneself.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts parse-prometheus-text-format@1.1.1 prom-client@15.1.3
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import parse from 'parse-prometheus-text-format';
import client from 'prom-client';

function check(title, seen, expected) {
  console.log(`${title}: ${seen}`);
  assert.equal(seen, expected);
}

const list = (text) => parse(text)[0].metrics.map((metric) => JSON.stringify(metric)).join(' ') || 'nothing';

async function write(kind, options, fill) {
  const registry = new client.Registry();
  fill(new client[kind]({ name: 'n', help: 'h', registers: [registry], ...options }));
  return registry.metrics();
}

const labels = { labelNames: ['p'] };
function observe(metric, first = { p: 'a' }) {
  metric.observe(first, 0.5);
  metric.observe(first, 0.5);
  metric.observe({ p: 'b' }, 5);
}
const gauge = await write('Gauge', labels, (metric) => ['a', 'b'].forEach((p, i) => metric.set({ p }, i + 1)));
check('gauge', list(gauge), '{"value":"1","labels":{"p":"a"}} {"value":"2","labels":{"p":"b"}}');
const buckets = { ...labels, buckets: [1] };
check('histogram', list(await write('Histogram', buckets, observe)), '{"buckets":{"1":"0","+Inf":"1"}}');
const median = { ...labels, percentiles: [0.5] };
check('summary', list(await write('Summary', median, observe)), '{"quantiles":{"0.5":"5"}}');
const mixed = list(await write('Histogram', buckets, (metric) => observe(metric, {})));
check('histogram without and with labels', mixed, '{"buckets":{"1":"0","+Inf":"1"},"count":"2","sum":"1"}');
check('gauge without the last newline', list(gauge.trimEnd()), '{"value":"1","labels":{"p":"a"}}');
const counter = '# TYPE n counter\nn_total 3\n# EOF\n';
const [, total] = parse(counter);
const seen = `${list(counter)}, then ${JSON.stringify(total.metrics[0])} as ${total.name}, ${total.type}`;
check('counter of OpenMetrics', seen, 'nothing, then {"value":"3"} as n_total, UNTYPED');
const exemplar = parse('# TYPE n counter\nn_total 3 # {id="x"} 0.5\n# EOF\n')[1].metrics[0];
check('with an exemplar', `time ${exemplar.timestamp_ms}`, 'time #{id="x"}0.5');
JS
node run.mjs
