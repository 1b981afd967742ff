#!/usr/bin/env bash
# fxpmath 0.4.10 (PyPI); Python 3.
#
# Expected by most: a product of a fixed-point number with a plain constant is right to the number's format, and what
#   has no value (NaN, 1 / 0, 1 - 2 without a sign) raises or is flagged.
# Seen: the constant is first cut to the number's own format, at both ends: times 0.003 is times 0, divided by 0.003 is
#   divided by 0, times 200 is times 127.996, also where the result would fit. The same constant as an Fxp is not cut.
#   Comparisons take it as it is, so Fxp(0.1) is not 0.1. NaN is the greatest value, 1 / 0 is 0, and 1 - 2 of unsigned
#   numbers is 0, as saturating is the default. The flags tell of none of these. Output (16 bits, 8 of them fractional):
#     100 * 0.003: 0.0
#     100 * Fxp(0.003): 0.3
#     100 / 0.003: 0.0
#     100 * 0.1: 9.765625
#     0.5 * 200: 63.99609375
#     0.5 * Fxp(200): 100.0
#     1 / 300: 0.0078125
#     Fxp(0.1) == 0.1: False
#     NaN: 127.99609375
#     1 / 0: 0.0
#     unsigned 1 - 2: 0.0
#     flagged as overflow: none of 0.5 * 200, NaN, 1 / 0
# Follows: write constants as Fxp, with a format of their own, and look for NaN and 0 before.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check fxpmath==0.4.10 numpy==2.4.6
python/bin/python -W ignore - <<'PY'
from fxpmath import Fxp


def fixed(value):
    return Fxp(value, signed=True, n_word=16, n_frac=8)


def unsigned(value):
    return Fxp(value, signed=False, n_word=8, n_frac=0)


def check(title, result, expected):
    seen = round(float(result), 8) if isinstance(result, Fxp) else bool(result)
    print(f"{title}: {seen}")
    assert seen == expected, title


check("100 * 0.003", fixed(100) * 0.003, 0)
check("100 * Fxp(0.003)", fixed(100) * Fxp(0.003), 0.3)
check("100 / 0.003", fixed(100) / 0.003, 0)
check("100 * 0.1", fixed(100) * 0.1, 9.765625)
check("0.5 * 200", fixed(0.5) * 200, 63.99609375)
check("0.5 * Fxp(200)", fixed(0.5) * Fxp(200), 100)
check("1 / 300", fixed(1) / 300, 1 / 128)
check("Fxp(0.1) == 0.1", fixed(0.1) == 0.1, False)
check("NaN", fixed(float("nan")), 127.99609375)
check("1 / 0", fixed(1) / fixed(0), 0)
check("unsigned 1 - 2", unsigned(1) - unsigned(2), 0)
results = [fixed(0.5) * 200, fixed(float("nan")), fixed(1) / fixed(0)]
assert not any(result.status["overflow"] for result in results)
print("flagged as overflow: none of 0.5 * 200, NaN, 1 / 0")
PY
