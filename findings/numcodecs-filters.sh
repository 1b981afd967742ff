#!/usr/bin/env bash
# numcodecs 0.16.6 (the filters of Zarr, PyPI); Python 3.
#
# Expected by most: BitRound takes bits of precision and leaves what is no number alone; FixedScaleOffset refuses or
#   clips what its type can't hold; Delta is a filter without loss.
# Seen: BitRound adds half a unit to the bits, and what carries over is another value: a NaN with all its bits set, as
#   -1 read as float32 has, is 0, and 3.4e38 is infinite. FixedScaleOffset wraps (on x64): of a byte with a scale of 10,
#   25.6 is 0, and NaN is 0. Delta of floats is summed up again in floats, so what follows a great value is lost: 1
#   after 1e8 is 0. With a smaller astype differences wrap. Output:
#     BitRound(10) of NaN 0x7fc00000, 0xffffffff, 0x7fffffff, 3.4028e38, 0.1: nan, 0.0, -0.0, inf, 0.099976
#     FixedScaleOffset of 1.2, 25.5, 25.6, -1, NaN: 1.2, 25.5, 0.0, 24.6, 0.0
#     Delta of float32 100000000, 1, 0.1: 100000000.0, 0.0, -0.9
#     Delta of int32 as int8, 0, 200, 400: 0, -56, -112
# Follows: check ranges before writing; mark what is missing by the usual NaN, not by all bits; Delta for integers only.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check numcodecs==0.16.6 numpy==2.4.6
python/bin/python -W ignore - <<'PY'
import numpy as np
from numcodecs import BitRound, Delta, FixedScaleOffset


def check(title, codec, array, expected):
    back = codec.decode(codec.encode(array.copy())).view(array.dtype)
    seen = ", ".join(f"{value:.5g}" if 0 < abs(value) < 1 else str(value) for value in back.tolist())
    print(f"{title}: {seen}")
    assert seen == expected, (title, expected)


nans = np.array([0x7FC00000, 0xFFFFFFFF, 0x7FFFFFFF], "u4").view("f4")
floats = np.concatenate([nans, np.array([3.4028e38, 0.1], "f4")])
title = "BitRound(10) of NaN 0x7fc00000, 0xffffffff, 0x7fffffff, 3.4028e38, 0.1"
check(title, BitRound(10), floats, "nan, 0.0, -0.0, inf, 0.099976")
scaled = FixedScaleOffset(offset=0, scale=10, dtype="f8", astype="u1")
values = np.array([1.2, 25.5, 25.6, -1, np.nan])
check("FixedScaleOffset of 1.2, 25.5, 25.6, -1, NaN", scaled, values, "1.2, 25.5, 0.0, 24.6, 0.0")
check("Delta of float32 100000000, 1, 0.1", Delta("f4"), np.array([1e8, 1, 0.1], "f4"), "100000000.0, 0.0, -0.9")
check("Delta of int32 as int8, 0, 200, 400", Delta("i4", "i1"), np.array([0, 200, 400], "i4"), "0, -56, -112")
PY
