#!/usr/bin/env bash
# onnxruntime 1.30.0 (PyPI, x64) and onnxruntime-web 1.30.0 (npm, its wasm backend), onnx 1.23.2, numpy 2.4.6; Python 3.
#
# Expected by most: one release of one runtime, on a CPU in both cases, gives the same integers for the same file, and
#   the same floats up to a rounding; what is invalid (NaN) stays so in both or in neither.
# Seen: MaxPool drops a NaN natively and passes it on in WebAssembly. A float out of its integer type's range, of which
#   the specification says nothing, is another integer in the two, negative numbers as unsigned ones, too: WebAssembly
#   clips it (to 32 bits, of which a smaller type takes the lower ones). Pow of int32 differs likewise. Output:
#     MaxPool of 1, NaN, 3, 0: native 3, web NaN
#     -1.5 to uint32: native 4294967295, web 0
#     -200 to uint8: native 56, web 0
#     3e9 to int32: native -2147483648, web 2147483647
#     NaN to int64: native -9223372036854775808, web 0
#     3^20 in int32: native -2147483648, web 2147483647
#     300.7 to uint8: native 44, web 44
# Follows: a model that quantises or makes indices with Cast alone needs Clip before it, or server and page part ways. A
#   test for NaN at a model's end finds more in the page.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
if [ -z "${PYTHON:-}" ]; then
  python3 -m venv python
  python/bin/pip install --quiet --disable-pip-version-check onnxruntime==1.30.0 onnx==1.23.2 numpy==2.4.6
  PYTHON=$dir/python/bin/python
fi
npm install --silent --no-audit --no-fund --ignore-scripts onnxruntime-web@1.30.0
"$PYTHON" - <<'PY'
import json

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

cases = []


def case(title, node, values, kind, result, shape, native, web, constants=()):
    graph = helper.make_graph(
        [node],
        "case",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info("y", result, [1] * len(shape))],
        initializer=constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    x = np.array(values, helper.tensor_dtype_to_np_dtype(kind)).reshape(shape)
    path = f"{len(cases)}.onnx"
    onnx.save(model, path)
    (y,) = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"x": x})
    assert y.ravel()[0] == native, (title, y)
    texts = [str(value) for value in values]
    cases.append(dict(title=title, path=path, type=str(x.dtype), shape=shape, x=texts, native=str(native), web=web))


def cast(title, value, to, native, web):
    kind = getattr(TensorProto, to)
    case(title, helper.make_node("Cast", ["x"], ["y"], to=kind), [value], TensorProto.FLOAT, kind, [1], native, web)


pool = helper.make_node("MaxPool", ["x"], ["y"], kernel_shape=[2, 2])
case("MaxPool of 1, NaN, 3, 0", pool, [1, "NaN", 3, 0], TensorProto.FLOAT, TensorProto.FLOAT, [1, 1, 2, 2], 3, "NaN")
cast("-1.5 to uint32", -1.5, "UINT32", 2**32 - 1, "0")
cast("-200 to uint8", -200, "UINT8", 56, "0")
cast("3e9 to int32", 3e9, "INT32", -(2**31), "2147483647")
cast("NaN to int64", "NaN", "INT64", -(2**63), "0")
twenty = [helper.make_tensor("k", TensorProto.INT32, [1], [20])]
power = helper.make_node("Pow", ["x", "k"], ["y"])
case("3^20 in int32", power, [3], TensorProto.INT32, TensorProto.INT32, [1], -(2**31), "2147483647", twenty)
cast("300.7 to uint8", 300.7, "UINT8", 44, "44")
with open("cases.json", "w") as file:
    json.dump(cases, file)
PY
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import * as ort from 'onnxruntime-web';

ort.env.wasm.numThreads = 1;
const arrays = { float32: Float32Array, int32: Int32Array };
for (const { title, path, type, shape, x, native, web } of JSON.parse(readFileSync('cases.json', 'utf8'))) {
  const session = await ort.InferenceSession.create(readFileSync(path), { executionProviders: ['wasm'] });
  const { y } = await session.run({ x: new ort.Tensor(type, arrays[type].from(x, Number), shape) });
  console.log(`${title}: native ${native}, web ${y.data[0]}`);
  assert.equal(String(y.data[0]), web, title);
}
JS
node run.mjs
