#!/usr/bin/env bash
# onnxmltools 1.16.0 with xgboost 3.2.0, scikit-learn 1.9.1 and onnxruntime 1.32.0 (PyPI); Python 3.11 or later.
#
# Expected by most: the converter of XGBoost's models refuses what it does not know, as it does a `missing` that is not
#   NaN or the objective binary:logitraw; else predictions agree to float32.
# Seen: reg:logistic and survival:cox lose their last function, so shares become scores, without a word. So do the
#   probabilities of three classes with multi:softmax. A forest of three classes (num_parallel_tree) says the same of
#   every sample, a model of two targets has another number for the first and 0 for the second. Output (the share of
#   200 samples whose prediction is off by more than 0.01, or the first sample's):
#     plain, count:poisson: 0%, 0%
#     three classes: 0%
#     reg:logistic: 1.00 becomes 6.17
#     survival:cox: 0.63 becomes 0.54
#     three classes, multi:softmax: 0.00, 0.04, 0.96 becomes -2.98, 0.10, 3.31
#     three classes, forest: 0.0, 0.0, 1.0 becomes 0.4, 0.3, 0.4
#     the forest's probabilities of other samples: the same
#     two targets: 6.63, -6.63 becomes 5.12, 0.00
#     missing=0, binary:logitraw: RuntimeError, RuntimeError
# Follows: compare predictions before a converted model is used; apply the function oneself, train one model per target.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check scikit-learn==1.9.1 onnx==1.23.2 onnxruntime==1.32.0 \
  numpy==2.4.6
python/bin/pip install --quiet --disable-pip-version-check --no-deps onnxmltools==1.16.0 xgboost==3.2.0
cat > run.py <<'PY'
import numpy as np
import onnxmltools
import onnxruntime
import xgboost
from onnxmltools.convert.common.data_types import FloatTensorType

onnxruntime.set_default_logger_severity(3)
generator = np.random.default_rng(1)
samples = generator.normal(size=(600, 4)).astype("f4")
target = samples[:, 0] * 3 + np.sin(samples[:, 1] * 3) + 5
halves, thirds = (target > 5).astype(int), np.digitize(target, [4, 6])


def predictions(labels, classes=False, **parameters):
    """What XGBoost and the converted model predict of 200 samples."""
    kind = xgboost.XGBClassifier if classes else xgboost.XGBRegressor
    model = kind(n_estimators=20, n_jobs=1, **parameters)
    model.fit(samples, labels)
    tested = samples[:200]
    own = model.predict_proba(tested) if classes else model.predict(tested)
    converted = onnxmltools.convert_xgboost(model, initial_types=[("x", FloatTensorType([None, 4]))])
    other = onnxruntime.InferenceSession(converted.SerializeToString()).run(None, {"x": tested})[-1]
    return own.reshape(200, -1), other.reshape(200, -1)


def share(own, other):
    return f"{100 * float((np.abs(own - other) > 0.01).any(axis=1).mean()):.0f}%"


def check(title, seen, expected):
    print(f"{title}: {seen}")
    assert seen == expected, title


def raised(*arguments, **parameters):
    try:
        predictions(*arguments, **parameters)
    except RuntimeError as error:
        return type(error).__name__
    return "none"


same = share(*predictions(target)), share(*predictions(np.abs(target), objective="count:poisson"))
check("plain, count:poisson", ", ".join(same), "0%, 0%")
check("three classes", share(*predictions(thirds, classes=True)), "0%")
for title, expected, arguments, parameters in [
    ("reg:logistic", "1.00 becomes 6.17", [halves.astype(float)], {"objective": "reg:logistic"}),
    ("survival:cox", "0.63 becomes 0.54", [np.abs(target) + 0.1], {"objective": "survival:cox"}),
    ("three classes, multi:softmax", "0.00, 0.04, 0.96 becomes -2.98, 0.10, 3.31", [thirds, True],
     {"objective": "multi:softmax"}),
    ("three classes, forest", "0.0, 0.0, 1.0 becomes 0.4, 0.3, 0.4", [thirds, True], {"num_parallel_tree": 3}),
    ("two targets", "6.63, -6.63 becomes 5.12, 0.00", [np.stack([target, -target], 1)], {}),
]:
    own, other = predictions(*arguments, **parameters)
    forest = title.endswith("forest")
    rows = [", ".join(f"{value:.{1 if forest else 2}f}" for value in row) for row in (own[0], other[0])]
    check(title, " becomes ".join(rows), expected)
    if forest:
        spread = np.ptp(other, axis=0).max()
        check("the forest's probabilities of other samples", "the same" if spread < 1e-6 else "others", "the same")
logitraw = raised(halves, classes=True, objective="binary:logitraw")
check("missing=0, binary:logitraw", f"{raised(target, missing=0.0)}, {logitraw}", "RuntimeError, RuntimeError")
PY
python/bin/python run.py
