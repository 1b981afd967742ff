#!/usr/bin/env bash
# safetensors 0.8.0 and numpy 2.4.6 (PyPI); Python 3.
#
# Expected by most: a file of safetensors has its tensors in the order in which they were given, as a dict, a state_dict
#   of PyTorch or an .npz has them.
# Seen: `save_file` sorts them, by the size of their elements (the largest first), then by name, in the header and in
#   the data; `load_file` gives that order back. Names are compared as text: `layer10` comes before `layer2`. Output:
#     given ['conv1.weight', 'bn1.weight', 'bn1.num_batches_tracked', 'layer2.weight', 'layer10.weight']
#     file  ['bn1.num_batches_tracked', 'bn1.weight', 'conv1.weight', 'layer10.weight', 'layer2.weight']
# Follows: which tensor is which layer cannot be told by the order in the file: a converter that pairs tensors and
#   layers one after the other swaps those of equal shape, and nothing fails. Pair them by name and shape, and numbers
#   in names by their value.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
python3 -m venv python
python/bin/pip install --quiet --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6
python/bin/python - <<'PY'
import json
import struct

import numpy
from safetensors.numpy import load_file, save_file

names = ["conv1.weight", "bn1.weight", "bn1.num_batches_tracked", "layer2.weight", "layer10.weight"]
save_file({name: numpy.zeros(4, "i8" if name.endswith("tracked") else "f4") for name in names}, "t.safetensors")
data = open("t.safetensors", "rb").read()
header = json.loads(data[8 : 8 + struct.unpack("<Q", data[:8])[0]])
print("given", names)
print("file ", list(header))
assert list(header) == sorted(names, key=lambda name: (not name.endswith("tracked"), name)) != names
assert list(load_file("t.safetensors")) == list(header)
assert sorted(header, key=lambda name: header[name]["data_offsets"]) == list(header)
PY
