#!/usr/bin/env bash
# ml_dtypes 0.6.0 (bfloat16, float8 and int4 for NumPy; JAX and TensorFlow bring it), numpy 2.4.6 (PyPI); Python 3.
#
# Expected by most: NumPy adds up a small type in a wider one, as it does int8 in int64 and float16 in float32 for a
#   mean; NaN is sorted to the end; a type that has no NaN refuses one.
# Seen: sums stay in the type and stand still, so 4096 ones add to 256 and their mean is 1/16, in float8 to 16; int4
#   wraps. Only dot products of floats are added wider. A variance is wrong with no sign of it. sort leaves a NaN where
#   it is, and unique leaves equal numbers apart. NaN becomes -0 in 4 and 6 bits, where 1 / 0 is 6, and 0 in int4, which
#   wraps what floats bring. Output (bfloat16 where nothing else is said):
#     sum, mean, dot of 4096 ones: 256, 0.0625, 4096
#     the same in float16: 4096, 1, 4096
#     sum, mean of 100 ones in float8_e4m3fn: 16, 0.15625
#     sum, mean, dot of ten 7 in int4: 6, 0, -6
#     variance of 0 to 999: 147456, in float32 83336
#     sort of 3, NaN, 2, 1: 3, nan, 1, 2
#     unique of 3, NaN, 2, 3: 3, nan, 2, 3
#     NaN, 0 / 0, 1 / 0 in float4_e2m1fn: -0, 0, 6
#     9, 300, NaN as int4: -7, -4, 0
# Follows: give sum, mean and var a dtype=np.float32, or convert first; look for NaN before sorting and before 4 bits;
#   clip before int4.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check ml_dtypes==0.6.0 numpy==2.4.6
python/bin/python -W ignore - <<'PY'
import ml_dtypes
import numpy as np
from ml_dtypes import bfloat16, float4_e2m1fn, float8_e4m3fn, int4


def check(title, expected, *values):
    seen = ", ".join(map(str, values))
    print(f"{title}: {seen}")
    assert seen == expected, title


def listed(array):
    return ", ".join(f"{value:g}" for value in np.asarray(array).astype(np.float32).ravel())


def totals(array):
    return listed([np.float32(x) for x in (array.sum(), array.mean(), array.dot(array))])


check("sum, mean, dot of 4096 ones", "256, 0.0625, 4096", totals(np.ones(4096, bfloat16)))
check("the same in float16", "4096, 1, 4096", totals(np.ones(4096, np.float16)))
ones = np.ones(100, float8_e4m3fn)
check("sum, mean of 100 ones in float8_e4m3fn", "16, 0.15625", listed(ones.sum()), listed(ones.mean()))
check("sum, mean, dot of ten 7 in int4", "6, 0, -6", totals(np.full(10, 7, int4)))
many = np.arange(1000).astype(bfloat16)
narrow, wide = (f"{float(many.var(dtype=kind)):.0f}" for kind in (None, np.float32))
check("variance of 0 to 999", "147456, in float32 83336", narrow, f"in float32 {wide}")
nan = np.nan
check("sort of 3, NaN, 2, 1", "3, nan, 1, 2", listed(np.sort(np.array([3, nan, 2, 1], bfloat16))))
check("unique of 3, NaN, 2, 3", "3, nan, 2, 3", listed(np.unique(np.array([3, nan, 2, 3], bfloat16))))
zero, one = np.zeros(1, float4_e2m1fn), np.ones(1, float4_e2m1fn)
none = np.array([nan], np.float32).astype(float4_e2m1fn)
check("NaN, 0 / 0, 1 / 0 in float4_e2m1fn", "-0, 0, 6", *map(listed, (none, zero / zero, one / zero)))
check("9, 300, NaN as int4", "-7, -4, 0", listed(np.array([9, 300, nan], np.float32).astype(int4)))
PY
