#!/usr/bin/env bash
# m2cgen 0.10.0, scikit-learn 1.9.1, lightgbm 4.7.0, numpy 2.4.6 (PyPI), code for Python; Python 3.11 or later.
#
# Expected by most: what the generator of code does not know it refuses, as it does zero_as_missing of LightGBM or the
#   generalised linear models of this scikit-learn; else score() gives what the model predicts, and the greatest of
#   three scores of three classes is the class.
# Seen: a tree of scikit-learn that learned where missing values go sends every NaN right. Of LightGBM's linear leaves
#   the constants are left, while NaN is followed there. A support vector machine of three classes gives its three pairs
#   in place of three classes, so the greatest is another class for most samples; of four classes it gives six. No word
#   of it. Output (share of 400 samples that differ from predict):
#     tree of scikit-learn: 0.0, with NaN 0.3
#     trees of LightGBM: 0.0, with NaN 0.0
#     linear leaves of LightGBM: 1.0
#     SVC, greatest of 3 scores: 0.7, votes of pairs 0.0
# Follows: fill in missing values before trees are trained, leave linear_tree alone, count votes of pairs for an SVC.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check m2cgen==0.10.0 scikit-learn==1.9.1 \
  lightgbm==4.7.0 numpy==2.4.6
python/bin/python -W ignore - <<'PY'
import lightgbm
import m2cgen
import numpy as np
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeRegressor

random = np.random.default_rng(1)
samples = random.normal(size=(400, 3))
absent = np.where(random.random(samples.shape) < 0.3, np.nan, samples)
targets = 2 * samples[:, 0] - samples[:, 1] + 3 * np.isnan(absent[:, 0])
classes = random.integers(0, 3, 400)
centres = np.array([[3, 0, 0], [0, 3, 0], [0, 0, 3]])[classes]


def scores(model, rows):
    names = {}
    exec(m2cgen.export_to_python(model), names)
    return np.array([names["score"](list(row)) for row in rows])


def share(model, rows):
    return f"{np.mean(np.abs(scores(model, rows) - model.predict(rows)) > 1e-6):.1f}"


def check(title, expected, seen):
    print(f"{title}: {seen}")
    assert seen == expected, title


tree = DecisionTreeRegressor(max_depth=4, random_state=1).fit(absent, targets)
check("tree of scikit-learn", "0.0, with NaN 0.3", f"{share(tree, samples)}, with NaN {share(tree, absent)}")
quiet = {"n_estimators": 5, "verbose": -1, "n_jobs": 1}
forest = lightgbm.LGBMRegressor(**quiet).fit(absent, targets)
check("trees of LightGBM", "0.0, with NaN 0.0", f"{share(forest, samples)}, with NaN {share(forest, absent)}")
linear = lightgbm.LGBMRegressor(linear_tree=True, **quiet).fit(samples, targets)
check("linear leaves of LightGBM", "1.0", share(linear, samples))
machine = SVC(decision_function_shape="ovr").fit(samples + centres, classes)
pairs, predicted = scores(machine, samples + centres), machine.predict(samples + centres)
assert pairs.shape == (400, 3)
first, second, third = (pairs > 0).T
votes = np.stack([first * 1 + second, ~first * 1 + third, ~second * 1 + ~third], 1)
wrong = [np.mean(np.argmax(table, 1) != predicted) for table in (pairs, votes)]
check("SVC, greatest of 3 scores", "0.7, votes of pairs 0.0", f"{wrong[0]:.1f}, votes of pairs {wrong[1]:.1f}")
PY
