#!/usr/bin/env bash
# apache-arrow 21.2.0 (npm), reading what pyarrow 26.0.1 (PyPI) wrote; Python 3.
#
# Expected by most: `column.toArray()` gives the values that `column.get(i)` gives, as a typed array where there is
#   one.
# Seen: three kinds of column where it gives something else, with no word of it:
#     float16: get 1, toArray 15360 (the bits, in a Uint16Array)
#     int32 with a null: get null, toArray 0
#     timestamp in ns: get 1.5 (a float, milliseconds), toArray 1500000n (nanoseconds)
# Follows: labels or pixels taken with toArray() turn "missing" into class 0, and half-precision weights into integers
#   around 15,000. Look at nullCount and the column's type first.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1 numpy==2.4.6
npm install --silent --no-audit --no-fund --ignore-scripts apache-arrow@21.2.0
python/bin/python - <<'PY'
import numpy, pyarrow

table = pyarrow.table({
    "half": pyarrow.array(numpy.array([1, 0.5], "f2")),
    "label": pyarrow.array([None, 7], pyarrow.int32()),
    "time": pyarrow.array([1500000, 0], pyarrow.timestamp("ns")),
})
with pyarrow.ipc.new_file("t.arrow", table.schema) as file:
    file.write(table)
PY
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { tableFromIPC } from 'apache-arrow';

const table = tableFromIPC(await readFile('t.arrow'));
const both = (name) => [table.getChild(name).get(0), table.getChild(name).toArray()[0]];
const [half, label, time] = ['half', 'label', 'time'].map(both);
const kind = table.getChild('half').toArray().constructor.name;
console.log(`float16: get ${half[0]}, toArray ${half[1]} (the bits, in a ${kind})`);
console.log(`int32 with a null: get ${label[0]}, toArray ${label[1]}`);
console.log(`timestamp in ns: get ${time[0]} (a float, milliseconds), toArray ${time[1]}n (nanoseconds)`);
assert.deepEqual(half, [1, 0x3c00]);
assert.deepEqual(label, [null, 0]);
assert.deepEqual(time, [1.5, 1500000n]);
JS
node run.mjs
