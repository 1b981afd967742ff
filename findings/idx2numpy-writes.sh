#!/usr/bin/env bash
# idx2numpy 1.2.3 (PyPI), numpy 2.4.6; Python 3 on a little-endian machine.
#
# Expected by most: IDX, the format of MNIST, is big-endian, so an array of big-endian numbers is written as it is; what
#   was read can be written again; an array is one of the type, or the writer says which types there are.
# Seen: only the machine's own order is written: what it has read, and what NumPy holds in the format's order, is "not
#   supported by IDX format", but for bytes. What it reads is big-endian and read-only, so PyTorch takes no tensor of
#   it. Transposed arrays are in order, one of 0 samples is not written, and int64, the type of labels in NumPy and
#   PyTorch, is refused. Output:
#     uint8: read uint8, read-only, written again: yes
#     int32: read >i4, read-only, written again: FormatError
#     float32: read >f4, read-only, written again: FormatError
#     float64: read >f8, read-only, written again: FormatError
#     int64: FormatError
#     0 samples: FormatError
#     transposed: 0 3 1 4 2 5
# Follows: call a.astype(a.dtype.newbyteorder("=")) on what is read, before tensors and before writing; labels as uint8.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check idx2numpy==1.2.3 numpy==2.4.6
python/bin/python - <<'PY'
import idx2numpy
import numpy as np


def write(array, path="second.idx"):
    try:
        idx2numpy.convert_to_file(path, array)
        return "yes"
    except idx2numpy.FormatError as error:
        return type(error).__name__


def check(title, seen, expected):
    print(f"{title}: {seen}")
    assert seen == expected, title


values = np.arange(6).reshape(2, 3)
for kind, order in (("uint8", "uint8"), ("int32", ">i4"), ("float32", ">f4"), ("float64", ">f8")):
    assert write(values.astype(kind), "first.idx") == "yes"
    back = idx2numpy.convert_from_file("first.idx")
    assert (back == values).all() and not back.flags.writeable
    again = "yes" if kind == "uint8" else "FormatError"
    seen = f"read {back.dtype}, read-only, written again: {write(back)}"
    check(kind, seen, f"read {order}, read-only, written again: {again}")
check("int64", write(values.astype(np.int64)), "FormatError")
check("0 samples", write(np.zeros((0, 3), np.uint8)), "FormatError")
assert write(values.astype(np.int32).T) == "yes"
check("transposed", " ".join(map(str, idx2numpy.convert_from_file("second.idx").ravel())), "0 3 1 4 2 5")
PY
