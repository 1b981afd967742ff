#!/usr/bin/env bash
# gguf 0.19.0 (llama.cpp's own package, PyPI); Python 3.
#
# Expected by most: more bits are closer: Q8_0 is within half a percent of a block's greatest weight whatever the scale
#   of the block, and better than Q4_0.
# Seen: a block's scale is float16, and Q8_0's is 16 times smaller than Q4_0's. Weights below about 4e-6 become 0 with 8
#   bits and stay with 4; at 1e-5 8 bits are twice as far off as 4. Upwards, a block of weights of 1e7 becomes infinite,
#   with NaN for a weight of 0, and Q4_1, which keeps an offset in float16, loses a block near 1e5. Output (greatest
#   error by greatest weight of 32 weights from -w to w, or what they become):
#     w 3e-06: Q8_0 all 0, Q5_0 0.106, Q4_0 0.166
#     w 1e-05: Q8_0 0.243, Q5_0 0.106, Q4_0 0.124
#     w 0.1: Q8_0 0.004, Q5_0 0.063, Q4_0 0.125
#     w 1e+07: Q8_0 infinite, Q5_0 infinite, Q4_0 infinite
#     100000 + w 1: Q8_0 0.00013, Q4_1 infinite, F16 infinite
# Follows: look at the scale of each block before choosing a kind; small biases, learned scales and embeddings of rare
#   tokens want F32 or BF16.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check gguf==0.19.0 numpy==2.4.6
python/bin/python -W ignore - <<'PY'
import numpy as np
from gguf import GGMLQuantizationType, quants


def describe(kind, weights):
    kind = GGMLQuantizationType[kind]
    back = quants.dequantize(quants.quantize(weights[None], kind), kind)[0]
    if not np.isfinite(back).all():
        return "infinite"
    if (back == 0).all():
        return "all 0"
    error = np.abs(back - weights).max() / np.abs(weights).max()
    return f"{error:.3f}" if error > 0.001 else f"{error:.5f}"


def check(title, weights, expected):
    weights = weights.astype(np.float32)
    seen = ", ".join(f"{kind} {describe(kind, weights)}" for kind in [part.split()[0] for part in expected.split(", ")])
    print(f"{title}: {seen}")
    assert seen == expected, title


line = np.linspace(-1, 1, 32)
check("w 3e-06", line * 3e-6, "Q8_0 all 0, Q5_0 0.106, Q4_0 0.166")
check("w 1e-05", line * 1e-5, "Q8_0 0.243, Q5_0 0.106, Q4_0 0.124")
check("w 0.1", line * 0.1, "Q8_0 0.004, Q5_0 0.063, Q4_0 0.125")
check("w 1e+07", line * 1e7, "Q8_0 infinite, Q5_0 infinite, Q4_0 infinite")
check("100000 + w 1", 1e5 + line, "Q8_0 0.00013, Q4_1 infinite, F16 infinite")
PY
