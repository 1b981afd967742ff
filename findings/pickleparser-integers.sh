#!/usr/bin/env bash
# pickleparser 0.2.1 (npm), reading what Python 3's own pickle wrote in protocols 0 to 4.
#
# Expected by most: integers that a double holds come out exact, others throw or are bigint; a text is the same text in
#   each protocol, and what the parser does not know throws.
# Seen: from protocol 2 on, which all use, numbers below -2^31 have a wrong sign and size: -2^40 is a large positive
#   number. Others are rounded to doubles, from 2^63 on it throws. In protocol 0 infinity is NaN, and texts keep their
#   escapes. Classes become objects without what they hold: a Counter is empty, and so are bytes below protocol 3.
#   Output:
#     -2147483648: protocol 0 -2147483648, protocol 2 -2147483648, protocol 4 -2147483648
#     -2147483649: protocol 0 -2147483649, protocol 2 1097364144127, protocol 4 1097364144127
#     -1099511627776: protocol 0 -1099511627776, protocol 2 280375465082880, protocol 4 280375465082880
#     9007199254740993: protocol 0 9007199254740992, protocol 2 9007199254740992, protocol 4 9007199254740992
#     inf: protocol 0 NaN, protocol 2 Infinity, protocol 4 Infinity
#     'a\\b': protocol 0 'a\\u005cb', protocol 2 'a\\b', protocol 4 'a\\b'
#     b'ab': protocol 0 PFunction {}, protocol 2 PFunction {}, protocol 4 <Buffer 61 62>
#     Counter({'a': 2}): protocol 0 PFunction {}, protocol 2 PFunction {}, protocol 4 PFunction {}
# Follows: hand numbers over as JSON, .npy or msgpack; where it must be pickle, write protocol 4 and numbers as floats.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts pickleparser@0.2.1
python3 - <<'PY'
import collections
import json
import pickle

values = [-(2**31), -(2**31) - 1, -(2**40), 2**53 + 1, float("inf"), "a\\b", b"ab", collections.Counter("aa")]
PROTOCOLS = (0, 2, 4)
rows = [[repr(value), [pickle.dumps(value, protocol=number).hex() for number in PROTOCOLS]] for value in values]
with open("rows.json", "w") as file:
    json.dump(rows, file)
PY
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import { Parser } from 'pickleparser';

const expected = [
  ['-2147483648', '-2147483648', '-2147483648'],
  ['-2147483649', '1097364144127', '1097364144127'],
  ['-1099511627776', '280375465082880', '280375465082880'],
  ['9007199254740992', '9007199254740992', '9007199254740992'],
  ['NaN', 'Infinity', 'Infinity'],
  ["'a\\\\u005cb'", "'a\\\\b'", "'a\\\\b'"],
  ['PFunction {}', 'PFunction {}', '<Buffer 61 62>'],
  ['PFunction {}', 'PFunction {}', 'PFunction {}'],
];
console.warn = () => {};
JSON.parse(readFileSync('rows.json', 'utf8')).forEach(([title, files], row) => {
  const seen = files.map((file) => inspect(new Parser().parse(Buffer.from(file, 'hex'))));
  console.log(`${title}: ${seen.map((value, i) => `protocol ${2 * i} ${value}`).join(', ')}`);
  assert.deepEqual(seen, expected[row]);
});
JS
node run.mjs
