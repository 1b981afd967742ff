#!/usr/bin/env bash
# onnx 1.23.2, onnxruntime 1.32.0 (PyPI); Python 3. PYTHON=… names an interpreter that has them.
#
# Expected by most: onnx.reference.ReferenceEvaluator is the operators' definition at work, so where it and a runtime
#   differ the runtime is wrong.
# Seen: onnxruntime keeps to the text of the specification in each of these, the evaluator does not. Output:
#     LpNormalization p=1 of [-1, 3]: specification [-0.25, 0.75], onnxruntime [-0.25, 0.75], evaluator [-0.5, 1.5]
#       (it divides by the sum of the values, not of their magnitudes)
#     LRN size=3, alpha=3 of five ones: specification [0.439 0.354 0.354 0.354 0.439], onnxruntime the same,
#       evaluator [0.439 1 1 1 1] (of one image it normalises one channel, of n images n)
#     LogSoftmax of [0, -120]: specification [0, -120], onnxruntime [0, -120], evaluator [0, -inf] (the logarithm of
#       a softmax)
# Follows: take the expected values of a reader's tests from the text of the specification, or from two sources.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv python
  python/bin/pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0
  PYTHON=$dir/python/bin/python
fi
"$PYTHON" -W ignore - <<'PY'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

assert onnx.__version__ == "1.23.2" and onnxruntime.__version__ == "1.32.0"


def answers(operator, x, **attributes):
    shape = list(x.shape)
    graph = helper.make_graph(
        [helper.make_node(operator, ["x"], ["y"], **attributes)],
        "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0].ravel(), ReferenceEvaluator(model).run(None, {"x": x})[0].ravel()


def show(what, specification, both):
    ort, evaluator = both
    print(f"{what}: specification {np.round(specification, 3)}, onnxruntime {np.round(ort, 3)}, evaluator {np.round(evaluator, 3)}")
    assert np.allclose(ort, specification, atol=1e-6)
    return evaluator


x = np.array([[-1, 3]], np.float32)
evaluator = show("LpNormalization p=1 of [-1, 3]", x.ravel() / np.abs(x).sum(), answers("LpNormalization", x, p=1, axis=1))
assert np.allclose(evaluator, [-0.5, 1.5])

# square_sum[c] = sum of x² over max(0, c − floor((size − 1) / 2)) … min(C − 1, c + ceil((size − 1) / 2)), both included
ones = np.ones((1, 5, 1, 1), np.float32)
inside = np.array([sum(0 <= c + d < 5 for d in (-1, 0, 1)) for c in range(5)])
evaluator = show("LRN size=3 of five ones", (1 + 3 / 3 * inside) ** -0.75, answers("LRN", ones, size=3, alpha=3.0))
assert np.allclose(evaluator, [3**-0.75, 1, 1, 1, 1]), evaluator

x = np.array([[0, -120]], np.float32)
evaluator = show("LogSoftmax of [0, -120]", x.ravel(), answers("LogSoftmax", x))
assert evaluator[1] == -np.inf
PY
