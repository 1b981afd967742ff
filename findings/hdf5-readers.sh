#!/usr/bin/env bash
# jsfive 0.4.2 and h5wasm 0.10.3 (npm), reading what h5py 3.16.0 (PyPI) wrote; Python 3.
#
# Expected by most: two readers of HDF5 give the same numbers, or one says that it can't.
# Seen: each is silently or loudly wrong where the other is right. jsfive rounds 64-bit integers to floating point,
#   without a word, and says nothing of the type; h5wasm gives bigint. h5wasm refuses half precision, which jsfive
#   reads. Output:
#     int64 9007199254740993: jsfive 9007199254740992 (number), h5wasm 9007199254740993 (bigint)
#     float16 1, 0.5: jsfive 1,0.5, h5wasm: Float16 not supported
# Follows: neither reads all of what Keras or h5py write. Shares, counters and seeds in 64 bits want h5wasm;
#   half-precision weights want jsfive.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check h5py==3.16.0 numpy==2.4.6
npm install --silent --no-audit --no-fund --ignore-scripts jsfive@0.4.2 h5wasm@0.10.3
python/bin/python - <<'PY'
import h5py, numpy

with h5py.File("t.h5", "w") as file:
    file["long"] = numpy.array([2**53 + 1], "<i8")
    file["half"] = numpy.array([1, 0.5], "<f2")
PY
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { File } from 'jsfive';
import h5wasm from 'h5wasm/node';

const { buffer } = new Uint8Array(await readFile('t.h5'));
const script = new File(buffer, 't.h5');
await h5wasm.ready;
const native = new h5wasm.File('t.h5', 'r');
const [rounded] = script.get('long').value;
const [exact] = native.get('long').value;
const half = [...script.get('half').value];
let refusal = 'none';
try {
  native.get('half').value;
} catch (error) {
  refusal = error.message;
}
console.log(`int64 9007199254740993: jsfive ${rounded} (${typeof rounded}), h5wasm ${exact} (${typeof exact})`);
console.log(`float16 1, 0.5: jsfive ${half}, h5wasm: ${refusal}`);
assert.equal(rounded, 9007199254740992);
assert.equal(exact, 9007199254740993n);
assert.deepEqual(half, [1, 0.5]);
assert.match(refusal, /Float16 not supported/);
native.close();
JS
node run.mjs
