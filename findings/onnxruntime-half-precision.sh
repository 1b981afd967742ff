#!/usr/bin/env bash
# onnx 1.23.2, onnxruntime 1.32.0, numpy 2.4.6 (PyPI); Python 3. PYTHON=… names an interpreter that has them.
#
# Expected by most: a graph that casts to float16, multiplies and casts back gives a product rounded to float16, as numpy,
#   PyTorch and ONNX's reference evaluator give it; and with optimisations off a graph runs as written.
# Seen: on the CPU nothing is rounded to float16, the operands neither, whatever the level of optimisation: the operator
#   is run in float32 between casts of its own, and casts that meet are removed even with ORT_DISABLE_ALL, the model's
#   own among them. Output:
#     numpy and evaluator: [ 1.        3.703125 -8.15625 ]
#     onnxruntime, ORT_DISABLE_ALL: [ 1.         3.7037034 -8.154845 ] (and so with each other level)
# Follows: onnxruntime on a CPU shows no overflow and no rounding of a float16 model; its answers on a GPU may differ.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv python
  python/bin/pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
  PYTHON=$dir/python/bin/python
fi
"$PYTHON" -W ignore - <<'PY'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

assert onnx.__version__ == "1.23.2" and onnxruntime.__version__ == "1.32.0"
x = np.array([0.33333334, 1.2345678, -2.7182817], np.float32)
graph = helper.make_graph(
    [
        helper.make_node("Cast", ["x"], ["half"], to=TensorProto.FLOAT16),
        helper.make_node("Mul", ["half", "three"], ["product"]),
        helper.make_node("Cast", ["product"], ["y"], to=TensorProto.FLOAT),
    ],
    "product",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [3])],
    initializer=[helper.make_tensor("three", TensorProto.FLOAT16, [], [3.0])],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
onnx.checker.check_model(model, full_check=True)
rounded = (x.astype(np.float16) * np.float16(3)).astype(np.float32)
assert (ReferenceEvaluator(model).run(None, {"x": x})[0] == rounded).all()
print("numpy and evaluator:", rounded)
for level in ("ORT_DISABLE_ALL", "ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED", "ORT_ENABLE_ALL"):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    (y,) = session.run(None, {"x": x})
    print(f"onnxruntime, {level}:", y)
    assert abs(y - 3 * x).max() < 1e-6 and abs(y - rounded).max() > 1e-3
PY
