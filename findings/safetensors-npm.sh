#!/usr/bin/env bash
# safetensors 0.0.1 (npm), reading what safetensors 0.8.0 (PyPI) wrote; Python 3.
#
# Expected by most: the npm package of the format's name opens files that the reference library writes.
# Seen: only those without metadata. The optional entry `__metadata__`, which Transformers writes ({"format": "pt"}),
#   is taken for a tensor without offsets. Output:
#     without metadata: tensors b, c
#     with metadata: TypeError: Cannot read properties of undefined (reading 'map')
# Follows: the package with the format's name is not by the format's authors. Whoever reads the header skips
#   `__metadata__` first.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6
npm install --silent --no-audit --no-fund --ignore-scripts safetensors@0.0.1
python/bin/python - <<'PY'
import numpy
from safetensors.numpy import save_file

tensors = {"b": numpy.zeros(3, "u1"), "c": numpy.ones(2, "f4")}
save_file(tensors, "plain.safetensors")
save_file(tensors, "meta.safetensors", metadata={"format": "np"})
PY
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const { SafeTensor } = createRequire(import.meta.url)('safetensors');
const bytes = async (name) => new Uint8Array(await readFile(name));
const names = [...new SafeTensor(await bytes('plain.safetensors')).metadata.keys()].sort().join(', ');
console.log(`without metadata: tensors ${names}`);
const withMetadata = await bytes('meta.safetensors');
let message = 'none';
try {
  new SafeTensor(withMetadata);
} catch (error) {
  message = `${error.name}: ${error.message}`;
}
console.log(`with metadata: ${message}`);
assert.equal(names, 'b, c');
assert.match(message, /TypeError/);
JS
node run.mjs
