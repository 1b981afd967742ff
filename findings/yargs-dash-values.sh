#!/usr/bin/env bash
# yargs 18.2.0.
#
# Expected by most: an option that takes a number takes what Number() takes, and one that takes a string takes "-",
#   the usual name for standard input and output.
# Seen: a value that begins with a dash is a value only if it looks like a plain decimal. `--lr -5` works; `--lr -1e3`
#   leaves lr undefined and sets the options 1 (true) and e (3) instead. `--out -` gives an EMPTY string and puts the
#   dash among the positionals. With `=` all of them work. Output:
#     --lr -5: -5
#     --lr -1e3: undefined, other options set: 1, e
#     --lr=-1e3: -1000
#     --out -: "", positionals -
#     --out=-: "-"
# Follows: strict() turns the first into an error about "1", which nobody typed. For the second, test for "" beside a
#   lone "-".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts yargs@18.2.0
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import yargs from 'yargs';

async function parse(words) {
  const { _: positionals, $0: name, lr, out, ...others } = await yargs(words)
    .options({ lr: { type: 'number' }, out: { type: 'string' } })
    .parse();
  assert.equal(typeof name, 'string');
  return { lr, out, positionals, others: Object.keys(others).join(', ') };
}
const plain = await parse(['--lr', '-5']);
const exponent = await parse(['--lr', '-1e3']);
const equals = await parse(['--lr=-1e3']);
const dash = await parse(['--out', '-']);
const dashEquals = await parse(['--out=-']);
console.log(`--lr -5: ${plain.lr}`);
console.log(`--lr -1e3: ${exponent.lr}, other options set: ${exponent.others}`);
console.log(`--lr=-1e3: ${equals.lr}`);
console.log(`--out -: ${JSON.stringify(dash.out)}, positionals ${dash.positionals}`);
console.log(`--out=-: ${JSON.stringify(dashEquals.out)}`);
assert.equal(plain.lr, -5);
assert.equal(exponent.lr, undefined);
assert.notEqual(exponent.others, '');
assert.equal(equals.lr, -1000);
assert.equal(dash.out, '');
assert.deepEqual(dash.positionals, ['-']);
assert.equal(dashEquals.out, '-');
JS
node run.mjs
