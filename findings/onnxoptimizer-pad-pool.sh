#!/usr/bin/env bash
# onnxoptimizer 0.4.2, onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6 (PyPI); Python 3.
#
# Expected by most: fusing a Pad node into the pooling after it, one of the default passes, gives the same numbers.
# Seen: a Pad of zeros goes into MaxPool's attribute `pads`, but MaxPool does not count padding, so it never is the
#   largest: where all values are below zero the edge is a negative number in place of 0. After Relu nothing shows;
#   after LeakyRelu, Tanh, batch norm or a standardised input it does. AveragePool comes out right. Output:
#     MaxPool of [1.0, 2.0, 3.0, 4.0], framed by zeros: before [1.0, 2.0, 3.0, 4.0], optimised [1.0, 2.0, 3.0, 4.0]
#     MaxPool of [-1.0, -2.0, -3.0, -4.0], framed by zeros: before [0.0, 0.0, 0.0, 0.0], optimised [-1.0, -2.0, -3.0,
#       -4.0]
#     (the same with that pass alone)
#     AveragePool of [-1.0, -2.0, -3.0, -4.0], framed by zeros: before [-0.25, -0.5, -0.75, -1.0], optimised [-0.25,
#       -0.5, -0.75, -1.0]
# Follows: compare the outputs of a model before and after optimising, on inputs below zero, too; leave out the pass
#   fuse_pad_into_pool.
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

onnxruntime.set_default_logger_severity(3)


def run(model, x):
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0].ravel().tolist()


def check(operator, sign, before, after, passes=None):
    x = sign * np.arange(1, 5, dtype=np.float32).reshape(1, 1, 2, 2)
    nodes = [
        helper.make_node("Pad", ["x", "pads"], ["padded"]),
        helper.make_node(operator, ["padded"], ["y"], kernel_shape=[2, 2], strides=[2, 2]),
    ]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, 2, 2]) for name in "xy"]
    pads = numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1]), "pads")
    graph = helper.make_graph(nodes, "case", ends[:1], ends[1:], [pads])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    optimised = onnxoptimizer.optimize(model, passes)
    assert [node.op_type for node in optimised.graph.node] == [operator]
    seen = run(model, x), run(optimised, x)
    print(f"{operator} of {x.ravel().tolist()}, framed by zeros: before {seen[0]}, optimised {seen[1]}")
    assert seen == (before, after), operator


check("MaxPool", 1, [1, 2, 3, 4], [1, 2, 3, 4])
check("MaxPool", -1, [0, 0, 0, 0], [-1, -2, -3, -4])
check("MaxPool", -1, [0, 0, 0, 0], [-1, -2, -3, -4], ["fuse_pad_into_pool"])
check("AveragePool", -1, [-0.25, -0.5, -0.75, -1], [-0.25, -0.5, -0.75, -1])
PY
