#!/usr/bin/env bash
# onnxscript 0.7.2, its optimizer, which PyTorch's exporter runs unless told otherwise; onnxsim 0.8.1, onnxruntime
# 1.32.0, onnx 1.23.2, onnx-ir 1.1.0, numpy 2.4.6 (PyPI); Python 3.
#
# Expected by most: what optimises a model changes its last digits at most, and folds constants to what the model's
#   operators give.
# Seen: two clips in a row, and a clip before a Relu, are merged by taking the narrower of each bound, which is another
#   function where the ranges do not meet. Zeros padded before a ConvInteger become its own padding, which counts as the
#   zero point, so padded quantised images have other sums. Constants are folded by onnx's reference evaluator, whose
#   LogSoftmax and LpNormalization are not the specification's. No warning. onnxsim and onnxruntime's own optimiser keep
#   all of these. Output (onnxruntime without optimising, then after onnxscript):
#     Clip to 0 ... 1, Clip to 3 ... 6: 3, onnxscript 1
#     Clip to -3 ... -2, Relu: 0, onnxscript -2
#     Pad, ConvInteger with zero point 128: -510, onnxscript -254
#     LogSoftmax of constants 0, 200: -200 0, onnxscript -inf 0
#     LpNormalization, p = 1, of constants -1, 3: -0.25 0.75, onnxscript -0.5 1.5
# Follows: compare the optimised file with the one before on real input, quantised ones above all; torch.onnx.export
#   takes optimize=False.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check onnxscript==0.7.2 onnxsim==0.8.1 onnxruntime==1.32.0 \
  onnx==1.23.2 onnx-ir==1.1.0 numpy==2.4.6
python/bin/python -W ignore - <<'PY' 2> errors || { cat errors; exit 1; }
import numpy as np
import onnx
import onnxruntime
import onnxsim
from onnx import helper, numpy_helper
from onnxscript import optimizer

onnxruntime.set_default_logger_severity(4)
plain = onnxruntime.SessionOptions()
plain.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL


def run(model, x, options=plain):
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return " ".join(f"{value:g}" for value in session.run(None, {"x": x})[0].ravel())


def check(title, x, size, result, nodes, constants, before, after):
    ends = [("x", x.dtype, x.shape), ("y", np.dtype(result), size)]
    ends = [helper.make_tensor_value_info(k, helper.np_dtype_to_tensor_dtype(t), s) for k, t, s in ends]
    values = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    made = [helper.make_node(kind, takes.split(), [gives], **options) for kind, takes, gives, options in nodes]
    graph = helper.make_graph(made, "graph", ends[:1], ends[1:], values)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    seen = run(model, x), run(optimizer.optimize(model), x)
    print(f"{title}: {seen[0]}, onnxscript {seen[1]}")
    assert seen == (before, after), title
    assert {run(model, x, None), run(onnxsim.simplify(model)[0], x)} == {before}, title


def bounds(**values):
    return {name: np.float32(value) for name, value in values.items()}


five, one = np.array([5], np.float32), (1,)
clips = [("Clip", "x a b", "m", {}), ("Clip", "m c d", "y", {})]
check("Clip to 0 ... 1, Clip to 3 ... 6", five, one, "f4", clips, bounds(a=0, b=1, c=3, d=6), "3", "1")
clips[1] = ("Relu", "m", "y", {})
check("Clip to -3 ... -2, Relu", five, one, "f4", clips, bounds(a=-3, b=-2), "0", "-2")
pixel = np.full((1, 1, 1, 2), 1, np.uint8)
padded = {"p": np.array([0, 0, 0, 1, 0, 0, 0, 1]), "w": np.ones((1, 1, 1, 4), np.uint8), "z": np.uint8(128)}
padded["v"] = np.uint8(0)
nodes = [("Pad", "x p v", "m", {}), ("ConvInteger", "m w z", "y", {})]
check("Pad, ConvInteger with zero point 128", pixel, (1, 1, 1, 1), "i4", nodes, padded, "-510", "-254")
for kind, options, constants, before, after in (
    ("LogSoftmax", {}, [0, 200], "-200 0", "-inf 0"),
    ("LpNormalization", {"p": 1}, [-1, 3], "-0.25 0.75", "-0.5 1.5"),
):
    nodes = [(kind, "c", "m", options), ("Mul", "m x", "y", {})]
    title = f"{kind} of constants {', '.join(map(str, constants))}"
    check(title, np.ones(1, np.float32), (2,), "f4", nodes, {"c": np.array(constants, np.float32)}, before, after)
PY
