#!/usr/bin/env bash
# tract 0.23.9 (PyPI; inference in Rust), onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6; Python 3, x64.
#
# Expected by most: what loads an ONNX file computes what the specification says up to roundings, and a NaN or an
#   overflow before the end shows at the end.
# Seen: Celu's alpha multiplies nothing: with 2 in place of 1 the values below zero are half as large. LogSoftmax and
#   ReduceLogSumExp do not subtract the largest value first, so a logit of 200 gives -inf, 1000 gives inf. A sigmoid
#   stops at 4.5e-7. Relu and Clip make 0 of a NaN, Max drops it, and infinity or NaN times a constant 0 is 0. Floats
#   become other integers than onnxruntime's, of which the specification says nothing; there tract clips. Output:
#     Celu of -1, alpha 2: onnxruntime -0.786939, tract -0.393469
#     LogSoftmax of 0, 200: onnxruntime -200 0, tract -inf 0
#     ReduceLogSumExp of 1000, 1000: onnxruntime 1000.69, tract inf
#     Sigmoid of -100: onnxruntime 0, tract 4.47035e-07
#     Relu of NaN: onnxruntime nan, tract 0
#     Clip of NaN to 0 to 6: onnxruntime nan, tract 0
#     Max of (1, NaN), (NaN, 1): onnxruntime nan nan, tract 1 1
#     inf, nan times 0: onnxruntime nan nan, tract 0 0
#     -1.5, 300.7 to uint8: onnxruntime 255 44, tract 0 255
#     NaN to int32: onnxruntime -2.14748e+09, tract 0
# Follows: leave the softmax to code of one's own, write Celu as Elu of x / alpha times alpha, and look for NaN in the
#   weights and inputs, for the output need not show it. A probability of 4.5e-7 is a zero.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv python
  python/bin/pip install --quiet --disable-pip-version-check tract==0.23.9 onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
  PYTHON=$dir/python/bin/python
fi
"$PYTHON" - <<'PY'
import numpy as np
import onnx
import onnxruntime
import tract
from onnx import TensorProto, helper, numpy_helper

FLOAT = TensorProto.FLOAT
nan, inf = np.nan, np.inf


def check(title, operator, values, expected, seen, result=FLOAT, size=None, constants=(), **attributes):
    x = np.array(values, np.float32)
    names = [f"c{i}" for i in range(len(constants))]
    graph = helper.make_graph(
        [helper.make_node(operator, ["x", *names], ["y"], **attributes)],
        "case",
        [helper.make_tensor_value_info("x", FLOAT, [len(x)])],
        [helper.make_tensor_value_info("y", result, [size or len(x)])],
        [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in zip(names, constants)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, "case.onnx")
    session = onnxruntime.InferenceSession("case.onnx", providers=["CPUExecutionProvider"])
    native = session.run(None, {"x": x})[0]
    other = tract.onnx().load("case.onnx").into_model().into_runnable().run([x])[0].to_numpy()
    text = lambda array: " ".join(f"{value:g}" for value in array)
    print(f"{title}: onnxruntime {text(native)}, tract {text(other)}")
    np.testing.assert_allclose(native, expected, rtol=1e-5, atol=1e-30, err_msg=title)
    np.testing.assert_allclose(other, seen, rtol=1e-2, err_msg=title)


check("Celu of -1, alpha 2", "Celu", [-1], [2 * np.expm1(-0.5)], [np.expm1(-0.5)], alpha=2.0)
check("LogSoftmax of 0, 200", "LogSoftmax", [0, 200], [-200, 0], [-inf, 0], axis=0)
check("ReduceLogSumExp of 1000, 1000", "ReduceLogSumExp", [1000, 1000], [1000.6932], [inf], size=1, axes=[0])
check("Sigmoid of -100", "Sigmoid", [-100], [0], [4.47e-7])
check("Relu of NaN", "Relu", [nan], [nan], [0])
check("Clip of NaN to 0 to 6", "Clip", [nan], [nan], [0], constants=[0, 6])
check("Max of (1, NaN), (NaN, 1)", "Max", [1, nan], [nan, nan], [1, 1], constants=[[nan, 1]])
check("inf, nan times 0", "Mul", [inf, nan], [nan, nan], [0, 0], constants=[[0, 0]])
check("-1.5, 300.7 to uint8", "Cast", [-1.5, 300.7], [255, 44], [0, 255], TensorProto.UINT8, to=TensorProto.UINT8)
check("NaN to int32", "Cast", [nan], [-(2**31)], [0], TensorProto.INT32, to=TensorProto.INT32)
PY
