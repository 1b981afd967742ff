#!/usr/bin/env bash
# tinygrad 0.14.0 (PyPI), its PYTHON device, which needs no compiler (the C device of x64 gives the same); Python 3.
#
# Expected by most: a sort returns the values it was given, a maximum with a NaN is NaN as in PyTorch or leaves NaN out,
#   a label that is no class raises, and what an integer type can't hold is refused.
# Seen: sorting 3, NaN, 1 gives 1, 3, 3, with position 0 twice; topk has 3 twice. A maximum is NaN if the NaN stands
#   first, argmax of NaN alone is one beyond the end, relu makes 0 of it. A label that is no class costs nothing: the
#   loss is 0. Positions out of range read 0. A list with 2^31 becomes int32, and a float16 holds the sum of 70000 ones.
#   Output:
#     sort of 3, NaN, 1: 1.0, 3.0, 3.0, positions 2, 0, 0
#     topk(2) of 3, NaN, 1, 2: 3.0, 3.0
#     max of NaN, 1 and of 1, NaN: nan, 1.0
#     argmax of NaN, NaN: 2
#     relu of NaN: 0.0
#     cross entropy of 1, 2, 3 for class 5 (and class 2): 0.000, 0.408
#     element 3 of 1, 2, 3: 0
#     Tensor([2**31]): -2147483648
#     sum of 70000 ones of float16, as float16: 70000.0
# Follows: look for NaN and check labels and positions before, as nothing shows them behind.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check tinygrad==0.14.0
export HOME=$dir XDG_CACHE_HOME=$dir DEV=PYTHON
python/bin/python - <<'PY'
from math import nan

from tinygrad import Tensor, dtypes


def check(title, seen, expected):
    print(f"{title}: {seen}")
    assert seen == expected, title


def shown(tensor):
    values = tensor.tolist()
    return ", ".join(map(str, values if isinstance(values, list) else [values]))


values, positions = Tensor([3.0, nan, 1.0]).sort()
check("sort of 3, NaN, 1", f"{shown(values)}, positions {shown(positions)}", "1.0, 3.0, 3.0, positions 2, 0, 0")
check("topk(2) of 3, NaN, 1, 2", shown(Tensor([3.0, nan, 1.0, 2.0]).topk(2)[0]), "3.0, 3.0")
maxima = [shown(Tensor(list(pair)).max()) for pair in ((nan, 1.0), (1.0, nan))]
check("max of NaN, 1 and of 1, NaN", ", ".join(maxima), "nan, 1.0")
check("argmax of NaN, NaN", shown(Tensor([nan, nan]).argmax()), "2")
check("relu of NaN", shown(Tensor([nan]).relu()), "0.0")
losses = [f"{abs(Tensor([[1.0, 2.0, 3.0]]).cross_entropy(Tensor([label])).item()):.3f}" for label in (5, 2)]
check("cross entropy of 1, 2, 3 for class 5 (and class 2)", ", ".join(losses), "0.000, 0.408")
check("element 3 of 1, 2, 3", shown(Tensor([1, 2, 3])[Tensor([3])]), "0")
check("Tensor([2**31])", shown(Tensor([2**31])), "-2147483648")
total = Tensor.ones(70000, dtype=dtypes.float16).sum()
assert total.dtype == dtypes.float16
check("sum of 70000 ones of float16, as float16", shown(total), "70000.0")
PY
