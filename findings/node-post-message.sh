#!/usr/bin/env bash
# Node 20.20.2 and 24.21.0 (from npm; Linux): worker_threads.
#
# Expected by most: an Error posted to another thread arrives as that error; a Buffer of three bytes costs three
#   bytes.
# Seen: an error keeps its message, its stack, its cause and its standard class, and loses `code` and every other
#   field of its own; a class derived from Error arrives as Error. A view travels with the WHOLE memory below it: a
#   Buffer made by Buffer.from brings the shared pool of small Buffers along (8 KiB in Node 20, 64 KiB in Node 24), a
#   view of 8 bytes into 1 MiB brings the 1 MiB. Output:
#     v20.20.2: RangeError with code "X", cause 5: arrives as RangeError, code undefined, cause 5
#     v20.20.2: class Mine extends Error: arrives as Error
#     v20.20.2: Buffer.from("abc"): 3 bytes in 8192; 8 bytes of 1 MiB: 8 bytes in 1048576
#     v24.21.0: RangeError with code "X", cause 5: arrives as RangeError, code undefined, cause 5
#     v24.21.0: class Mine extends Error: arrives as Error
#     v24.21.0: Buffer.from("abc"): 3 bytes in 65536; 8 bytes of 1 MiB: 8 bytes in 1048576
# Follows: post { code, message } of one's own making; slice() before posting, also because the pool holds what other
#   code put into Buffers.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';

const { port1, port2 } = new MessageChannel();
const posted = (value) => {
  port1.postMessage(value);
  return receiveMessageOnPort(port2).message;
};
class Mine extends Error {}
const say = (text) => console.log(`${process.version}: ${text}`);

const error = posted(Object.assign(new RangeError('m', { cause: 5 }), { code: 'X' }));
say(`RangeError with code "X", cause 5: arrives as ${error.constructor.name}, code ${error.code}, cause ${error.cause}`);
const own = posted(new Mine('m'));
say(`class Mine extends Error: arrives as ${own.constructor.name}`);
const small = posted(Buffer.from('abc'));
const view = posted(new Uint8Array(2 ** 20).subarray(0, 8));
const size = (array) => `${array.byteLength} bytes in ${array.buffer.byteLength}`;
say(`Buffer.from("abc"): ${size(small)}; 8 bytes of 1 MiB: ${size(view)}`);
port1.close();
assert.equal(error.constructor, RangeError);
assert.equal(error.code, undefined);
assert.equal(error.cause, 5);
assert.equal(own.constructor, Error);
assert.equal(small.buffer.byteLength, process.version.startsWith('v20.') ? 8192 : 65536);
assert.equal(view.buffer.byteLength, 2 ** 20);
JS
for version in 20.20.2 24.21.0; do
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$version" "node-linux-$(node -p process.arch)@$version"
  node=("$version"/node_modules/node-linux-*/bin/node)
  "${node[0]}" run.mjs
done
