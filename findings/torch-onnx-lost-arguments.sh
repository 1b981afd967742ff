#!/usr/bin/env bash
# torch 2.15.0, onnx 1.23.2, onnxscript 0.7.2, onnxruntime 1.32.0 (PyPI); Python 3. They take 5 GB on Linux: PYTHON=…
# names an interpreter that has them.
#
# Expected by most: what torch.onnx.export cannot express it refuses, so a file that was written computes what the
#   module does.
# Seen: some arguments are dropped without a word, by one exporter or by both. Largest difference from the module:
#     avg_pool2d, divisor_override=5     dynamo=False 1.80  dynamo=True 1.80   (nine divide, as without it)
#     Softplus(beta=2, threshold=1)      dynamo=False 0.15  dynamo=True 0.00   (no threshold)
#     x // 3 of negative integers        dynamo=False 1.00  dynamo=True 0.00   (rounded towards zero)
#     LogSigmoid of -120                 dynamo=False inf   dynamo=True inf    (the logarithm of a sigmoid)
# Follows: whoever reads a file cannot know; compare its answers with the module's on data of the range that is used.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv python
  python/bin/pip install --quiet --disable-pip-version-check \
    torch==2.15.0 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0
  PYTHON=$dir/python/bin/python
fi
"$PYTHON" -W ignore - <<'PY' 2> errors.txt || { cat errors.txt; exit 1; }
import onnx
import onnxruntime
import onnxscript
import torch

assert torch.__version__.startswith("2.15.0") and onnx.__version__ == "1.23.2"
assert onnxscript.__version__ == "0.7.2" and onnxruntime.__version__ == "1.32.0"


class Pool(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.avg_pool2d(x, 3, divisor_override=5)


class Floor(torch.nn.Module):
    def forward(self, x):
        return x // 3


for name, module, x, expected in [
    ("avg_pool2d, divisor_override=5", Pool(), torch.arange(9.0).reshape(1, 1, 3, 3) / 4 + 1.25, "both"),
    ("Softplus(beta=2, threshold=1)", torch.nn.Softplus(2, 1), torch.tensor([[-1.0, 0.3, 0.51, 3.0]]), "old"),
    ("x // 3 of negative integers", Floor(), torch.tensor([[-7, -1, 3, 7]]), "old"),
    ("LogSigmoid of -120", torch.nn.LogSigmoid(), torch.tensor([[-120.0, 1.0]]), "both"),
]:
    seen = []
    for dynamo in (False, True):
        torch.onnx.export(module, (x,), "t.onnx", dynamo=dynamo, external_data=False, verbose=False)
        onnx.checker.check_model(onnx.load("t.onnx"), full_check=True)
        session = onnxruntime.InferenceSession("t.onnx", providers=["CPUExecutionProvider"])
        (y,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        seen.append(abs(torch.from_numpy(y).double() - module(x).double()).max().item())
    print(f"{name:34} dynamo=False {seen[0]:.2f}  dynamo=True {seen[1]:.2f}")
    assert seen[0] > 0.01 and (seen[1] > 0.01 if expected == "both" else seen[1] < 1e-5)
PY
