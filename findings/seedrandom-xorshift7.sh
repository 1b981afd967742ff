#!/usr/bin/env bash
# seedrandom 3.0.5, the generators under seedrandom/lib.
#
# Expected by most: different seeds give different streams, and if a generator can't use a kind of seed, it says so.
# Seen: for xorshift7, every text of fewer than eight characters, and every fraction so short, gives the stream of
#   seed 0, without a word. The other generators do take texts. Output:
#     xorshift7: 8 seeds, 3 streams; those of "a", "b", "run 17", 1.5 and "1" are that of 0
#     alea: 8 seeds, 7 streams
#     xor128: 8 seeds, 8 streams
#     tychei: 8 seeds, 8 streams
#     xorwow: 8 seeds, 8 streams
#     xor4096: 8 seeds, 8 streams
# Follows: experiments "with five seeds" named by short texts can be one experiment five times. Compare the first
#   draws of two seeds before trusting any seeded generator.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts seedrandom@3.0.5
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const seeds = [0, 1, 'a', 'b', 'run 17', 1.5, 'experiment 17', '1'];
const stream = (generator, seed) => {
  const next = generator(seed);
  return Array.from({ length: 20 }, () => next()).join();
};
for (const name of ['xorshift7', 'alea', 'xor128', 'tychei', 'xorwow', 'xor4096']) {
  const streams = seeds.map((seed) => stream(require(`seedrandom/lib/${name}`), seed));
  const different = new Set(streams).size;
  const same = seeds.filter((_, i) => i > 0 && streams[i] === streams[0]).map((seed) => JSON.stringify(seed));
  const last = same.pop();
  const those = last === undefined ? '' : `; those of ${same.join(', ')} and ${last} are that of 0`;
  console.log(`${name}: ${seeds.length} seeds, ${different} streams${those}`);
  if (name === 'xorshift7') assert.deepEqual([different, same.length], [3, 4]);
  else assert.ok(different >= 7);
}
JS
node run.mjs
