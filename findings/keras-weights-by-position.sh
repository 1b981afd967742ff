#!/usr/bin/env bash
# keras 3.15.1 with jax 0.9.0 as its backend, numpy 2.4.6, h5py 3.16.0 (PyPI); Python 3.11 or later. PYTHON=… names an
# interpreter that has them.
#
# Expected by most: layers are named, so in a file of weights (`.weights.h5`, the same that lies in a `.keras` archive)
#   they have their names; and load_weights refuses or warns if the model's layers are others.
# Seen: groups are named after the layer's CLASS and its place among those: layers/dense, dense_1, dense_2. The name is
#   an attribute of the group `vars`, which loading does not read: weights go to the next layer of the class. No word of
#   it as long as shapes fit, nor about weights that are left over. Output:
#     encoder, decoder, head are saved as dense, dense_1, dense_2
#     into decoder, encoder, head: decoder holds encoder's weights: True
#     into encoder, head: head holds decoder's weights: True
#     a(x) + b(x) into b(x) + a(x): a holds b's weights: True
#     12 layers, in the file's order: l0 l1 l10 l11 l2 l3 l4 l5 l6 l7 l8 l9
# Follows: a reader that walks over the file in HDF5's order, or looks for the names of model.summary(), is wrong or
#   finds nothing: sort dense_2 before dense_10 and read the attribute `name`. Turning a sum's two terms round swaps the
#   weights of models already saved.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv python
  python/bin/pip install --quiet --disable-pip-version-check keras==3.15.1 "jax[cpu]==0.9.0" numpy==2.4.6 h5py==3.16.0
  PYTHON=$dir/python/bin/python
fi
KERAS_BACKEND=jax "$PYTHON" - <<'PY'
import warnings

import h5py
import keras
import numpy as np

warnings.simplefilter("error", UserWarning)


def stack(names):
    layers = [keras.layers.Dense(4, name=name) for name in names]
    return keras.Sequential([keras.Input((4,)), *layers])


def sum_of(names):
    x = keras.Input((4,))
    terms = [keras.layers.Dense(4, name=name)(x) for name in names]
    return keras.Model(x, keras.layers.Add()(terms))


def holds(model, name, other, name_there):
    mine, theirs = (m.get_layer(n).get_weights()[0] for m, n in ((model, name), (other, name_there)))
    return np.array_equal(mine, theirs)


def groups(path):
    """The name of each layer's group in the file's order, and its attribute."""
    with h5py.File(path) as file:
        return {group: layer["vars"].attrs["name"] for group, layer in file["layers"].items()}


saved = stack(["encoder", "decoder", "head"])
saved.save_weights("stack.weights.h5")
print(f"encoder, decoder, head are saved as {', '.join(groups('stack.weights.h5'))}")
assert groups("stack.weights.h5") == {"dense": "encoder", "dense_1": "decoder", "dense_2": "head"}
swap = (["decoder", "encoder", "head"], "decoder", "encoder")
fewer = (["encoder", "head"], "head", "decoder")
for names, name, source in (swap, fewer):
    model = stack(names)
    model.load_weights("stack.weights.h5")
    wrong = holds(model, name, saved, source)
    print(f"into {', '.join(names)}: {name} holds {source}'s weights: {wrong}")
    assert wrong and not holds(model, name, saved, name)

first, second = sum_of(["a", "b"]), sum_of(["b", "a"])
first.save_weights("sum.weights.h5")
second.load_weights("sum.weights.h5")
swapped = holds(second, "a", first, "b")
print(f"a(x) + b(x) into b(x) + a(x): a holds b's weights: {swapped}")
assert swapped

stack([f"l{i}" for i in range(12)]).save_weights("deep.weights.h5")
order = list(groups("deep.weights.h5").values())
print(f"12 layers, in the file's order: {' '.join(order)}")
assert order == sorted(order) and order[2] == "l10"
PY
