#!/usr/bin/env bash
# npyjs 1.2.0 (npm), its files read by numpy 2.4.6 (PyPI); Python 3.
#
# Expected by most: dump writes what NumPy's save would write of the same list, and an option for the type converts.
# Seen: numbers that are not whole become float32 unless one exceeds its range. A list of lists takes the type of its
#   first row and writes one number per row: 0 of [1, 2], NaN for reals, or the only one of a row. With `dtype` a typed
#   array is relabelled, so its bytes are read as other numbers. Lists with an integer above 2^32 throw, as do negative
#   ones beside an integer above 2^31. A list of texts has its size in bytes for a shape. Output (what NumPy reads):
#     dump([0.1, 16777217.5]): float32 (2,) 0.1000000015, 16777218
#     dump([0.1, 1e39]): float64 (2,) 0.1, 1e+39
#     dump([[1, 2], [300, 4]]): uint8 (2,) 0, 0
#     dump([[1, 2], [3, 4]], [2, 2]): ValueError
#     dump([[1], [300]]): uint8 (2,) 1, 44
#     dump(Int32Array 1, 2, 3 with dtype f4): float32 (3,) 1.401298464e-45, 2.802596929e-45, 4.203895393e-45
#     dump([2 ** 33]): not written, TypeError
#     dump(["ab", "c"]): ValueError
# Follows: make a typed array of the wanted type first and give its shape; leave dtype and lists.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check numpy==2.4.6
npm install --silent --no-audit --no-fund --ignore-scripts npyjs@1.2.0
cat > write.mjs <<'JS'
import { writeFileSync } from 'node:fs';
import { dump } from 'npyjs';

const files = {
  single: () => dump([0.1, 16777217.5]),
  double: () => dump([0.1, 1e39]),
  nested: () => dump([[1, 2], [300, 4]]),
  shaped: () => dump([[1, 2], [3, 4]], [2, 2]),
  column: () => dump([[1], [300]]),
  labelled: () => dump(Int32Array.of(1, 2, 3), undefined, { dtype: 'f4' }),
  large: () => dump([2 ** 33]),
  texts: () => dump(['ab', 'c']),
};
for (const [name, make] of Object.entries(files)) {
  try {
    writeFileSync(`${name}.npy`, new Uint8Array(make()));
  } catch (error) {
    writeFileSync(`${name}.error`, error.name);
  }
}
JS
node write.mjs
python/bin/python - <<'PY'
from pathlib import Path

import numpy as np


def check(title, name, expected):
    error = Path(f"{name}.error")
    if error.exists():
        seen = f"not written, {error.read_text()}"
    else:
        try:
            array = np.load(f"{name}.npy")
            seen = f"{array.dtype} {array.shape} {', '.join(f'{value:.10g}' for value in array.tolist())}"
        except ValueError as raised:
            seen = type(raised).__name__
    print(f"{title}: {seen}")
    assert seen == expected, title


check("dump([0.1, 16777217.5])", "single", "float32 (2,) 0.1000000015, 16777218")
check("dump([0.1, 1e39])", "double", "float64 (2,) 0.1, 1e+39")
check("dump([[1, 2], [300, 4]])", "nested", "uint8 (2,) 0, 0")
check("dump([[1, 2], [3, 4]], [2, 2])", "shaped", "ValueError")
check("dump([[1], [300]])", "column", "uint8 (2,) 1, 44")
units = "1.401298464e-45, 2.802596929e-45, 4.203895393e-45"
check("dump(Int32Array 1, 2, 3 with dtype f4)", "labelled", f"float32 (3,) {units}")
check("dump([2 ** 33])", "large", "not written, TypeError")
check('dump(["ab", "c"])', "texts", "ValueError")
PY
