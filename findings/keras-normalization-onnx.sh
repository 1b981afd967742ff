#!/usr/bin/env bash
# keras 3.15.1, tensorflow 2.21.0, tf2onnx 1.17.0, onnx 1.23.2, onnxruntime 1.32.0 (PyPI); Python 3.11. They take 2 GB
# on Linux: PYTHON=… names an interpreter that has them.
#
# Expected by most: `model.export(…, format="onnx")` of a model with an adapted Normalization layer gives a file of one
#   input, with mean and deviation among its constants.
# Seen: mean and variance become inputs of the graph, without values. The file passes onnx.checker with full_check;
#   onnxruntime makes a session of it and then asks for all three inputs. What the layer learned is not in the file.
#   The same scaling as a Rescaling layer is written as constants, and runs. Output:
#     Normalization: 3 inputs, mean among the constants: False; runs: False
#     Rescaling: 1 inputs, mean among the constants: True; runs: True
# Follows: look at the inputs of an exported graph before it is used; scale by Rescaling, or before the model.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv python
  python/bin/pip install --quiet --disable-pip-version-check \
    tensorflow-cpu==2.21.0 keras==3.15.1 tf2onnx==1.17.0 onnx==1.23.2 onnxruntime==1.32.0
  PYTHON=$dir/python/bin/python
fi
TF_CPP_MIN_LOG_LEVEL=3 "$PYTHON" - <<'PY' 2> errors.txt || { cat errors.txt; exit 1; }
import keras
import numpy
import onnx
import onnxruntime
import tf2onnx
from keras import layers
from onnx import numpy_helper

assert keras.__version__ == "3.15.1" and tf2onnx.__version__ == "1.17.0"
assert onnx.__version__ == "1.23.2" and onnxruntime.__version__ == "1.32.0"
x = numpy.float32([[1, 10], [3, 30], [5, 20], [7, 40]])
mean, std = x.mean(0), x.std(0)
learned = layers.Normalization()
learned.adapt(x)
given = layers.Rescaling(list(1 / std), list(-mean / std))
for layer, inputs in (learned, 3), (given, 1):
    model = keras.Sequential([layers.Input((2,)), layer, layers.Dense(2)])
    model(x)
    model.export("model.onnx", format="onnx", verbose=False)
    file = onnx.load("model.onnx")
    onnx.checker.check_model(file, full_check=True)
    constants = [numpy_helper.to_array(one).ravel() for one in file.graph.initializer]
    near = [numpy.allclose(one, mean) or numpy.allclose(one, -mean / std) for one in constants if one.shape == (2,)]
    session = onnxruntime.InferenceSession("model.onnx", providers=["CPUExecutionProvider"])
    try:
        session.run(None, {session.get_inputs()[0].name: x})
        runs = True
    except ValueError as error:
        assert "Required inputs" in str(error), error
        runs = False
    count = len(file.graph.input)
    print(f"{type(layer).__name__}: {count} inputs, mean among the constants: {any(near)}; runs: {runs}")
    assert count == inputs and runs == (inputs == 1) and (any(near)) == runs
PY
