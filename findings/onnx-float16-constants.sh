#!/usr/bin/env bash
# onnxconverter-common 1.16.0, onnxruntime 1.32.0 and its own copy in onnxruntime.transformers, onnx 1.23.2, numpy 2.4.6
# (PyPI); Python 3.
#
# Expected by most: convert_float_to_float16 rounds to what float16 holds, up to 65504 and down to 6e-8, and its file
#   runs and passes the checker, as names of nodes are optional in ONNX.
# Seen: what is beyond 10000 becomes 10000, so a Clip to +-1e9 that did nothing cuts 20000 in half, and what is not 0
#   but below 1e-7 becomes 1.19e-7: 1e-9 grows by 119. With keep_io_types an input that two nodes take is cast once for
#   each, under names made from the nodes', so nodes without names give no model. The copy in onnxruntime keeps 60000
#   and makes 6e-8 of 1e-9; what it writes runs, but its casts stand last, so onnx.checker refuses each file. Output (of
#   the original, then as converted by each, and what the checker says):
#     60000 x, x = 1: 60000, converted 10000 (valid), by onnxruntime 60000 (refused)
#     1e-9 x, x = 1000: 1e-06, converted 0.000119 (valid), by onnxruntime 5.96e-05 (refused)
#     Clip(x, -1e9, 1e9), x = 20000: 20000, converted 10000 (valid), by onnxruntime 20000 (refused)
#     2 x + x, x = 1: 3, converted no model (refused), by onnxruntime 3 (refused)
#     2 x + x, named nodes, x = 1: 3, converted 3 (valid), by onnxruntime 3 (refused)
# Follows: pass max_finite_val=65504, give nodes names, and scale weights and epsilons oneself.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check onnxconverter-common==1.16.0 onnxruntime==1.32.0 \
  onnx==1.23.2 numpy==2.4.6
python/bin/python -W ignore - <<'PY'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxconverter_common import float16 as common
from onnxruntime.transformers import float16 as own

onnxruntime.set_default_logger_severity(4)


def run(model, x):
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return f"{session.run(None, {'x': np.array([x], np.float32)})[0][0]:.3g}".replace("e+04", "0000")
    except Exception:
        return "no model"


def judge(model):
    try:
        onnx.checker.check_model(model, full_check=True)
        return "valid"
    except Exception:
        return "refused"


def check(title, x, nodes, constants, expected, names=("", "")):
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    values = [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in constants.items()]
    made = [helper.make_node(*node, name=name) for node, name in zip(nodes, names)]
    graph = helper.make_graph(made, "graph", ends[:1], ends[1:], values)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    files = [module.convert_float_to_float16(model, keep_io_types=True) for module in (common, own)]
    first, second = (f"{run(file, x)} ({judge(file)})" for file in files)
    print(f"{title}, x = {x}: {run(model, x)}, converted {first}, by onnxruntime {second}")
    assert (run(model, x), first, second) == expected, title


def product(name):
    return ("Mul", ["x", name], ["y"])


twice = [("Mul", ["x", "w"], ["a"]), ("Add", ["a", "x"], ["y"])]
check("60000 x", 1, [product("w")], {"w": 60000}, ("60000", "10000 (valid)", "60000 (refused)"))
check("1e-9 x", 1000, [product("w")], {"w": 1e-9}, ("1e-06", "0.000119 (valid)", "5.96e-05 (refused)"))
clip, ends = ("Clip", ["x", "low", "high"], ["y"]), {"low": -1e9, "high": 1e9}
check("Clip(x, -1e9, 1e9)", 20000, [clip], ends, ("20000", "10000 (valid)", "20000 (refused)"))
check("2 x + x", 1, twice, {"w": 2}, ("3", "no model (refused)", "3 (refused)"))
check("2 x + x, named nodes", 1, twice, {"w": 2}, ("3", "3 (valid)", "3 (refused)"), ("Mul", "Add"))
PY
