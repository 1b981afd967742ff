#!/usr/bin/env bash
# diffprivlib 0.6.6 with scikit-learn 1.6.1, as later ones do not import (PyPI); Python 3.
#
# Expected by most: a differentially private median of many samples is near the median, the nearer the more samples
#   agree on it and the greater epsilon.
# Seen: it is drawn from between two neighbours in the sorted data, by the width of the gap, and equal values have a gap
#   of 0. So of 1000 samples that are all 5 it is any number within the bounds, of 970 ones and 30 zeros any from 0 to
#   1, and a greater epsilon ends in an error. With noise of 0.001 added to the data first it is right. A quantile of 1
#   is anywhere from the maximum to the upper bound. Output (20 draws each):
#     median of 1000 fives, bounds 0 to 10, epsilon 1: 0.10 to 9.84, true 5
#     the same, epsilon 10: RuntimeError
#     the same plus noise of 0.001, epsilon 1: 5.00 to 5.00
#     median of 970 ones and 30 zeros, bounds 0 to 1: 0.02 to 0.97, true 1
#     quantile 1 of 1000 samples from 0 to 1, bounds 0 to 10: 1.18 to 9.72, true 1
# Follows: spread counts, ages, flags and clipped values by noise of less than their step before a quantile, and round
#   after it.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check diffprivlib==0.6.6 scikit-learn==1.6.1 numpy==2.4.6
python/bin/python -W ignore - <<'PY'
import numpy as np
from diffprivlib.tools import median, quantile

generator = np.random.default_rng(1)


def draw(title, function, low, high, truth=None):
    draws = [float(function(seed)) for seed in range(20)]
    print(f"{title}: {min(draws):.2f} to {max(draws):.2f}{'' if truth is None else f', true {truth}'}")
    assert low(min(draws)) and high(max(draws)), title


fives = np.full(1000, 5.0)
wide = (lambda least: least < 1.5), (lambda most: most > 8.5)
title = "median of 1000 fives, bounds 0 to 10, epsilon 1"
draw(title, lambda seed: median(fives, epsilon=1, bounds=(0, 10), random_state=seed), *wide, 5)
try:
    seen = median(fives, epsilon=10, bounds=(0, 10), random_state=0)
except RuntimeError:
    seen = "RuntimeError"
print(f"the same, epsilon 10: {seen}")
assert seen == "RuntimeError"
spread = fives + generator.normal(0, 0.001, 1000)
near = (lambda least: least > 4.995), (lambda most: most < 5.005)
title = "the same plus noise of 0.001, epsilon 1"
draw(title, lambda seed: median(spread, epsilon=1, bounds=(0, 10), random_state=seed), *near)
flags = np.repeat([1.0, 0.0], [970, 30])
whole = (lambda least: least < 0.15), (lambda most: most > 0.85)
title = "median of 970 ones and 30 zeros, bounds 0 to 1"
draw(title, lambda seed: median(flags, epsilon=1, bounds=(0, 1), random_state=seed), *whole, 1)
line = np.linspace(0, 1, 1000)
title = "quantile 1 of 1000 samples from 0 to 1, bounds 0 to 10"
above = (lambda least: least > 0.9), (lambda most: most > 8)
draw(title, lambda seed: quantile(line, 1.0, epsilon=1, bounds=(0, 10), random_state=seed), *above, 1)
PY
