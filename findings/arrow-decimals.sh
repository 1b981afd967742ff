#!/usr/bin/env bash
# apache-arrow 21.2.0 (npm), reading what pyarrow 26.0.1 (PyPI) wrote; Python 3.
#
# Expected by most: a decimal of 12.34 prints as 12.34, and what a column's text, number and bigint say is one number.
# Seen: none of them knows of the scale: 12.34 is 1234 in all, without a word, and + concatenates. Of 64 bits negative
#   ones have a text beyond 2^64, and of 256 bits the text is the last digit; their numbers are right, but bigint,
#   template strings and JSON go by the text. Of 32 bits Number() throws or reads past the value. Output:
#     decimal128: text 1234, -1234, 100; Number 1234, -1234, 100
#     decimal128: 12.34 + 1: 12341
#     decimal256: text 4, -4, 0; Number 1234, -1234, 100
#     decimal64: text 1234, 18446744073709550382, 100; Number 1234, -1234, 100
#     decimal32: text 1234, -1234, 100; Number none is right
#     decimal256 as JSON: "4" in quotes of its own
#     decimal256.valueOf(2): 12.34, -12.34, 1
# Follows: take valueOf(column.type.scale), which gives the number, from columns of 64 bits and more, and let the
#   writer cast to float64 or to text where the fraction counts.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1
npm install --silent --no-audit --no-fund --ignore-scripts apache-arrow@21.2.0
python/bin/python - <<'PY'
from decimal import Decimal

import pyarrow as pa

values = [Decimal("12.34"), Decimal("-12.34"), Decimal("1.00")]
types = pa.decimal32(7, 2), pa.decimal64(17, 2), pa.decimal128(10, 2), pa.decimal256(50, 2)
table = pa.table({f"decimal{type_.bit_width}": pa.array(values, type_) for type_ in types})
with pa.OSFile("table.arrow", "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
    writer.write_table(table)
PY
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { tableFromIPC } from 'apache-arrow';

const table = tableFromIPC(readFileSync('table.arrow'));
const column = (name) => [...table.getChild(name)];
function numbers(values) {
  return values.map((value) => {
    try {
      return Number(value);
    } catch (error) {
      return error.name;
    }
  });
}

function check(name, texts, right) {
  const values = column(name);
  const [seen, converted] = [values.map(String), numbers(values)];
  const shown = right ? converted.join(', ') : 'none is right';
  console.log(`${name}: text ${seen.join(', ')}; Number ${shown}`);
  assert.deepEqual(seen, texts);
  if (right) assert.deepEqual(converted, [1234, -1234, 100]);
  else assert(converted.every((value, i) => value !== [1234, -1234, 100][i]));
}

check('decimal128', ['1234', '-1234', '100'], true);
const sum = column('decimal128')[0] + 1;
console.log(`decimal128: 12.34 + 1: ${sum}`);
assert.equal(sum, '12341');
check('decimal256', ['4', '-4', '0'], true);
check('decimal64', ['1234', '18446744073709550382', '100'], true);
check('decimal32', ['1234', '-1234', '100'], false);
const [json] = column('decimal256').map((value) => JSON.parse(JSON.stringify(value)));
console.log(`decimal256 as JSON: ${json} in quotes of its own`);
assert.equal(json, '"4"');
const scaled = column('decimal256').map((value) => value.valueOf(2));
console.log(`decimal256.valueOf(2): ${scaled.join(', ')}`);
assert.deepEqual(scaled, [12.34, -12.34, 1]);
JS
node run.mjs
