#!/usr/bin/env bash
# crypten 0.4.1, torch 2.8.0, omegaconf 2.3.0, pyyaml 6.0.2, onnx 1.17.0 (PyPI); Python 3.11. They take 7 GB on Linux:
# PYTHON=… names an interpreter that has them. One process, so all parties in one.
#
# Expected by most: fixed point with 16 fractional bits costs digits, not sizes: what a float16 holds it holds, too, and
#   a smooth function is a little wrong outside its best range.
# Seen: a float16 tensor is scaled by 2^16 in float16, so 1 and more become the least number there is. erf, of whose
#   approximation the source says that large values don't harm it, is good to 1, and worthless at 1.5. sqrt, reciprocal
#   and log break somewhere between 150 and 300, in sign, too. At 0, where networks begin, sigmoid is not 1/2, tanh is
#   not 0, sign is 1. Cross entropy hardly passes 4.8. No error, no warning. Output:
#     float16 0.5: 0.5
#     float16 1.5: -140739635838976
#     erf(1): 0.842712, exact 0.842701
#     erf(1.5): 0.283917, exact 0.966105
#     erf(2): -175.481, exact 0.995322
#     reciprocal(1000): -6.68761e+11, exact 0.001
#     log(1000): -2.8435e+10, exact 6.90776
#     sqrt(250): -15.8234, exact 15.8114
#     sigmoid(0): 0.498047, exact 0.5
#     tanh(0): -0.00390625, exact 0
#     sign(0): 1, exact 0
#     cross entropy of logits 0, 0, 20 and class 0: 4.79059, exact 20
# Follows: convert to float32 before sharing; scale into [-1, 1] before erf (so GELU), and below 150 before the
#   others. A loss of 4.8 says "4.8 or more".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv python
  python/bin/pip install --quiet --disable-pip-version-check torch==2.8.0 numpy==2.2.6 omegaconf==2.3.0 \
    pyyaml==6.0.2 onnx==1.17.0
  python/bin/pip install --quiet --disable-pip-version-check --no-deps crypten==0.4.1 # it names a package "sklearn"
  PYTHON=$dir/python/bin/python
fi
cat > run.py <<'PY'
import math

import crypten
import torch

crypten.init()


def check(title, result, low, high, exact=None):
    seen = result.get_plain_text().flatten()[0].item()
    print(f"{title}: {seen:.{15 if abs(seen) > 1e14 else 6}g}" + (f", exact {exact:.6g}" if exact is not None else ""))
    assert low <= seen <= high, title


share = lambda value, kind=torch.float32: crypten.cryptensor(torch.tensor([value], dtype=kind))
check("float16 0.5", share(0.5, torch.float16), 0.5, 0.5)
check("float16 1.5", share(1.5, torch.float16), -1.5e14, -1.4e14)
check("erf(1)", share(1.0).erf(), 0.8426, 0.8428, math.erf(1))
check("erf(1.5)", share(1.5).erf(), 0.27, 0.3, math.erf(1.5))
check("erf(2)", share(2.0).erf(), -176, -175, math.erf(2))
check("reciprocal(1000)", share(1000.0).reciprocal(), -1e14, -1e9, 1 / 1000)
check("log(1000)", share(1000.0).log(), -1e14, -1e6, math.log(1000))
check("sqrt(250)", share(250.0).sqrt(), -15.9, -15.7, math.sqrt(250))
check("sigmoid(0)", share(0.0).sigmoid(), 0.497, 0.499, 0.5)
check("tanh(0)", share(0.0).tanh(), -0.005, -0.003, 0)
check("sign(0)", share(0.0).sign(), 1, 1, 0)
logits = crypten.cryptensor(torch.tensor([[0.0, 0.0, 20.0]]))
loss = crypten.nn.CrossEntropyLoss()(logits, crypten.cryptensor(torch.tensor([[1.0, 0.0, 0.0]])))
check("cross entropy of logits 0, 0, 20 and class 0", loss, 4.7, 4.9, 20)
PY
"$PYTHON" -W ignore run.py > output 2> errors || { cat errors; exit 1; }
grep -v "^\[" output
