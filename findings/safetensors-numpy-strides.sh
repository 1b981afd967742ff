#!/usr/bin/env bash
# safetensors 0.8.0 and numpy 2.4.6 (PyPI); Python 3.
#
# Expected by most: `safetensors.numpy.save_file` writes the array that it is given, as numpy.save does, or refuses
#   one that does not lie in C order.
# Seen: it writes the array's memory from its first byte on, under the array's shape, and never looks at the strides.
#   A transposed matrix comes back as another matrix of the right shape; every second element of a vector comes back
#   as its first elements. No error, no warning; numpy.save is right for both. Output:
#     x.T [[0, 3], [1, 4], [2, 5]] comes back as [[0, 1], [2, 3], [4, 5]]
#     asfortranarray [[0, 1, 2], [3, 4, 5]] comes back as [[0, 3, 1], [4, 2, 5]]
#     v[::2] [0, 2, 4] comes back as [0, 1, 2]
#     ascontiguousarray(x.T) [[0, 3], [1, 4], [2, 5]] comes back as [[0, 3], [1, 4], [2, 5]]
# Follows: kernels turned for another framework with `.T` are spoilt on the way, and shapes, names and checksums all
#   look right. Write numpy.ascontiguousarray(x), and compare one product after reading.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6
python/bin/python - <<'PY'
import numpy
from safetensors.numpy import load_file, save_file

x = numpy.arange(6, dtype="f4").reshape(2, 3)
v = numpy.arange(6, dtype="f4")
cases = {
    "x.T": (x.T, [[0, 1], [2, 3], [4, 5]]),
    "asfortranarray": (numpy.asfortranarray(x), [[0, 3, 1], [4, 2, 5]]),
    "v[::2]": (v[::2], [0, 1, 2]),
    "ascontiguousarray(x.T)": (numpy.ascontiguousarray(x.T), [[0, 3], [1, 4], [2, 5]]),
}
for name, (array, expected) in cases.items():
    save_file({"x": array}, "t.safetensors")
    read = load_file("t.safetensors")["x"].astype(int).tolist()
    print(name, array.astype(int).tolist(), "comes back as", read)
    assert read == expected, name
    numpy.save("t.npy", array)
    assert numpy.array_equal(numpy.load("t.npy"), array)
PY
