#!/usr/bin/env bash
# onnxoptimizer 0.4.2, onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6 (PyPI); Python 3.
#
# Expected by most: of two Reshape nodes in a row the first can go, as the second says all of the shape; so the default
#   passes give the same numbers.
# Seen: the first goes even where the second's shape has a 0, which means "as in the input": the input now is another
#   one. A batch of six rows of four becomes two rows of twelve, without a word, and a softmax over rows has other
#   numbers; where the rest of the shape is given, the file no longer runs. Without a 0 it is right. Output:
#     Reshape to [6, 4], then to [0, -1]: shape (6, 4), first value 0.2500; optimised: shape (2, 12), first value 0.0833
#     Reshape to [6, 4], then to [0, 2, 2]: shape (6, 2, 2), first value 0.5000; optimised: does not run
#     Reshape to [6, 4], then to [6, -1]: shape (6, 4), first value 0.2500; optimised: shape (6, 4), first value 0.2500
# Follows: compare outputs before and after optimising, shapes included; write -1 for the batch instead of 0 where
#   a tensor is reshaped twice (attention heads, windows).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv python
  python/bin/pip install --quiet --disable-pip-version-check onnxoptimizer==0.4.2 onnxruntime==1.32.0 onnx==1.23.2 \
    numpy==2.4.6
  PYTHON=$dir/python/bin/python
fi
"$PYTHON" - <<'PY'
import numpy as np
import onnx
import onnxoptimizer
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

onnxruntime.set_default_logger_severity(4)


def run(model):
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        y = session.run(None, {"x": np.zeros((2, 3, 4), np.float32)})[0]
        return f"shape {y.shape}, first value {y.ravel()[0]:.4f}"
    except Exception:
        return "does not run"


def check(first, second, before, after):
    shapes = [numpy_helper.from_array(np.array(shape), name) for shape, name in ((first, "s"), (second, "t"))]
    nodes = [
        helper.make_node("Reshape", ["x", "s"], ["a"]),
        helper.make_node("Reshape", ["a", "t"], ["b"]),
        helper.make_node("Softmax", ["b"], ["y"], axis=-1),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3, 4])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [None] * len(second))
    graph = helper.make_graph(nodes, "case", [x], [y], shapes)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    seen = run(model), run(onnxoptimizer.optimize(model))
    print(f"Reshape to {first}, then to {second}: {seen[0]}; optimised: {seen[1]}")
    assert seen == (before, after)


rows = "shape (6, 4), first value 0.2500"
check([6, 4], [0, -1], rows, "shape (2, 12), first value 0.0833")
check([6, 4], [0, 2, 2], "shape (6, 2, 2), first value 0.5000", "does not run")
check([6, 4], [6, -1], rows, rows)
PY
