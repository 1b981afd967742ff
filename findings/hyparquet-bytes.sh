#!/usr/bin/env bash
# hyparquet 1.33.0 (npm), reading what pyarrow 26.0.1 (PyPI) wrote; Python 3.
#
# Expected by most: a column of the type binary (no string annotation in the file) is read as bytes.
# Seen: it is decoded as UTF-8, and each byte that is none becomes U+FFFD, so the bytes can't be had back. With `utf8:
#   false` they come as bytes. A timestamp in nanoseconds becomes a Date, and what is below a millisecond is gone.
#   Output:
#     binary ff 00 80: string of 3, code points fffd 0 fffd
#     with utf8: false: Uint8Array ff 00 80
#     1.999999 ms: Date, 1 ms
# Follows: data sets that keep PNG images in a binary column (as image sets in Parquet do) must be read with `utf8:
#   false`; a first look at text columns does not show that.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1
npm install --silent --no-audit --no-fund --ignore-scripts hyparquet@1.33.0
python/bin/python - <<'PY'
import pyarrow, pyarrow.parquet

pyarrow.parquet.write_table(pyarrow.table({
    "bytes": pyarrow.array([b"\xff\x00\x80"], pyarrow.binary()),
    "time": pyarrow.array([1999999], pyarrow.timestamp("ns")),
}), "t.parquet")
PY
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { parquetReadObjects } from 'hyparquet';

const file = new Uint8Array(await readFile('t.parquet')).buffer;
const [row] = await parquetReadObjects({ file });
const [raw] = await parquetReadObjects({ file, utf8: false });
const points = [...row.bytes].map((character) => character.codePointAt(0).toString(16)).join(' ');
const hex = Buffer.from(raw.bytes).toString('hex').replace(/(..)(?=.)/g, '$1 ');
console.log(`binary ff 00 80: ${typeof row.bytes} of ${row.bytes.length}, code points ${points}`);
console.log(`with utf8: false: ${raw.bytes.constructor.name} ${hex}`);
console.log(`1.999999 ms: ${row.time.constructor.name}, ${Number(row.time)} ms`);
assert.equal(points, 'fffd 0 fffd');
assert.equal(hex, 'ff 00 80');
assert.equal(Number(row.time), 1);
JS
node run.mjs
