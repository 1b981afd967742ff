#!/usr/bin/env bash
# MNN 3.6.1 (PyPI), its module MNN.numpy on the CPU, x64; Python 3.
#
# Expected by most: the module named after NumPy, with NumPy's functions, returns NumPy's values to float32's precision;
#   exp of 100 is infinite, and a NaN stays one.
# Seen: exp is cut at -87 and 87.7, so it is never 0 nor infinite, and of a NaN it is 1.6e-38. A NaN is both equal to
#   itself and not, clip makes 1 of it, max and argmax leave it out. Joining integers and reals takes over the integers'
#   bits. / and true_divide of integers drop the fraction, products of int32 go through float32, 2^31 and 2^40 become
#   other numbers, halves are rounded away from 0, and mod of reals has fmod's sign, fmod of integers mod's. Output
#   (what NumPy says in brackets):
#     exp(100), exp(-100): 6.076e+37, 1.646e-38 (inf, 3.784e-44)
#     exp(NaN): 1.646e-38 (nan)
#     log(exp(-100)): -87 (-99.98)
#     NaN == NaN, NaN != NaN: 1, 1 (0, 1)
#     clip(NaN, 0, 1): 1 (nan)
#     max, argmax of 1, NaN, 2: 2, 2 (nan, 1)
#     concatenate of 1 and 2.5: 1.401e-45, 2.5 (1, 2.5)
#     7 / 2, true_divide(7, 2): 3, 3 (3.5, 3.5)
#     16777217 * 1: 16777216 (16777217)
#     mean of 16777217 twice: 16777216 (16777217)
#     array of 2**31, 2**40: -2147483648, 0 (2147483648, 1099511627776)
#     round of 0.5, 2.5: 1, 3 (0, 2)
#     mod(-7.5, 2), fmod(-7, 3): -1.5, 2 (0.5, -1)
#     tanh(0.0001): 0.00010003 (0.0001)
# Follows: use it to shape inputs only; a softmax, loss or normalization written with it differs from NumPy's where
#   values are large, and training data with NaN passes unseen.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check MNN==3.6.1 numpy==2.4.6
cat > run.py <<'PY'
import warnings

import MNN.numpy as mnn
import numpy

warnings.simplefilter("ignore")
nan = float("nan")


def values(result):
    return [value for part in result for value in numpy.ravel(numpy.array(part)).tolist()]


def shown(value, digits):
    return str(int(value)) if isinstance(value, int) else f"{value:.{digits}g}"


def check(title, function, expected, digits=4):
    parts = []
    for module in mnn, numpy:
        def array(*entries):
            return module.array(list(entries))
        seen = [part.read() if hasattr(part, "read") else part for part in function(module, array)]
        parts.append(", ".join(shown(value, digits) for value in values(seen)))
    text = f"{parts[0]} ({parts[1]})"
    print(f"{title}: {text}")
    assert text == expected, title


def real(module, value):
    return module.array([value]).astype(module.float32)


check("exp(100), exp(-100)", lambda m, a: [m.exp(real(m, 100.0)), m.exp(real(m, -100.0))],
      "6.076e+37, 1.646e-38 (inf, 3.784e-44)")
check("exp(NaN)", lambda m, a: [m.exp(a(nan))], "1.646e-38 (nan)")
check("log(exp(-100))", lambda m, a: [m.log(m.exp(real(m, -100.0)))], "-87 (-99.98)")
check("NaN == NaN, NaN != NaN", lambda m, a: [a(nan) == a(nan), a(nan) != a(nan)], "1, 1 (0, 1)")
check("clip(NaN, 0, 1)", lambda m, a: [m.clip(a(nan), 0, 1)], "1 (nan)")
check("max, argmax of 1, NaN, 2", lambda m, a: [f(a(1.0, nan, 2.0)) for f in (m.max, m.argmax)], "2, 2 (nan, 1)")
check("concatenate of 1 and 2.5", lambda m, a: [m.concatenate([a(1), a(2.5)])], "1.401e-45, 2.5 (1, 2.5)")
check("7 / 2, true_divide(7, 2)", lambda m, a: [a(7) / a(2), m.true_divide(a(7), a(2))], "3, 3 (3.5, 3.5)")
check("16777217 * 1", lambda m, a: [a(16777217) * a(1)], "16777216 (16777217)")
check("mean of 16777217 twice", lambda m, a: [m.mean(a(16777217, 16777217))], "16777216 (16777217)", 8)
check("array of 2**31, 2**40", lambda m, a: [a(2**31, 2**40)], "-2147483648, 0 (2147483648, 1099511627776)")
check("round of 0.5, 2.5", lambda m, a: [m.round(a(0.5, 2.5))], "1, 3 (0, 2)")
check("mod(-7.5, 2), fmod(-7, 3)", lambda m, a: [m.mod(a(-7.5), a(2.0)), m.fmod(a(-7), a(3))], "-1.5, 2 (0.5, -1)")
check("tanh(0.0001)", lambda m, a: [m.tanh(a(0.0001))], "0.00010003 (0.0001)", 5)
PY
python/bin/python run.py > output 2> errors || { cat output errors; exit 1; }
grep -v '^The device' output
