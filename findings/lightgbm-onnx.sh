#!/usr/bin/env bash
# onnxmltools 1.16.0 with lightgbm 4.7.0, scikit-learn 1.9.1 and onnxruntime 1.32.0 (PyPI); Python 3.11 or later.
#
# Expected by most: a parameter that the converter of LightGBM's models does not know is refused, as the objectives mape
#   and cross_entropy are; else predictions agree to float32.
# Seen: what is not in the list of trees is lost without a word: the square of reg_sqrt, the linear models in the leaves
#   of linear_tree, the factor of sigmoid, the kind of multiclassova (its scores go through a softmax), zeros that are
#   missing values, and the average of a forest. Categories with a fraction are another category. Output (200 samples,
#   those whose prediction is off by more than 0.01, and the means):
#     plain, poisson, categories: 0%, 0%, 0%
#     reg_sqrt: 100%, mean 5.5 becomes 2.3
#     boosting_type rf: 100%, mean 5.7 becomes 1.1
#     linear_tree: 100%
#     zero_as_missing: 30%
#     categories plus 0.5: 100%
#     classes, sigmoid 1: 0%
#     classes, sigmoid 2: 100%
#     multiclassova: 100%
#     classes, rf: 100%
#     mape, cross_entropy: RuntimeError, RuntimeError
# Follows: compare predictions on samples with zeros and missing values before a converted model is used, for each set
#   of parameters.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check onnxmltools==1.16.0 lightgbm==4.7.0 scikit-learn==1.9.1 \
  onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cat > run.py <<'PY'
import warnings

import lightgbm
import numpy as np
import onnxmltools
import onnxruntime
from onnxmltools.convert.common.data_types import FloatTensorType

warnings.simplefilter("ignore")
onnxruntime.set_default_logger_severity(3)
generator = np.random.default_rng(1)
samples = generator.normal(size=(600, 4)).astype("f4")
samples[generator.random(samples.shape) < 0.1] = 0
samples[:, 3] = generator.integers(0, 8, 600)
target = samples[:, 0] * 3 + np.sin(samples[:, 1] * 3) + samples[:, 3] % 3 + 5
halves, thirds = (target > 6).astype(int), np.digitize(target, [5, 7])
forest = {"boosting_type": "rf", "subsample": 0.7, "subsample_freq": 1}


def predictions(labels, categories=(), shift=0, classes=False, **parameters):
    """What LightGBM and the converted model predict of 200 samples, their last column plus `shift`."""
    kind = lightgbm.LGBMClassifier if classes else lightgbm.LGBMRegressor
    model = kind(n_estimators=20, n_jobs=1, verbose=-1, **parameters)
    model.fit(samples, labels, categorical_feature=list(categories))
    tested = samples[:200] + np.array([0, 0, 0, shift], "f4")
    own = model.predict_proba(tested) if classes else model.predict(tested)
    options = {"zipmap": False} if classes else {}
    converted = onnxmltools.convert_lightgbm(model, initial_types=[("x", FloatTensorType([None, 4]))], **options)
    session = onnxruntime.InferenceSession(converted.SerializeToString())
    other = session.run(None, {"x": tested})[-1]
    return own.reshape(200, -1), other.reshape(200, -1)


def share(*arguments, **parameters):
    own, other = predictions(*arguments, **parameters)
    return round(100 * float((np.abs(own - other) > 0.01).any(axis=1).mean()), -1)


def check(title, seen, expected):
    print(f"{title}: {seen}")
    assert seen == expected, title


def differ(title, expected, *arguments, **parameters):
    check(title, f"{share(*arguments, **parameters):.0f}%", expected)


def raised(objective):
    try:
        predictions(halves.astype(float), objective=objective)
    except RuntimeError as error:
        return type(error).__name__
    return "none"


same = share(target), share(np.abs(target), objective="poisson"), share(target, [3])
check("plain, poisson, categories", ", ".join(f"{value:.0f}%" for value in same), "0%, 0%, 0%")
for title, expected, parameters in [
    ("reg_sqrt", "100%, mean 5.5 becomes 2.3", {"reg_sqrt": True}),
    ("boosting_type rf", "100%, mean 5.7 becomes 1.1", forest),
]:
    means = [values.mean() for values in predictions(target, **parameters)]
    check(title, f"{share(target, **parameters):.0f}%, mean {means[0]:.1f} becomes {means[1]:.1f}", expected)
differ("linear_tree", "100%", target, linear_tree=True)
differ("zero_as_missing", "30%", target, zero_as_missing=True)
differ("categories plus 0.5", "100%", target, [3], 0.5)
differ("classes, sigmoid 1", "0%", halves, classes=True)
differ("classes, sigmoid 2", "100%", halves, classes=True, sigmoid=2.0)
differ("multiclassova", "100%", thirds, classes=True, objective="multiclassova")
differ("classes, rf", "100%", halves, classes=True, **forest)
check("mape, cross_entropy", f"{raised('mape')}, {raised('cross_entropy')}", "RuntimeError, RuntimeError")
PY
python/bin/python run.py
