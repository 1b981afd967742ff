#!/usr/bin/env bash
# ncnn 1.0.20261020 (PyPI), on an x64 processor with half-precision conversion (F16C, any of the last ten years); Python
# 3.
#
# Expected by most: a model whose file has float32 weights is computed with them on a processor, as its options on half
#   precision are for phones and GPUs; and a Mat made from an array of integers holds these numbers.
# Seen: weights are rounded to float16 when they are loaded, by default: 1.0001 is 1, 100000 is infinite; inputs are
#   not. A Mat of int32 has the same bytes read as float32: 1 is 1.4e-45. So pixels as int32 are a black image. Output:
#     weight 1.0001, input 1: 1.0
#     weight 1, input 1.0001: 1.0001
#     weight 100000, input 1: inf
#     weight 1e-08, input 1: 0.0
#     the same without fp16 storage: 1.0001, 1.0001, 100000.0, 1e-08
#     Mat of int32 1, 255: 1.4e-45, 3.57e-43
# Follows: set opt.use_fp16_storage, use_fp16_packed and use_fp16_arithmetic to false before load_model when results are
#   to be compared; convert inputs to float32.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check ncnn==1.0.20261020 numpy==2.4.6
cat > model.param <<'TEXT'
7767517
2 2
Input in0 0 1 in0 0=1
InnerProduct product 1 1 in0 out0 0=1 1=0 2=1
TEXT
python/bin/python - <<'PY'
import ncnn
import numpy as np


def run(weight, value, half):
    with open("model.bin", "wb") as file:
        file.write(np.array([0, weight], "<f4").tobytes())
    net = ncnn.Net()
    if not half:
        net.opt.use_fp16_storage = net.opt.use_fp16_packed = net.opt.use_fp16_arithmetic = False
    net.load_param("model.param")
    net.load_model("model.bin")
    extractor = net.create_extractor()
    extractor.input("in0", ncnn.Mat(np.array([value], np.float32)))
    output = np.array(extractor.extract("out0")[1])[0]
    return str(float(f"{output:.6g}"))


cases = [("1.0001", 1), ("1", 1.0001), ("100000", 1), ("1e-08", 1)]
expected = ["1.0", "1.0001", "inf", "0.0"]
for (weight, value), result in zip(cases, expected):
    seen = run(float(weight), value, True)
    print(f"weight {weight}, input {value}: {seen}")
    assert seen == result
full = ", ".join(run(float(weight), value, False) for weight, value in cases)
print(f"the same without fp16 storage: {full}")
assert full == "1.0001, 1.0001, 100000.0, 1e-08"
integers = np.array(ncnn.Mat(np.array([1, 255], np.int32)))
shown = ", ".join(f"{value:.3g}" for value in integers)
print(f"Mat of int32 1, 255: {shown}")
assert shown == "1.4e-45, 3.57e-43"
PY
