#!/usr/bin/env bash
# coremltools 9.0 (PyPI), constants folded by its builder of MIL programs, Linux; Python 3.11.
#
# Expected by most: operations on constants give what NumPy gives, real_div of integers a real number, and inverse the
#   inverse; what int32 cannot hold is refused.
# Seen: inverse, rsqrt and log add an epsilon by default, so 1 / 4 is 0.249994, 1 / 0 is 10000 and the logarithm of 0 is
#   -103. real_div and reduce_mean of integers are integers, and so is the norm of (1, 1). int64 becomes int32 by
#   clipping, after which sums wrap: 2^40 + 1 is -2^31. A double beyond float32 is infinite. Output:
#     inverse(4), inverse(0): 0.249994, 10000
#     inverse(4, epsilon=1e-12): 0.25
#     rsqrt(0), log(0): 1e+06, -103.279
#     real_div(7, 2), real_div(-7, 2): 3, -3
#     reduce_mean(1, 2), reduce_l2_norm(1, 1): 1, 1
#     add(2^40, 1) of int64: -2.14748e+09
#     const(1e300): inf
#     floor_div(-7, 2), mod(-7, 3), round(0.5): -4, 2, 0
# Follows: give a smaller epsilon, cast to fp32 before dividing, and keep integers within 32 bits.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check coremltools==9.0 numpy==2.4.6
cat > run.py <<'PY'
import numpy as np
from coremltools.converters.mil import Builder
from coremltools.converters.mil.mil import Function


def real(*values):
    return np.array(values, "f4")


def whole(*values):
    return np.array(values, "i4")


def check(title, expected, *makers):
    with Function({}):
        values = [float(np.ravel(make().val)[0]) for make in makers]
    seen = ", ".join(f"{value:.6g}" for value in values)
    print(f"{title}: {seen}")
    assert seen == expected, title


check("inverse(4), inverse(0)", "0.249994, 10000", *(lambda x=x: Builder.inverse(x=real(x)) for x in (4, 0)))
check("inverse(4, epsilon=1e-12)", "0.25", lambda: Builder.inverse(x=real(4), epsilon=1e-12))
check("rsqrt(0), log(0)", "1e+06, -103.279", lambda: Builder.rsqrt(x=real(0)), lambda: Builder.log(x=real(0)))
title = "real_div(7, 2), real_div(-7, 2)"
check(title, "3, -3", *(lambda x=x: Builder.real_div(x=whole(x), y=whole(2)) for x in (7, -7)))
check("reduce_mean(1, 2), reduce_l2_norm(1, 1)", "1, 1", lambda: Builder.reduce_mean(x=whole(1, 2), axes=[0]),
      lambda: Builder.reduce_l2_norm(x=whole(1, 1), axes=[0]))
large = np.array([2**40], "i8")
check("add(2^40, 1) of int64", "-2.14748e+09", lambda: Builder.add(x=large, y=np.array([1], "i8")))
check("const(1e300)", "inf", lambda: Builder.const(val=np.array([1e300])))
check("floor_div(-7, 2), mod(-7, 3), round(0.5)", "-4, 2, 0", lambda: Builder.floor_div(x=whole(-7), y=whole(2)),
      lambda: Builder.mod(x=whole(-7), y=whole(3)), lambda: Builder.round(x=real(0.5)))
PY
python/bin/python -W ignore run.py 2> errors || { cat errors; exit 1; }
