#!/usr/bin/env bash
# scikit-learn 1.9.1, skl2onnx 1.20.0, onnx 1.23.2, onnxruntime 1.32.0 (PyPI); Python 3. PYTHON=… names an interpreter
# that has them.
#
# Expected by most: what to_onnx writes with its own defaults, without a warning, onnxruntime runs.
# Seen: of an MLPClassifier, with the sample of the documentation's form (X[:1], as NumPy makes it):
#     float32, one label: runs
#     float64, one label: no session: … Type 'tensor(double)' of input parameter (probabilities) of operator (ZipMap) …
#     float32, two labels: session, then: … Input features_per_batch[4] != number of classlabels[2]
#   float64 is what NumPy makes unless told otherwise. onnx.checker passes all three.
# Follows: export with X[:1].astype(np.float32) and options={'zipmap': False}; run one row before a file is handed on.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv python
  python/bin/pip install --quiet --disable-pip-version-check \
    scikit-learn==1.9.1 skl2onnx==1.20.0 onnx==1.23.2 onnxruntime==1.32.0
  PYTHON=$dir/python/bin/python
fi
"$PYTHON" -W ignore - <<'PY' 2> errors.txt || { cat errors.txt; exit 1; }
import numpy as np
import onnx
import onnxruntime
import skl2onnx
import sklearn
from sklearn.neural_network import MLPClassifier

assert sklearn.__version__ == "1.9.1" and skl2onnx.__version__ == "1.20.0"
assert onnx.__version__ == "1.23.2" and onnxruntime.__version__ == "1.32.0"
X = np.random.default_rng(0).standard_normal((40, 3))
one = (X[:, 0] > 0).astype(int)
two = np.stack([one, X[:, 1] > 0], axis=1).astype(int)
for name, x, y in [
    ("float32, one label", X.astype(np.float32), one),
    ("float64, one label", X, one),
    ("float32, two labels", X.astype(np.float32), two),
]:
    model = MLPClassifier((4,), max_iter=20).fit(x, y)
    exported = skl2onnx.to_onnx(model, x[:1])
    onnx.checker.check_model(exported)
    end = "runs"
    try:
        session = onnxruntime.InferenceSession(exported.SerializeToString(), providers=["CPUExecutionProvider"])
        end = "no run"
        labels = session.run(None, {session.get_inputs()[0].name: x})[0]
        end = "runs" if (labels == model.predict(x)).all() else "runs, other labels"
    except Exception as error:
        end = ("session, then: " if end == "no run" else "no session: ") + str(error).split("\n")[0][-150:]
    print(f"{name}: {end}")
    assert end == "runs" if name == "float32, one label" else "ZipMap" in end
PY
