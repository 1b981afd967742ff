#!/usr/bin/env bash
# onnxslim 0.1.98, onnxoptimizer 0.4.2, onnxruntime 1.32.0, onnx 1.23.2, numpy 2.4.6 (PyPI); Python 3.
#
# Expected by most: two nodes that draw random values without a seed draw two sets of values; what optimises a model
#   keeps it so: equal nodes are merged where equal inputs give equal outputs.
# Seen: each of the three merges some of them as common subexpressions, so noise minus other noise is 0, and masks
#   drawn for two layers are one mask. The two tools do it with their defaults, onnxruntime at the level that it uses
#   unless told otherwise. How many of 64 differences between two draws are not 0 (all files are run by onnxruntime,
#   its own optimising off but for the second column; 63 and 30 vary):
#     RandomNormalLike: plain 64, onnxruntime 64, onnxslim 0, onnxoptimizer 0
#     RandomUniformLike: plain 64, onnxruntime 64, onnxslim 0, onnxoptimizer 0
#     RandomNormal: plain 64, onnxruntime 64, onnxslim 64, onnxoptimizer 0
#     Multinomial: plain 63, onnxruntime 63, onnxslim 0, onnxoptimizer 0
#     Bernoulli: plain 30, onnxruntime 0, onnxslim 0, onnxoptimizer 0
#     Bernoulli with seeds: plain 33, onnxruntime 33, onnxslim 33, onnxoptimizer 33
# Follows: give each random node another seed attribute, if a fixed stream will do, or draw outside the model and feed
#   the values; for noise that privacy rests on only the latter. Count random nodes before and after optimising.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv python
  python/bin/pip install --quiet --disable-pip-version-check onnxslim==0.1.98 onnxoptimizer==0.4.2 \
    onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
  PYTHON=$dir/python/bin/python
fi
"$PYTHON" - <<'PY'
import numpy as np
import onnx
import onnxoptimizer
import onnxruntime
import onnxslim
from onnx import TensorProto, helper

FLOAT = TensorProto.FLOAT
onnxruntime.set_default_logger_severity(3)


def run(model, optimise=False):
    options = onnxruntime.SessionOptions()
    if not optimise:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    x = np.full((1, 64), 0.5, np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return int(np.count_nonzero(session.run(None, {"x": x})[0]))


def check(operator, merging, inputs=("x",), seeded=False, **attributes):
    seeds = [dict(seed=1.0), dict(seed=2.0)] if seeded else [{}, {}]
    draw = lambda name, seed: helper.make_node(operator, inputs, [name], **seed, **attributes)
    nodes = [draw("a", seeds[0]), draw("b", seeds[1]), helper.make_node("Sub", ["a", "b"], ["c"])]
    nodes.append(helper.make_node("Cast", ["c"], ["d"], to=FLOAT))
    nodes.append(helper.make_node("Sub", ["x", "x"], ["zero"]))
    nodes.append(helper.make_node("Add", ["d", "zero"], ["y"]))
    ends = [helper.make_tensor_value_info(name, FLOAT, [1, 64]) for name in "xy"]
    graph = helper.make_graph(nodes, "case", ends[:1], ends[1:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model, full_check=True)
    copy = lambda: onnx.ModelProto.FromString(model.SerializeToString())
    seen = {
        "plain": run(model),
        "onnxruntime": run(model, optimise=True),
        "onnxslim": run(onnxslim.slim(copy())),
        "onnxoptimizer": run(onnxoptimizer.optimize(copy())),
    }
    counts = ", ".join(f"{tool} {count}" for tool, count in seen.items())
    print(f"{operator}{' with seeds' if seeded else ''}: {counts}", flush=True)
    for tool, count in seen.items():
        assert (count == 0) == (tool in merging), (operator, tool)


tools = ["onnxslim", "onnxoptimizer"]
check("RandomNormalLike", tools)
check("RandomUniformLike", tools)
check("RandomNormal", ["onnxoptimizer"], inputs=(), shape=[1, 64])
check("Multinomial", tools, sample_size=64)
check("Bernoulli", [*tools, "onnxruntime"])
check("Bernoulli", [], seeded=True)
PY
