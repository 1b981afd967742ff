#!/usr/bin/env bash
# numpy-parser 1.2.3 (npm), reading what numpy 2.4.6 (PyPI) wrote; Python 3.
#
# Expected by most: the shape of a vector of three elements is [3], as numpy says, and a type that the parser does not
#   know is named in the error.
# Seen: the vector becomes a matrix of one column, while matrices and scalars keep their shape; booleans, the type of
#   every mask, end in an error of the parser itself, that names no type. Output:
#     scalar: []
#     vector of 3: [3,1]
#     matrix 2 x 3: [2,3]
#     booleans: ReferenceError: dtype is not defined
# Follows: a bias read with it has two dimensions. Compare the number of dimensions, not only the number of elements.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6
npm install --silent --no-audit --no-fund --ignore-scripts numpy-parser@1.2.3
python/bin/python - <<'PY'
import numpy

numpy.save("scalar.npy", numpy.array(1, "f4"))
numpy.save("vector.npy", numpy.arange(3, dtype="f4"))
numpy.save("matrix.npy", numpy.arange(6, dtype="f4").reshape(2, 3))
numpy.save("boolean.npy", numpy.array([True, False]))
PY
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const { fromArrayBuffer } = createRequire(import.meta.url)('numpy-parser');
const parse = async (name) => fromArrayBuffer(new Uint8Array(await readFile(`${name}.npy`)).buffer);
const [scalar, vector, matrix] = (await Promise.all(['scalar', 'vector', 'matrix'].map(parse))).map(({ shape }) => shape);
const message = await parse('boolean').catch((error) => `${error.name}: ${error.message}`);
console.log(`scalar: ${JSON.stringify(scalar)}`);
console.log(`vector of 3: ${JSON.stringify(vector)}`);
console.log(`matrix 2 x 3: ${JSON.stringify(matrix)}`);
console.log(`booleans: ${message}`);
assert.deepEqual([scalar, vector, matrix], [[], [3, 1], [2, 3]]);
assert.equal(message, 'ReferenceError: dtype is not defined');
JS
node run.mjs
