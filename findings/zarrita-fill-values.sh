#!/usr/bin/env bash
# zarrita 0.7.5 (npm), reading what zarr 3.1.6 (PyPI) wrote; Python 3.11 or later.
#
# Expected by most: what was never written reads as the fill value, for integers of 64 bits, too, as their arrays are of
#   bigint; the data of an array is in the order of its shape; what can't be read is named.
# Seen: fill values pass through JSON's numbers. The greatest uint64, the usual mark for no value, reads as 0, and
#   2^60 + 1 as 2^60, while written elements are exact. Data of order F come as they are stored, with strides that say
#   so. A complex array of format 2 is "not found", and one without elements throws. Output (zarr's own reading first):
#     format 2, uint64, filled with 2^64 - 1: 18446744073709551615, 5; zarrita 0, 5
#     format 3, uint64, filled with 2^64 - 1: 18446744073709551615, 5; zarrita 0, 5
#     format 3, int64, filled with 2^60 + 1: 1152921504606846977, 5; zarrita 1152921504606846976, 5
#     format 3, int64, 2^60 + 1 written: 1152921504606846977, 5; zarrita 1152921504606846977, 5
#     format 2, order F, 0 to 5 as 2 x 3: 0, 1, 2, 3, 4, 5; zarrita 0, 3, 1, 4, 2, 5, strides 1, 2
#     format 2, complex64: 1; zarrita Not found: v3 array or group
#     format 3, shape 0 x 3: nothing; zarrita Input contains an empty iterator.
# Follows: mark missing values by a number below 2^53, write whole arrays, go by the strides.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check zarr==3.1.6 numcodecs==0.16.6 numpy==2.4.6
npm install --silent --no-audit --no-fund --ignore-scripts zarrita@0.7.5
cat > read.mjs <<'JS'
import { readFile } from 'node:fs/promises';
import { get, open } from 'zarrita';

const nothing = () => undefined;
const store = { get: (key) => readFile(`array${key}`).then((data) => new Uint8Array(data), nothing) };
try {
  const { data, stride } = await get(await open(store, { kind: 'array' }));
  console.log([...data].join(', ') + (stride.length > 1 ? `, strides ${stride.join(', ')}` : ''));
} catch (error) {
  console.log(error.message);
}
JS
python/bin/python -W ignore - <<'PY'
import subprocess

import numpy as np
import zarr


def check(title, form, expected, values=None, written=slice(None), **parameters):
    array = zarr.create_array("array", zarr_format=form, compressors=None, overwrite=True, **parameters)
    if values is not None:
        array[written] = values
    own = ", ".join(str(int(value.real)) for value in np.ravel(array[...]))
    seen = subprocess.check_output(["node", "read.mjs"], text=True).strip()
    text = f"{own or 'nothing'}; zarrita {seen}"
    print(f"format {form}, {title}: {text}")
    assert text == expected, title


greatest, odd = 2**64 - 1, 2**60 + 1
two = {"shape": (2,), "chunks": (1,)}
for form in 2, 3:
    check("uint64, filled with 2^64 - 1", form, "18446744073709551615, 5; zarrita 0, 5", 5, 1, **two, dtype="u8",
          fill_value=greatest)
check("int64, filled with 2^60 + 1", 3, "1152921504606846977, 5; zarrita 1152921504606846976, 5", 5, 1, **two,
      dtype="i8", fill_value=odd)
check("int64, 2^60 + 1 written", 3, "1152921504606846977, 5; zarrita 1152921504606846977, 5", [odd, 5], **two,
      dtype="i8")
check("order F, 0 to 5 as 2 x 3", 2, "0, 1, 2, 3, 4, 5; zarrita 0, 3, 1, 4, 2, 5, strides 1, 2",
      np.arange(6).reshape(2, 3), shape=(2, 3), chunks=(2, 3), dtype="i4", order="F")
check("complex64", 2, "1; zarrita Not found: v3 array or group", 1, shape=(1,), dtype="c8")
check("shape 0 x 3", 3, "nothing; zarrita Input contains an empty iterator.", shape=(0, 3), chunks=(1, 3), dtype="f8")
PY
