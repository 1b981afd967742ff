#!/usr/bin/env bash
# echarts 6.1.0, rendering SVG text on the server (`ssr: true`).
#
# Expected by most: the same options give the same SVG, so reports can be compared byte for byte; and series take
#   typed arrays.
# Seen: class names hold two counters of the process, which each chart advances, so no two renders are equal, nor is
#   the second chart of a program equal to that of a program which draws it first. Apart from the counters they are
#   equal. A Float64Array as a series' data throws, while an array of bigint is drawn. Output:
#     same options twice: equal false, without the counters true
#     classes: zr0-cls-0, then zr1-cls-2
#     Float64Array: dimensions must be given if data is TypedArray.
#     bigint: same bars as numbers true
# Follows: strip `zr\d+-cls-\d+` before comparing; copy typed arrays with Array.from.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts echarts@6.1.0
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import * as echarts from 'echarts';

function svg(data) {
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: 400, height: 300 });
  const xAxis = { type: 'category', data: ['a', 'b'] };
  chart.setOption({ animation: false, xAxis, yAxis: {}, series: [{ type: 'bar', data }] });
  const text = chart.renderToSVGString();
  chart.dispose();
  return text;
}
const counters = /zr\d+-cls-\d+/g;
const bare = (text) => text.replace(counters, '');
const first = svg([1, 2]);
const second = svg([1, 2]);
console.log(`same options twice: equal ${first === second}, without the counters ${bare(first) === bare(second)}`);
console.log(`classes: ${first.match(counters)[0]}, then ${second.match(counters)[0]}`);
let message = 'none';
try {
  svg(Float64Array.of(1, 2));
} catch (error) {
  message = error.message;
}
console.log(`Float64Array: ${message}`);
const big = bare(svg([1n, 2n])) === bare(first);
console.log(`bigint: same bars as numbers ${big}`);
assert.notEqual(first, second);
assert.equal(bare(first), bare(second));
assert.match(message, /dimensions must be given/);
assert.equal(big, true);
JS
node run.mjs
