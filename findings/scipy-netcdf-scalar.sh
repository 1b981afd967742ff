#!/usr/bin/env bash
# scipy 1.17.1, netCDF4 1.7.5.1.post1 (PyPI); Python 3.
#
# Expected by most: what netcdf_file writes is what was given to it; a variable without dimensions, as a CRS or a seed
#   beside the data, is the simplest of all.
# Seen: variables are written by decreasing shape, those along the unlimited dimension last, and a scalar after these.
#   Its place is behind the first record, where the second one lies, so it takes the place of the first value there.
#   Nothing is said. scipy reads the file with that value replaced; the library of the format's makers does not take it
#   for a NetCDF file. A vector of one element does no harm. (assignValue, the method for scalars, raises IndexError.)
#   Output:
#     records alone: scipy 0,1,2,3,4,5,6,7,8, netCDF4 the same
#     beside a scalar of 77: scipy 0,1,2,77,4,5,6,7,8, netCDF4 Unknown file format
#     beside a vector of one element: scipy 0,1,2,3,4,5,6,7,8, netCDF4 the same
# Follows: give such values a dimension of 1 or make them attributes, or write with netCDF4.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check scipy==1.17.1 netCDF4==1.7.5.1.post1 numpy==2.4.6
python/bin/python - <<'PY'
import netCDF4
import numpy as np
from scipy.io import netcdf_file


def read(open_file):
    try:
        with open_file() as file:
            return ",".join(map(str, np.ravel(np.array(file.variables["records"][:]))))
    except OSError as error:
        return str(error).split(": ")[1]


def check(title, expected, other="the same", dimensions=None):
    with netcdf_file("data.nc", "w") as file:
        file.createDimension("time", None)
        file.createDimension("x", 3)
        file.createDimension("one", 1)
        file.createVariable("records", np.int32, ("time", "x"))[:] = np.arange(9).reshape(3, 3)
        if dimensions is not None:
            file.createVariable("other", np.int32, dimensions)[...] = 77
    seen, official = read(lambda: netcdf_file("data.nc", mmap=False)), read(lambda: netCDF4.Dataset("data.nc"))
    official = "the same" if official == seen else official
    print(f"{title}: scipy {seen}, netCDF4 {official}")
    assert (seen, official) == (expected, other), title


check("records alone", "0,1,2,3,4,5,6,7,8")
check("beside a scalar of 77", "0,1,2,77,4,5,6,7,8", "Unknown file format", ())
check("beside a vector of one element", "0,1,2,3,4,5,6,7,8", dimensions=("one",))
PY
