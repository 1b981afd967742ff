#!/usr/bin/env bash
# netcdfjs 4.0.0 (npm), reading what scipy 1.17.1 (PyPI) wrote; Python 3.
#
# Expected by most: a reader of NetCDF 3, the older and simpler format, gives as many numbers as the dimensions say, and
#   bytes, which the format defines as signed, with their sign.
# Seen: values fill up to four bytes in the file, and what fills is given as values, so that three numbers of 16 bits
#   are four, in each record too. Bytes have no sign and come as arrays of one. The header is right about all sizes.
#   Output:
#     16 bits, 3 numbers: scipy -1,0,1, netcdfjs [-1,0,1,-32767]
#     16 bits, 2 records of 3: scipy -1,0,1,2,3,4, netcdfjs [[-1,0,1,-32767],[2,3,4,-32767]]
#     8 bits, 2 records of 3: scipy -1,0,1,2,3,4, netcdfjs [[255,0,1,129],[2,3,4,129]]
#     8 bits, 3 numbers: scipy -1,0,1, netcdfjs [[255],[0],[1],[129]]
#     32 bits, 3 numbers: scipy -1,0,1, netcdfjs [-1,0,1]
# Follows: cut each record to the product of its dimensions, and take bytes through Int8Array.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check scipy==1.17.1 numpy==2.4.6
npm install --silent --no-audit --no-fund --ignore-scripts netcdfjs@4.0.0
cat > run.mjs <<'JS'
import { readFileSync } from 'node:fs';
import { NetCDFReader } from 'netcdfjs';

console.log(JSON.stringify(new NetCDFReader(readFileSync('data.nc')).getDataVariable(process.argv[2])));
JS
python/bin/python - <<'PY'
import subprocess

import numpy as np
from scipy.io import netcdf_file

VARIABLES = [
    ("16 bits, 3 numbers", "i2", ("x",), "[-1,0,1,-32767]"),
    ("16 bits, 2 records of 3", "i2", ("time", "x"), "[[-1,0,1,-32767],[2,3,4,-32767]]"),
    ("8 bits, 2 records of 3", "i1", ("time", "x"), "[[255,0,1,129],[2,3,4,129]]"),
    ("8 bits, 3 numbers", "i1", ("x",), "[[255],[0],[1],[129]]"),
    ("32 bits, 3 numbers", "i4", ("x",), "[-1,0,1]"),
]
with netcdf_file("data.nc", "w") as file:
    file.createDimension("time", None)
    file.createDimension("x", 3)
    for i, (_, kind, dimensions, _) in enumerate(VARIABLES):
        rows = 2 if len(dimensions) == 2 else 1
        values = np.arange(-1, 3 * rows - 1)
        file.createVariable(f"v{i}", kind, dimensions)[:] = values.reshape(rows, 3) if rows == 2 else values
with netcdf_file("data.nc", mmap=False) as file:
    for i, (title, _, _, expected) in enumerate(VARIABLES):
        numbers = ",".join(map(str, np.ravel(file.variables[f"v{i}"][:])))
        seen = subprocess.check_output(["node", "run.mjs", f"v{i}"], text=True).strip()
        print(f"{title}: scipy {numbers}, netcdfjs {seen}")
        assert seen == expected, title
PY
