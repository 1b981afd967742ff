#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93 (cv2.dnn), onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6 (PyPI); Python 3. PYTHON=…
# names an interpreter that has them.
#
# Expected by most: OpenCV 5 has 64-bit integers and gives them as outputs, so they pass through a graph unharmed; and
#   Cast between integers keeps the lower bits, as the specification of ONNX says.
# Seen: an int64 INPUT loses its upper 32 bits on the way in, so Identity is not the identity, while int64 constants
#   keep all bits; Cast to smaller integers saturates; a product of uint64 loses its lower bits; the mean of integers is
#   rounded up where onnxruntime truncates. No warning. Output:
#     Identity of int64 2^40 + 1: onnxruntime 1099511627777, OpenCV 1
#     int64 input 1, plus the constant 2^40: onnxruntime 1099511627777, OpenCV 1099511627777
#     int32 300, cast to int8: onnxruntime 44, OpenCV 127
#     int32 -129, cast to uint8: onnxruntime 127, OpenCV 0
#     uint64 2^33 + 1, squared: onnxruntime 17179869185, OpenCV 1
#     int32, mean of 1 and 2: onnxruntime 1, OpenCV 2
# Follows: indices and hashes of more than 32 bits can't be given to such a model; quantised models that rely on wrap
#   give other numbers. The declared type of an output says nothing about how it was computed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv python
  python/bin/pip install --quiet --disable-pip-version-check opencv-python-headless==5.0.0.93 onnx==1.23.2 \
    onnxruntime==1.32.0 numpy==2.4.6
  PYTHON=$dir/python/bin/python
fi
"$PYTHON" - <<'PY'
import cv2
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

INT64, INT32, INT8, UINT8, UINT64 = (
    getattr(TensorProto, name) for name in ("INT64", "INT32", "INT8", "UINT8", "UINT64")
)


def check(title, node, kind, values, seen, expected, result=None, constants=()):
    graph = helper.make_graph(
        [node],
        "integers",
        [helper.make_tensor_value_info("x", kind, [len(values)])],
        [helper.make_tensor_value_info("y", result or kind, [1 if node.op_type == "ReduceMean" else len(values)])],
        initializer=[helper.make_tensor(name, kind, [1], [value]) for name, value in constants],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    x = np.array(values, helper.tensor_dtype_to_np_dtype(kind))
    file = model.SerializeToString()
    (right,) = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"]).run(None, {"x": x})
    network = cv2.dnn.readNetFromONNX(np.frombuffer(file, np.uint8))
    network.setInput(x, "x")
    other = network.forward()
    assert other.dtype == right.dtype
    print(f"{title}: onnxruntime {right[0]}, OpenCV {other[0]}")
    assert right[0] == expected and other[0] == seen, title


node = helper.make_node
check("Identity of int64 2^40 + 1", node("Identity", ["x"], ["y"]), INT64, [2**40 + 1, 3], 1, 2**40 + 1)
plus = node("Add", ["x", "c"], ["y"])
large = 2**40 + 1
check("int64 input 1, plus the constant 2^40", plus, INT64, [1, 3], large, large, constants=[("c", 2**40)])
cast = lambda kind: node("Cast", ["x"], ["y"], to=kind)
check("int32 300, cast to int8", cast(INT8), INT32, [300, 3], 127, 44, INT8)
check("int32 -129, cast to uint8", cast(UINT8), INT32, [-129, 3], 0, 127, UINT8)
low = (2**33 + 1) ** 2 % 2**64
check("uint64 2^33 + 1, squared", node("Mul", ["x", "x"], ["y"]), UINT64, [2**33 + 1, 3], 1, low)
check("int32, mean of 1 and 2", node("ReduceMean", ["x"], ["y"]), INT32, [1, 2], 2, 1)
PY
