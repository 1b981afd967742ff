#!/usr/bin/env bash
# catboost 1.2.10, its own save_model(format="onnx") and format="python", onnxruntime 1.32.0, numpy 2.4.6 (PyPI);
# Python 3.11 or later.
#
# Expected by most: a library that writes ONNX itself refuses what it can't, as it does trees that are not symmetric, a
#   scale, and labels of floating point; else labels and predictions are those of predict.
# Seen: of two classes the label is 0 or 1 whatever they are called, though their probabilities carry the right names;
#   of three it is right. One-versus-all probabilities are made by softmax in the file, by sigmoid in the model. Poisson
#   and Tweedie lose their exponential, so counts become logarithms. A model of two targets is written and loads
#   nowhere. The Python code that it writes leaves nan_mode="Max" out. Output (share of 400 samples that differ from
#   predict):
#     classes 0, 1: labels 0.0, probabilities 0.0
#     classes 3, 7: labels 1.0, probabilities 0.0
#     classes 4, 5, 9: labels 0.0, probabilities 0.0
#     classes 4, 5, 9, one versus all: labels 0.0, probabilities 1.0
#     RMSE, Poisson, Tweedie: 0.0, 1.0, 1.0
#     two targets: Fail
#     Python code, NaN as the least, as the greatest: 0.0, 0.6
# Follows: take class names from the probabilities' keys, apply exp oneself, and compare outputs once with predict.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check catboost==1.2.10 onnxruntime==1.32.0 numpy==2.4.6
python/bin/python -W ignore - <<'PY'
import numpy as np
import onnxruntime
from catboost import CatBoostClassifier, CatBoostRegressor

onnxruntime.set_default_logger_severity(4)
random = np.random.default_rng(0)
samples = random.normal(size=(400, 3)).astype(np.float32)
absent = np.where(random.random(samples.shape) < 0.25, np.nan, samples).astype(np.float32)
target = 2 * samples[:, 0] - samples[:, 1] + 3 * np.isnan(absent[:, 0])
OPTIONS = {"iterations": 20, "verbose": 0, "thread_count": 1, "allow_writing_files": False, "random_seed": 1}


def check(title, expected, seen):
    print(f"{title}: {seen}")
    assert seen == expected, title


def run(model):
    model.save_model("model.onnx", format="onnx")
    return onnxruntime.InferenceSession("model.onnx").run(None, {"features": samples})


def classify(names, expected, title="", **options):
    edges = [0] if len(names) == 2 else [-1, 1]
    model = CatBoostClassifier(**OPTIONS, **options).fit(samples, np.array(names)[np.digitize(target, edges)])
    labels, rows = run(model)
    shares = np.abs([[row[name] for name in names] for row in rows] - model.predict_proba(samples)).max(1)
    wrong = np.mean(labels != model.predict(samples).ravel()), np.mean(shares > 1e-3)
    seen = f"labels {wrong[0]:.1f}, probabilities {wrong[1]:.1f}"
    check(f"classes {', '.join(map(str, names))}{title}", expected, seen)


classify([0, 1], "labels 0.0, probabilities 0.0")
classify([3, 7], "labels 1.0, probabilities 0.0")
classify([4, 5, 9], "labels 0.0, probabilities 0.0")
several = {"loss_function": "MultiClassOneVsAll"}
classify([4, 5, 9], "labels 0.0, probabilities 1.0", ", one versus all", **several)


def regress(loss, values):
    model = CatBoostRegressor(loss_function=loss, **OPTIONS).fit(samples, values)
    return f"{np.mean(np.abs(run(model)[0].ravel() - model.predict(samples).ravel()) > 1e-3):.1f}"


counts = np.exp(target / 4)
losses = [regress("RMSE", target), regress("Poisson", counts), regress("Tweedie:variance_power=1.5", counts)]
check("RMSE, Poisson, Tweedie", "0.0, 1.0, 1.0", ", ".join(losses))
try:
    seen = regress("MultiRMSE", np.stack([target, -target], 1))
except Exception as error:
    seen = type(error).__name__
check("two targets", "Fail", seen)


def generated(mode):
    model = CatBoostRegressor(nan_mode=mode, **OPTIONS).fit(absent, target)
    model.save_model("model.py", format="python")
    names = {}
    exec(open("model.py").read(), names)
    seen = np.array([names["apply_catboost_model"](row.tolist()) for row in absent])
    return f"{np.mean(np.abs(seen - model.predict(absent)) > 1e-3):.1f}"


check("Python code, NaN as the least, as the greatest", "0.0, 0.6", f"{generated('Min')}, {generated('Max')}")
PY
