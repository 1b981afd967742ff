#!/usr/bin/env bash
# yargs 18.2.0.
#
# Expected by most: an option of the type number is a number that somebody typed, or an error, or undefined; `type`
#   decides the type.
# Seen: the value is not checked but converted. An empty text (an unset shell variable in quotes) and `--no-seed` are
#   0, digits that a double can't hold are rounded, a word is NaN, twice the option is an array; and `--no-name` makes
#   an option of the type STRING the boolean false. None of it is an error, with strict() neither. Output:
#     --seed "": 0
#     --no-seed: 0
#     --seed 9007199254740993: 9007199254740992
#     --seed 0x10: 16
#     --seed 1_000: NaN
#     --seed 1 --seed 2: 1,2 (object)
#     --no-name: false (boolean)
# Follows: declare such options as strings and parse them with a check of your own, or a seed of 0 is used where none
#   was given.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts yargs@18.2.0
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import yargs from 'yargs';

const parse = async (words) =>
  yargs(words)
    .options({ seed: { type: 'number' }, name: { type: 'string' } })
    .strict()
    .exitProcess(false)
    .parse();
const cases = [
  ['--seed ""', ['--seed', ''], 0],
  ['--no-seed', ['--no-seed'], 0],
  ['--seed 9007199254740993', ['--seed', '9007199254740993'], 9007199254740992],
  ['--seed 0x10', ['--seed', '0x10'], 16],
  ['--seed 1_000', ['--seed', '1_000'], NaN],
];
for (const [name, words, expected] of cases) {
  const { seed } = await parse(words);
  console.log(`${name}: ${seed}`);
  assert.equal(seed, expected);
}
const { seed } = await parse(['--seed', '1', '--seed', '2']);
console.log(`--seed 1 --seed 2: ${seed} (${typeof seed})`);
assert.deepEqual(seed, [1, 2]);
const { name } = await parse(['--no-name']);
console.log(`--no-name: ${name} (${typeof name})`);
assert.equal(name, false);
JS
node run.mjs
