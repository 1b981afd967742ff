#!/usr/bin/env bash
# @dsnp/parquetjs 1.8.8 (npm), with pyarrow 26.0.1 (PyPI) on the other side; Python 3.
#
# Expected by most: a DECIMAL column is there for amounts that floats can't hold, so 19.99 stays 19.99; an unsigned type
#   holds its upper half, in files of others and in its own; what is no value of the type throws, as 300 does in UINT_8.
# Seen: a decimal is the float times the power of ten, rounded down: 271 of the 4001 amounts from -20.00 to 20.00 are a
#   cent less, in the file too. Of up to 9 digits it also reads each second value of its own as 0. Unsigned numbers of
#   32 and 64 bits are read as signed and refused when written. Days before 1970 with an hour of the day are a day late.
#   Other values are converted: 1.9 to 1, the text false to true, an empty text to NaN. Output:
#     DECIMAL(9, 2) 19.99, 4.35, -19.94: 19.98, 0, 4.34
#     DECIMAL(18, 2) 19.99, 4.35, -19.94: 19.98, 4.34, -19.95
#     DECIMAL(18, 2), amounts that change: 271 of 4001
#     pyarrow's uint32 4294967295, uint64 18446744073709551615: -1, -1
#     writing 4294967295 as UINT_32: ERR_OUT_OF_RANGE
#     DATE 1969-12-31T23:00Z, 2020-01-01T23:00Z: 1970-01-01, 2020-01-01
#     INT32 1.9, BOOLEAN "false", DOUBLE "": 1, true, NaN
#     pyarrow reads the first file: 19.98, 4.34, -19.95
# Follows: write cents as INT64, and unsigned numbers as wider ones; correct what is read with >>> 0 and
#   BigInt.asUintN(64, ...); round dates down to a day first.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @dsnp/parquetjs@1.8.8
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check pyarrow==26.0.1
python/bin/python - <<'PY'
import pyarrow as pa
import pyarrow.parquet as parquet

columns = {"small": pa.array([2**32 - 1], pa.uint32()), "large": pa.array([2**64 - 1], pa.uint64())}
parquet.write_table(pa.table(columns), "theirs.parquet")
PY
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import parquet from '@dsnp/parquetjs';

async function read(path) {
  const reader = await parquet.ParquetReader.openFile(path);
  const cursor = reader.getCursor();
  const rows = [];
  for (let row = await cursor.next(); row !== null; row = await cursor.next()) rows.push(row);
  await reader.close();
  return rows;
}

async function stored(path, field, values) {
  const writer = await parquet.ParquetWriter.openFile(new parquet.ParquetSchema({ x: field }), path);
  for (const x of values) await writer.appendRow({ x });
  await writer.close();
  return (await read(path)).map((row) => row.x);
}

function check(title, seen, expected) {
  console.log(`${title}: ${seen}`);
  assert.equal(String(seen), expected);
}

const decimal = (precision) => ({ type: 'DECIMAL', precision, scale: 2 });
const cents = [19.99, 4.35, -19.94];
for (const [digits, expected] of [
  [9, '19.98, 0, 4.34'],
  [18, '19.98, 4.34, -19.95'],
]) {
  const seen = await stored(`${digits}.parquet`, decimal(digits), cents);
  check(`DECIMAL(${digits}, 2) ${cents.join(', ')}`, seen.join(', '), expected);
}
const amounts = Array.from({ length: 4001 }, (_, i) => (i - 2000) / 100);
const changed = (await stored('all.parquet', decimal(18), amounts)).filter((value, i) => value !== amounts[i]);
check('DECIMAL(18, 2), amounts that change', `${changed.length} of 4001`, '271 of 4001');
const [{ small, large }] = await read('theirs.parquet');
check("pyarrow's uint32 4294967295, uint64 18446744073709551615", [small, large].join(', '), '-1, -1');
const refused = await stored('no.parquet', { type: 'UINT_32' }, [2 ** 32 - 1]).catch((error) => error.code);
check('writing 4294967295 as UINT_32', refused, 'ERR_OUT_OF_RANGE');
const dates = [new Date('1969-12-31T23:00Z'), new Date('2020-01-01T23:00Z')];
const days = (await stored('days.parquet', { type: 'DATE' }, dates)).map((day) => day.toISOString().slice(0, 10));
check('DATE 1969-12-31T23:00Z, 2020-01-01T23:00Z', days.join(', '), '1970-01-01, 2020-01-01');
const loose = [];
for (const [type, value] of Object.entries({ INT32: 1.9, BOOLEAN: 'false', DOUBLE: '' }))
  loose.push(...(await stored('loose.parquet', { type }, [value])));
check('INT32 1.9, BOOLEAN "false", DOUBLE ""', loose.join(', '), '1, true, NaN');
JS
node run.mjs
python/bin/python - <<'PY'
import pyarrow.parquet as parquet

seen = ", ".join(str(value) for value in parquet.read_table("9.parquet").column("x").to_pylist())
print(f"pyarrow reads the first file: {seen}")
assert seen == "19.98, 4.34, -19.95"
PY
