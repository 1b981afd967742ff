#!/usr/bin/env bash
# pino 10.4.0.
#
# Expected by most: a bigint in a log line is refused, as by JSON.stringify, or written as text; and what a logger
#   wrote can be read again.
# Seen: it is written as a JSON number with all its digits, which JSON.parse rounds without a word. A typed array
#   becomes an object with a key for each element, whatever its length. `log.info(5, 'text')` drops the text. Output:
#     line: {"level":30,"counter":18446744073709551615,"msg":"x"}
#     read again: 18446744073709552000
#     Uint8Array of 1,000 bytes: a line of 7923 characters
#     info(5, "text"): {"level":30,"msg":5}
# Follows: log 64-bit counters as strings and arrays by their length; give numbers in an object, never first.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts pino@10.4.0
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import pino from 'pino';

let line = '';
const log = pino({ base: null, timestamp: false }, { write: (text) => (line = text.trim()) });
log.info({ counter: 2n ** 64n - 1n }, 'x');
const written = line;
const read = JSON.parse(line).counter;
console.log(`line: ${written}`);
console.log(`read again: ${read}`);
log.info({ tensor: new Uint8Array(1000) }, 'x');
const length = line.length;
console.log(`Uint8Array of 1,000 bytes: a line of ${length} characters`);
const { tensor } = JSON.parse(line);
log.info(5, 'text');
console.log(`info(5, "text"): ${line}`);
assert.equal(written, '{"level":30,"counter":18446744073709551615,"msg":"x"}');
assert.notEqual(BigInt(read), 2n ** 64n - 1n);
assert.equal(Object.keys(tensor).length, 1000);
assert.ok(length > 5000);
assert.equal(line, '{"level":30,"msg":5}');
JS
node run.mjs
