#!/usr/bin/env bash
# opendp 0.16.0 (PyPI); Python 3.
#
# Expected by most: then_cast_default reads a column of text as numbers or truth values, and puts the default only where
#   nothing can be read; a number that is too great for the type ends at its bound, as sums there do.
# Seen: it reads what is an integer to the letter: 52000.00, 1e3, and 7 after a blank are 0, so a column with decimals
#   is a column of zeros, and its release is only noise. 3e9 is 0 too, since int is 32 bits. Each text but the empty one
#   is true, false as well, and so is NaN. Output:
#     text as int, 5, +5, 52000.00, 1e3, " 7", 3000000000: 5, 5, 0, 0, 0, 0
#     float as int, 1.9, -1.9, 3e9, NaN: 1, -1, 0, 0
#     text as bool, true, false, 0, no, empty: True, True, True, True, False
#     float as bool, 0, 0.5, NaN: False, True, True
#     sum of 2147483647 and 5 as int: 2147483647
# Follows: cast text to float before int, parse truth values yourself, and count zeros in a copy of the data that may be
#   looked at, before the budget is spent.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check opendp==0.16.0
python/bin/python -W ignore - <<'PY'
import opendp.prelude as dp

dp.enable_features("contrib")


def check(title, transformation, values, expected):
    result = transformation(values)
    seen = ", ".join(map(str, result if isinstance(result, list) else [result]))
    print(f"{title}: {seen}")
    assert seen == expected, title


def cast(source, target):
    return (dp.vector_domain(dp.atom_domain(T=source)), dp.symmetric_distance()) >> dp.t.then_cast_default(TOA=target)


texts = ["5", "+5", "52000.00", "1e3", " 7", "3000000000"]
check('text as int, 5, +5, 52000.00, 1e3, " 7", 3000000000', cast(str, int), texts, "5, 5, 0, 0, 0, 0")
nan = float("nan")
check("float as int, 1.9, -1.9, 3e9, NaN", cast(float, int), [1.9, -1.9, 3e9, nan], "1, -1, 0, 0")
words = ["true", "false", "0", "no", ""]
check("text as bool, true, false, 0, no, empty", cast(str, bool), words, "True, True, True, True, False")
check("float as bool, 0, 0.5, NaN", cast(float, bool), [0.0, 0.5, nan], "False, True, True")
bounded = dp.vector_domain(dp.atom_domain(bounds=(0, 2**31 - 1)))
total = (bounded, dp.symmetric_distance()) >> dp.t.then_sum()
check("sum of 2147483647 and 5 as int", total, [2**31 - 1, 5], "2147483647")
PY
