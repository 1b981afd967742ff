#!/usr/bin/env bash
# torch 2.15.0, onnx 1.23.2, onnxscript 0.7.2, onnxruntime 1.32.0 (PyPI); Python 3. They take 5 GB on Linux: PYTHON=…
# names an interpreter that has them.
#
# Expected by most: what PyTorch exports without a warning, and what passes onnx.checker with full_check, runs in
#   onnxruntime.
# Seen: of Conv2d(padding="same", dilation=2) the old exporter (dynamo=False) writes auto_pad=SAME_UPPER beside the
#   dilations. That is valid ONNX and passes the checker; onnxruntime makes a session of it without a word, and refuses
#   at the first run. The new exporter writes the four pads, which run. With dilation 1 both run. Output:
#     dilation 1, dynamo=False: auto_pad SAME_UPPER, pads none: runs
#     dilation 1, dynamo=True: auto_pad NOTSET, pads [1, 1, 1, 1]: runs
#     dilation 2, dynamo=False: auto_pad SAME_UPPER, pads none: Dilation not supported for AutoPadType::SAME_UPPER …
#     dilation 2, dynamo=True: auto_pad NOTSET, pads [2, 2, 2, 2]: runs
# Follows: a session that was made proves nothing; run one sample. Give such layers their padding in numbers.
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
"$PYTHON" - <<'PY' 2> errors.txt || { cat errors.txt; exit 1; }
import onnx
import onnxruntime
import onnxscript
import torch
from onnx import helper

assert torch.__version__.startswith("2.15.0") and onnx.__version__ == "1.23.2"
assert onnxscript.__version__ == "0.7.2" and onnxruntime.__version__ == "1.32.0"
x = torch.rand(1, 1, 8, 8)
for dilation in (1, 2):
    model = torch.nn.Conv2d(1, 1, 3, padding="same", dilation=dilation).eval()
    for dynamo in (False, True):
        torch.onnx.export(model, (x,), "t.onnx", dynamo=dynamo, external_data=False, verbose=False)
        exported = onnx.load("t.onnx")
        onnx.checker.check_model(exported, full_check=True)
        (conv,) = [node for node in exported.graph.node if node.op_type == "Conv"]
        said = {one.name: helper.get_attribute_value(one) for one in conv.attribute}
        session = onnxruntime.InferenceSession("t.onnx", providers=["CPUExecutionProvider"])
        try:
            (y,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
            assert abs(torch.from_numpy(y) - model(x)).max() < 1e-5
            end = "runs"
        except Exception as error:
            end = str(error).split("Status Message: ")[1]
        pads = said.get("pads", "none")
        print(f"dilation {dilation}, dynamo={dynamo}: auto_pad {said['auto_pad'].decode()}, pads {pads}: {end}")
        assert end.startswith("runs" if dynamo or dilation == 1 else "Dilation not supported for AutoPadType"), end
PY
