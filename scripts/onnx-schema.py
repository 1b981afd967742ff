"""Writes src/onnx/schema.ts, the messages of ONNX, from the descriptor that the Python package `onnx` carries.

    pip install onnx==1.23.2
    npm i --prefix FOLDER @bufbuild/protoc-gen-es@2.17.0
    python scripts/onnx-schema.py FOLDER/node_modules/.bin/protoc-gen-es

The descriptor is the compiled onnx-ml.proto, so no protoc is needed. The plug-in writes TypeScript enums, which are code where this
project has types alone (erasableSyntaxOnly): each becomes an object of the same name.
"""

import re
import subprocess
import sys
from pathlib import Path

import onnx
from google.protobuf.compiler import plugin_pb2
from onnx import onnx_ml_pb2

ROOT = Path(__file__).resolve().parent.parent
VERSION = "1.23.2"
if onnx.__version__ != VERSION:
    raise SystemExit(f"onnx {VERSION} is wanted, this is {onnx.__version__}")

request = plugin_pb2.CodeGeneratorRequest(parameter="target=ts,import_extension=none")
onnx_ml_pb2.DESCRIPTOR.CopyToProto(request.proto_file.add())
name = request.proto_file[0].name
request.file_to_generate.append(name)
answer = subprocess.run([sys.argv[1]], input=request.SerializeToString(), stdout=subprocess.PIPE, check=True).stdout
response = plugin_pb2.CodeGeneratorResponse.FromString(answer)
if response.error:
    raise SystemExit(response.error)
text = response.file[0].content


def as_object(match):
    enum, body = match.groups()
    body = re.sub(r"^(\s+\w+) = (-?\d+),", r"\1: \2,", body, flags=re.M)
    return (
        f"export const {enum} = {{{body}}} as const;\n\n"
        f"export type {enum} = (typeof {enum})[keyof typeof {enum}];"
    )


text = re.sub(r"export enum (\w+) \{(.*?)\n\}", as_object, text, flags=re.S)
text = text.replace("/* eslint-disable */\n", "")
# Comments that repeat the line below them, and the empty lines between.
text = re.sub(r"\n +/\*\*\n(?: +\*[^\n]*\n)*? +\*/(?=\n)", "", text)
text = re.sub(r"(?<=[;,{])\n\n(?= )", "\n", text)
head = f"// The messages of ONNX {VERSION} ({name}), written by scripts/onnx-schema.py, not by hand.\n"
(ROOT / "src/onnx/schema.ts").write_text(head + text)
print(f"src/onnx/schema.ts: {len(text.splitlines())} lines")
