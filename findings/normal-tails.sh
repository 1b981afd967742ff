#!/usr/bin/env bash
# simple-statistics 7.12.1, jstat 1.9.6, beside @stdlib/stats-base-dists-normal-cdf 0.3.1 (npm).
#
# Expected by most: functions of the normal distribution are right to some digits everywhere, erfc to a relative error,
#   as in the languages' own libraries; whoever calibrates noise needs the tails.
# Seen: simple-statistics looks probabilities up in the table of textbooks, in steps of 0.01 and with four digits, and
#   beyond 3.09 the answer is 0.001 or 0.999 whatever the score: at -5 it says 1 in 1000 and not 1 in 3.5 million. Its
#   quantiles are off in the third digit and finite for 0 and 1; its erf(0) is below 0. jstat's erfc is 1 - erf, so from
#   about -8 on its probabilities are noise, then 0. Output:
#     cdf(-3.1): simple-statistics 0.001, jstat 0.0009676032, stdlib 0.0009676032
#     cdf(-5): simple-statistics 0.001, jstat 2.866516e-7, stdlib 2.866516e-7
#     cdf(-8.2): simple-statistics 0.001, jstat 1.110223e-16, stdlib 1.201935e-16
#     cdf(-10): simple-statistics 0.001, jstat 0, stdlib 7.619853e-24
#     cdf(0.004): simple-statistics 0.5, jstat 0.5015958, stdlib 0.5015958
#     quantile of 0.975: simple-statistics 1.957162, jstat 1.959964
#     quantile of 1: simple-statistics 3.706079, jstat 141.4214
#     erf(0): simple-statistics -3e-8, jstat 1.110223e-16
#     erfc(6): jstat 0
# Follows: calibrate with a library whose tails have a relative error, and try -10 before trusting one.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts simple-statistics@7.12.1 jstat@1.9.6 \
  @stdlib/stats-base-dists-normal-cdf@0.3.1
cat > run.cjs <<'JS'
const assert = require('node:assert/strict');
const simple = require('simple-statistics');
const { jStat } = require('jstat');
const stdlib = require('@stdlib/stats-base-dists-normal-cdf');

function check(title, values, expected) {
  const seen = Object.entries(values).map(([name, value]) => `${name} ${Number(value.toPrecision(7))}`);
  console.log(`${title}: ${seen.join(', ')}`);
  assert.equal(seen.join(', '), expected);
}

function probability(score, ...expected) {
  const names = ['simple-statistics', 'jstat', 'stdlib'];
  const values = [simple.cumulativeStdNormalProbability(score), jStat.normal.cdf(score, 0, 1), stdlib(score, 0, 1)];
  const entries = names.map((name, i) => [name, values[i]]);
  check(`cdf(${score})`, Object.fromEntries(entries), names.map((name, i) => `${name} ${expected[i]}`).join(', '));
}

probability(-3.1, 0.001, 0.0009676032, 0.0009676032);
probability(-5, 0.001, 2.866516e-7, 2.866516e-7);
probability(-8.2, 0.001, 1.110223e-16, 1.201935e-16);
probability(-10, 0.001, 0, 7.619853e-24);
probability(0.004, 0.5, 0.5015958, 0.5015958);
for (const [share, expected] of [
  [0.975, 'simple-statistics 1.957162, jstat 1.959964'],
  [1, 'simple-statistics 3.706079, jstat 141.4214'],
]) {
  const values = { 'simple-statistics': simple.probit(share), jstat: jStat.normal.inv(share, 0, 1) };
  check(`quantile of ${share}`, values, expected);
}
const errors = { 'simple-statistics': simple.errorFunction(0), jstat: jStat.erf(0) };
check('erf(0)', errors, 'simple-statistics -3e-8, jstat 1.110223e-16');
check('erfc(6)', { jstat: jStat.erfc(6) }, 'jstat 0');
JS
node run.cjs
