#!/usr/bin/env bash
# openvino 2026.4.1, onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6 (PyPI); Python 3. Seen on x64; PYTHON=… names an
# interpreter that has them.
#
# Expected by most: a graph of integers, whose file passes onnx.checker with full_check and whose inputs and outputs
#   keep their declared types, is computed in those types: modulo 2^8, 2^32 or 2^64, as ONNX and onnxruntime do it.
# Seen: on the CPU the results have the declared types, but int64 is computed in 32 bits (inputs lose their upper
#   half, constants saturate), uint8 saturates, and int32 goes through float32 in division, remainder, comparison,
#   sums and matrix products, so 16777217 > 16777216 is false. double is float32. No warning. Output:
#     int64, x + 1 of 2^40 + 1: onnxruntime 1099511627778, OpenVINO 2
#     int64, x * (2^40 + 1) of 1: onnxruntime 1099511627777, OpenVINO 2147483647
#     int64, x * x / x of 2^20: onnxruntime 1048576, OpenVINO 0
#     uint8, x + x of 200: onnxruntime 144, OpenVINO 255
#     int32, x / 2 of 2147483647: onnxruntime 1073741823, OpenVINO 1073741824
#     int32, x mod 3 of 2147483647: onnxruntime 1, OpenVINO 0
#     int32, x > 16777216 of 16777217: onnxruntime True, OpenVINO False
#     int32, sum of 16777216 and 1: onnxruntime 16777217, OpenVINO 16777216
#     double, x + x of 1e300: onnxruntime 2e+300, OpenVINO 3.4028234663852886e+38
# Follows: shares, hashes, counters and token numbers above 2^24 do not survive it; products and sums modulo 2^32 of
#   int32 element by element do. Compare with onnxruntime on large numbers, not on small ones.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv python
  python/bin/pip install --quiet --disable-pip-version-check openvino==2026.4.1 onnx==1.23.2 onnxruntime==1.32.0 \
    numpy==2.4.6
  PYTHON=$dir/python/bin/python
fi
"$PYTHON" -W ignore - <<'PY'
import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper

INT64, INT32, UINT8, DOUBLE, BOOL = (
    getattr(TensorProto, name) for name in ("INT64", "INT32", "UINT8", "DOUBLE", "BOOL")
)
core = openvino.Core()


def check(title, nodes, kind, values, seen, expected, constants=(), result=None, length=1):
    nodes = [helper.make_node(op, inputs, outputs) for op, inputs, outputs in nodes]
    graph = helper.make_graph(
        nodes,
        "integers",
        [helper.make_tensor_value_info("x", kind, [len(values)])],
        [helper.make_tensor_value_info("y", result or kind, [length])],
        initializer=[helper.make_tensor(name, kind, [1], [value]) for name, value in constants],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    x = np.array(values, helper.tensor_dtype_to_np_dtype(kind))
    file = model.SerializeToString()
    (right,) = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]).run(None, {"x": x})
    compiled = core.compile_model(core.read_model(file), "CPU")
    other = compiled({"x": x})[compiled.outputs[0]]
    assert other.dtype == right.dtype
    print(f"{title}: onnxruntime {right[0]}, OpenVINO {other[0]}")
    assert right[0] == expected and other[0] == seen, title


plus = [("Add", ["x", "x"], ["y"])]
with_c = lambda op: [(op, ["x", "c"], ["y"])]
check("int64, x + 1 of 2^40 + 1", with_c("Add"), INT64, [2**40 + 1], 2, 2**40 + 2, [("c", 1)])
check("int64, x * (2^40 + 1) of 1", with_c("Mul"), INT64, [1], 2**31 - 1, 2**40 + 1, [("c", 2**40 + 1)])
square = [("Mul", ["x", "x"], ["t"]), ("Div", ["t", "x"], ["y"])]
check("int64, x * x / x of 2^20", square, INT64, [2**20], 0, 2**20)
check("uint8, x + x of 200", plus, UINT8, [200], 255, 144)
check("int32, x / 2 of 2147483647", with_c("Div"), INT32, [2**31 - 1], 2**30, 2**30 - 1, [("c", 2)])
check("int32, x mod 3 of 2147483647", with_c("Mod"), INT32, [2**31 - 1], 0, 1, [("c", 3)])
above = [("c", 2**24)]
check("int32, x > 16777216 of 16777217", with_c("Greater"), INT32, [2**24 + 1], False, True, above, BOOL)
check("int32, sum of 16777216 and 1", [("ReduceSum", ["x"], ["y"])], INT32, [2**24, 1], 2**24, 2**24 + 1)
check("double, x + x of 1e300", plus, DOUBLE, [1e300], float(np.finfo(np.float32).max), 2e300)
PY
