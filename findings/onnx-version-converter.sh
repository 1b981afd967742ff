#!/usr/bin/env bash
# onnx 1.23.2, its version_converter, onnxruntime 1.32.0, numpy 2.4.6 (PyPI); Python 3.
#
# Expected by most: a model that convert_version takes to another opset computes what it did, for where an operator
#   changed its meaning the nodes are rewritten, as they are for Softmax of opset 11, or the call raises.
# Seen: it rewrites Softmax upwards, but downwards only renumbers, so per-row probabilities become shares of the whole
#   sample. Hardmax keeps its axis upwards and marks the greatest value along it instead of the sample's. Linear Resize
#   and Upsample of opsets 9 and 10 count from corners; from 11 on the default counts from centres, which nobody writes
#   down, so pixels change; nearest ones do not. GroupNormalization of 18 has a scale a group, of 21 one a channel: it
#   passes the checker and does not run. No word of any. Output:
#     Softmax, axis 1, 13 to 12: 0.5 0.375 0.5 0.625 becomes 0.1 0.3 0.1 0.5
#     Softmax, axis 1, 11 to 13: 0.1 0.3 0.1 0.5 stays
#     Hardmax, axis 1, 11 to 13: 0 0 0 1 becomes 1 0 0 1
#     Upsample, linear, 9 to 10: 0 5 10 10 stays
#     Upsample, linear, 9 to 11: 0 5 10 10 becomes 0 2.5 7.5 10
#     Resize, linear, 10 to 11: 0 5 10 10 becomes 0 2.5 7.5 10
#     Resize, nearest, 10 to 11: 0 0 10 10 stays
#     GroupNormalization, 18 to 21: -1 1 -1 3 becomes no model that runs
# Follows: run both files on one input after a conversion; better export again with the opset that is wanted.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
python/bin/python - <<'PY'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper, version_converter

onnxruntime.set_default_logger_severity(4)


def run(model, x):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return " ".join(f"{value:.3g}" for value in session.run(None, {"x": x})[0].ravel())


def check(title, x, size, first, second, expected, constants=(), **attributes):
    operator = title.split(",")[0]
    node = helper.make_node(operator, ["x", *(name for name, _ in constants)], ["y"], **attributes)
    ends = [helper.make_tensor_value_info(k, TensorProto.FLOAT, s) for k, s in (("x", x.shape), ("y", size))]
    values = [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in constants]
    graph = helper.make_graph([node], "graph", ends[:1], ends[1:], values)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", first)], ir_version=8)
    converted = version_converter.convert_version(model, second)
    onnx.checker.check_model(converted, full_check=True)
    before = run(model, x)
    try:
        after = run(converted, x)
    except Exception:
        after = "no model that runs"
    seen = f"{before} stays" if after == before else f"{before} becomes {after}"
    print(f"{title}, {first} to {second}: {seen}")
    assert seen == expected, title


logits, shape = np.log(np.array([[[1, 3], [1, 5]]], np.float32)), (1, 2, 2)
check("Softmax, axis 1", logits, shape, 13, 12, "0.5 0.375 0.5 0.625 becomes 0.1 0.3 0.1 0.5", axis=1)
check("Softmax, axis 1", logits, shape, 11, 13, "0.1 0.3 0.1 0.5 stays", axis=1)
check("Hardmax, axis 1", logits, shape, 11, 13, "0 0 0 1 becomes 1 0 0 1", axis=1)
pixels, wide, twice = np.array([[[[0, 10]]]], np.float32), (1, 1, 1, 4), [("scales", [1, 1, 1, 2])]
check("Upsample, linear", pixels, wide, 9, 10, "0 5 10 10 stays", twice, mode="linear")
check("Upsample, linear", pixels, wide, 9, 11, "0 5 10 10 becomes 0 2.5 7.5 10", twice, mode="linear")
check("Resize, linear", pixels, wide, 10, 11, "0 5 10 10 becomes 0 2.5 7.5 10", twice, mode="linear")
check("Resize, nearest", pixels, wide, 10, 11, "0 0 10 10 stays", twice, mode="nearest")
four, groups = np.array([[[0], [9], [0], [9]]], np.float32), [("scale", [1, 2]), ("bias", [0, 1])]
expected = "-1 1 -1 3 becomes no model that runs"
check("GroupNormalization", four, (1, 4, 1), 18, 21, expected, groups, num_groups=2)
PY
