#!/usr/bin/env bash
# torch 2.15.0, onnx 1.23.2, onnxscript 0.7.2 (PyPI); Python 3. They take 5 GB on Linux: PYTHON=… names an interpreter
# that has them.
#
# Expected by most: an initializer of an ONNX file that has the name of a tensor of the model's state_dict holds that
#   tensor. And both exporters of PyTorch do the same with batch normalisation.
# Seen: both fold a BatchNorm2d into the convolution before it. The old one renames the weights (`onnx::Conv_11`); the
#   new one, dynamo=True, which is the default, keeps the names `0.weight` and `0.bias` for what they are no longer.
#   Behind a linear layer the new one folds, too, and the old one leaves the normalisation. Output:
#     Conv2d, BatchNorm2d, dynamo=False: Conv; weights under their names in the state_dict: none
#     Conv2d, BatchNorm2d, dynamo=True: Conv; weights under their names in the state_dict: 0.weight differs, 0.bias differs
#     Linear, BatchNorm1d, dynamo=False: Gemm BatchNormalization; weights under their names in the state_dict: 0.weight
#       as it was, 0.bias as it was, …
#     Linear, BatchNorm1d, dynamo=True: Gemm; weights under their names in the state_dict: 0.weight differs, 0.bias differs
# Follows: don't compare a file's weights with a checkpoint's by name, and don't write a checkpoint's weights into the
#   file under these names: it would lack the normalisation. Code that reads batch normalisation is hardly reached by
#   files of the new exporter: test it with one behind a ReLU, where it stays.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv python
  python/bin/pip install --quiet --disable-pip-version-check torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2
  PYTHON=$dir/python/bin/python
fi
"$PYTHON" - <<'PY' 2> errors.txt || { cat errors.txt; exit 1; }
import onnx
import onnxscript
import torch
from onnx import numpy_helper
from torch import nn

assert torch.__version__.startswith("2.15.0") and onnx.__version__ == "1.23.2" and onnxscript.__version__ == "0.7.2"
torch.manual_seed(1)


def with_statistics(model):
    for name in ("weight", "bias", "running_mean", "running_var"):
        getattr(model[1], name).data.uniform_(0.5, 2)
    return model.eval()


cases = {
    "Conv2d, BatchNorm2d": (nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)), (1, 1, 5, 5)),
    "Linear, BatchNorm1d": (nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2)), (1, 3)),
}
seen = {}
for name, (model, shape) in cases.items():
    state = with_statistics(model).state_dict()
    for dynamo in (False, True):
        torch.onnx.export(model, (torch.rand(shape),), "t.onnx", dynamo=dynamo, external_data=False, verbose=False)
        graph = onnx.load("t.onnx").graph
        same = {
            tensor.name: bool((numpy_helper.to_array(tensor) == state[tensor.name].numpy()).all())
            for tensor in graph.initializer
            if tensor.name in state
        }
        operators = [node.op_type for node in graph.node]
        words = ", ".join(f"{key} {'as it was' if value else 'differs'}" for key, value in same.items()) or "none"
        print(f"{name}, dynamo={dynamo}: {' '.join(operators)}; weights under their names in the state_dict: {words}")
        seen[name, dynamo] = (operators, same)
changed = {"0.weight": False, "0.bias": False}
assert seen["Conv2d, BatchNorm2d", False] == (["Conv"], {})
assert seen["Conv2d, BatchNorm2d", True] == (["Conv"], changed)
operators, same = seen["Linear, BatchNorm1d", False]
assert operators == ["Gemm", "BatchNormalization"] and all(same.values()) and len(same) == 6
assert seen["Linear, BatchNorm1d", True] == (["Gemm"], changed)
PY
