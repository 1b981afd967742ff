#!/usr/bin/env bash
# csv-parse 7.0.3 (`cast: true`), papaparse 5.7.1 (`dynamicTyping: true`).
#
# Expected by most: a cell becomes a number if the whole of it is one that a double can hold, and stays text
#   otherwise.
# Seen: csv-parse takes a number's beginning, so 0x10 becomes 0, and rounds long integers. papaparse does neither, but
#   keeps "+5" as text, and makes one more row, [null], out of the newline at the end of the file, unless
#   `skipEmptyLines` is set. Output:
#     0x10: csv-parse 0, papaparse "0x10"
#     9007199254740993: csv-parse 9007199254740992, papaparse "9007199254740993"
#     +5: csv-parse 5, papaparse "+5"
#     rows of a file of 2 lines: csv-parse 2, papaparse 3
# Follows: shares and labels in CSV: read text, check it against a pattern, then convert. Count the rows.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts csv-parse@7.0.3 papaparse@5.7.1
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { parse } from 'csv-parse/sync';
import papaparse from 'papaparse';

const rows = (text) => [parse(text, { cast: true }), papaparse.parse(text, { dynamicTyping: true }).data];
const cells = { '0x10': [0, '0x10'], '9007199254740993': [9007199254740992, '9007199254740993'], '+5': [5, '+5'] };
for (const [cell, expected] of Object.entries(cells)) {
  const seen = rows(`x,${cell}\n`).map(([first]) => first[1]);
  console.log(`${cell}: csv-parse ${JSON.stringify(seen[0])}, papaparse ${JSON.stringify(seen[1])}`);
  assert.deepEqual(seen, expected);
}
const counts = rows('1,2\n3,4\n').map(({ length }) => length);
console.log(`rows of a file of 2 lines: csv-parse ${counts[0]}, papaparse ${counts[1]}`);
assert.deepEqual(counts, [2, 3]);
JS
node run.mjs
