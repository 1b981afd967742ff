#!/usr/bin/env bash
# python-dp 1.1.5 (PyDP, over Google's library of differential privacy, from PyPI); Python 3.11 on Linux.
#
# Expected by most: an algorithm is as good for integers, the default dtype, as for floats; a greater epsilon brings a
#   maximum closer; bounds that are left out are found from the data, as they are for a mean.
# Seen: integers are added in 32 bits, so 5000 times a million is a seventh of it, and their mean 141,006, though each
#   value is a million and within the bounds. Percentile of integers is 0.0 for each percentile. Max is 45 places short
#   of the top for each epsilon and number of values, Min 45 above the least. Without bounds the maximum of a thousand
#   fives is a number of 300 digits. A NaN is left out of a sum and counts; an infinity counts as the upper bound.
#   Output (the last digits vary, and all of the one without bounds):
#     5000 times 1000000, sum: int 705032697, float 5000000061
#     5000 times 1000000, mean: int 141006, float 1000000
#     0 to 99, percentile 0.9: int 0, float 89
#     0 to 999, max, epsilon 1000: int 954, float 955
#     0 to 9999, max, epsilon 1000: int 9954, float 9955
#     0 to 999, min, epsilon 1000: int 44, float 45
#     1000 fives, max, epsilon 1, no bounds: float -7.0e+307
#     half 2, half infinite, mean between 0 and 10: float 6
#     half 2, half NaN, mean between 0 and 10: float 2
# Follows: take dtype="float" whatever the data, always give bounds, and expect of a maximum the 45th greatest.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check python-dp==1.1.5
python/bin/python -W ignore - <<'PY'
from pydp.algorithms import laplacian


def run(name, kind, values, high, epsilon, **options):
    bounds = {} if high is None else {"lower_bound": kind(0), "upper_bound": kind(high)}
    algorithm = getattr(laplacian, name)(epsilon=epsilon, dtype=kind.__name__, **bounds, **options)
    return algorithm.quick_result([kind(value) for value in values])


def check(title, name, values, high, integer, real, epsilon=100.0, **options):
    seen = []
    for kind, (low, top) in ((int, integer), (float, real)):
        if (low, top) == (None, None):
            continue
        result = run(name, kind, values, high, epsilon, **options)
        assert low <= result <= top, (title, kind, result)
        seen.append(f"{kind.__name__} {result:.0f}")
    print(f"{title}: {', '.join(seen)}")


million, none = [10**6] * 5000, (None, None)
check("5000 times 1000000, sum", "BoundedSum", million, 10**6, (704e6, 706e6), (4.99e9, 5.01e9))
check("5000 times 1000000, mean", "BoundedMean", million, 10**6, (140e3, 142e3), (999e3, 1001e3))
check("0 to 99, percentile 0.9", "Percentile", range(100), 100, (0, 0), (85, 93), percentile=0.9)
for size in (1000, 10000):
    near = (size - 60, size - 30)
    check(f"0 to {size - 1}, max, epsilon 1000", "Max", range(size), size, near, near, epsilon=1000.0)
check("0 to 999, min, epsilon 1000", "Min", range(1000), 1000, (30, 60), (30, 60), epsilon=1000.0)
drawn = max((run("Max", float, [5] * 1000, None, 1.0) for _ in range(8)), key=abs)
print(f"1000 fives, max, epsilon 1, no bounds: float {drawn:.1e}")
assert abs(drawn) > 1e100
infinite, absent = [2] * 500 + [float("inf")] * 500, [2] * 500 + [float("nan")] * 500
check("half 2, half infinite, mean between 0 and 10", "BoundedMean", infinite, 10, none, (5.9, 6.1))
check("half 2, half NaN, mean between 0 and 10", "BoundedMean", absent, 10, none, (1.9, 2.1))
PY
