#!/usr/bin/env bash
# pure-rand 8.4.2 (which fast-check uses), prando 6.0.1, d3-random 3.0.2, chance 1.1.13, random-js 2.1.0 (npm).
#
# Expected by most: a generator seeded with a number begins with a draw that looks random from seed to seed, so one may
#   be made for each item, round or party with seed + i; and two seeds that differ give two streams.
# Seen: of pure-rand, the first draw of the seed s is -1 - s as 32 bits, by two of its four generators: a number below 1
#   is 0.99 for each of 1000 seeds, and integers count down. Prando's is near one half, d3's grows slowly with the seed.
#   And a seed is cut to 32 bits: 0.1 and 0.9 (so any Math.random()), or two numbers 2^32 apart, give one stream, by all
#   but d3, for which Math.random() is right and other fractions are cut. For Chance, 'a' is 97. Output:
#     number below 100 by seeds 0 to 7, and how many different ones by seeds 0 to 999:
#     pure-rand xoroshiro128plus, integer: 47 46 45 44 43 42 41 40, 100
#     pure-rand xoroshiro128plus, 100 * float: 99 99 99 99 99 99 99 99, 1
#     pure-rand xorshift128plus, 100 * float: 99 99 99 99 99 99 99 99, 1
#     pure-rand mersenne: 96 93 96 38 82 59 82 63, 100
#     prando: 50 50 50 50 50 50 50 50, 7
#     d3-random: 23 23 23 23 23 23 23 23, 40
#     chance: 54 41 43 55 96 22 89 7, 100
#     random-js: 44 45 48 86 30 11 30 15, 100
#     seeds 0.1 and 0.9 are one stream: pure-rand true, prando true, d3-random false, chance true, random-js true
#     seeds 1 and 2^32 + 1 are one stream: pure-rand true, prando true, d3-random true, chance true, random-js true
#     seeds 'a' and 97 are one stream: chance true
# Follows: hash a seed with what it is for, and give an integer below 2^32; or draw from one stream.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts pure-rand@8.4.2 prando@6.0.1 d3-random@3.0.2 chance@1.1.13 \
  random-js@2.1.0
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import Chance from 'chance';
import { randomInt, randomLcg } from 'd3-random';
import Prando from 'prando';
import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { mersenne } from 'pure-rand/generator/mersenne';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { xorshift128plus } from 'pure-rand/generator/xorshift128plus';
import { MersenneTwister19937, Random } from 'random-js';

const d3 = (seed, end = 100) => randomInt.source(randomLcg(seed))(0, end);
const chance = (seed) => new Chance(seed);
const random = (seed) => new Random(MersenneTwister19937.seed(seed));
const prando = (seed) => new Prando.default(seed);
const firsts = [
  ['pure-rand xoroshiro128plus, integer', (seed) => uniformInt(xoroshiro128plus(seed), 0, 99)],
  ['pure-rand xoroshiro128plus, 100 * float', (seed) => 100 * uniformFloat64(xoroshiro128plus(seed))],
  ['pure-rand xorshift128plus, 100 * float', (seed) => 100 * uniformFloat64(xorshift128plus(seed))],
  ['pure-rand mersenne', (seed) => uniformInt(mersenne(seed), 0, 99)],
  ['prando', (seed) => prando(seed).nextInt(0, 99)],
  ['d3-random', (seed) => d3(seed)()],
  ['chance', (seed) => chance(seed).integer({ min: 0, max: 99 })],
  ['random-js', (seed) => random(seed).integer(0, 99)],
];
const EXPECTED = [
  '47 46 45 44 43 42 41 40, 100',
  '99 99 99 99 99 99 99 99, 1',
  '99 99 99 99 99 99 99 99, 1',
  '96 93 96 38 82 59 82 63, 100',
  '50 50 50 50 50 50 50 50, 7',
  '23 23 23 23 23 23 23 23, 40',
  '54 41 43 55 96 22 89 7, 100',
  '44 45 48 86 30 11 30 15, 100',
];
console.log('number below 100 by seeds 0 to 7, and how many different ones by seeds 0 to 999:');
for (const [i, [name, first]] of firsts.entries()) {
  const draws = Array.from({ length: 1000 }, (_, seed) => Math.floor(first(seed)));
  const seen = `${draws.slice(0, 8).join(' ')}, ${new Set(draws).size}`;
  console.log(`${name}: ${seen}`);
  assert.equal(seen, EXPECTED[i], name);
}

const LAST = 2 ** 30;
const streams = {
  'pure-rand'(seed) {
    const generator = xoroshiro128plus(seed);
    return () => uniformInt(generator, 0, LAST);
  },
  prando(seed) {
    const generator = prando(seed);
    return () => generator.nextInt(0, LAST);
  },
  'd3-random': (seed) => d3(seed, LAST),
  chance(seed) {
    const generator = chance(seed);
    return () => generator.integer({ min: 0, max: LAST });
  },
  'random-js'(seed) {
    const generator = random(seed);
    return () => generator.integer(0, LAST);
  },
};
function compare(title, a, b, names, different = []) {
  const seen = names.map((name) => {
    const [one, other] = [a, b].map((seed) => Array.from({ length: 20 }, streams[name](seed)).join());
    assert.equal(one === other, !different.includes(name), name);
    return `${name} ${one === other}`;
  });
  console.log(`seeds ${title} are one stream: ${seen.join(', ')}`);
}
compare('0.1 and 0.9', 0.1, 0.9, Object.keys(streams), ['d3-random']);
compare('1 and 2^32 + 1', 1, 2 ** 32 + 1, Object.keys(streams));
compare("'a' and 97", 'a', 97, ['chance']);
JS
node run.mjs
