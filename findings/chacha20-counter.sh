#!/usr/bin/env bash
# Node 20.20.2 and 24.21.0 (from npm; Linux), @noble/ciphers 2.4.0.
#
# Expected by most: `chacha20` in Node is the cipher of RFC 8439: a counter of 32 bits, then a nonce of 96 bits, in
#   the 16 bytes called iv; after the block with counter 2^32 - 1 the stream ends or begins again.
# Seen: the counter has 64 bits, as in the first version of ChaCha. After 2^32 - 1 it carries into the nonce: the
#   block that follows is the FIRST block under the nonce whose first word is one higher. @noble/ciphers throws there.
#   Output:
#     v20.20.2: block after 2^32 - 1 is block 0 of the next nonce: true
#     v24.21.0: block after 2^32 - 1 is block 0 of the next nonce: true
#     @noble/ciphers: arx: counter overflow
# Follows: with nonces that count up in their first word, or any counter that does not begin at 0, one stream runs
#   into the next: the same key stream twice. Count in the last word of the nonce and keep a stream below 2^32 blocks
#   (256 GiB).
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @noble/ciphers@2.4.0
cat > node.mjs <<'JS'
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';

const iv = (...words) => Buffer.from(new Uint32Array(words).buffer);
const stream = (start, length) =>
  createCipheriv('chacha20', Buffer.alloc(32, 7), start).update(Buffer.alloc(length));
const after = stream(iv(0xffffffff, 5, 6, 7), 128).subarray(64);
const carried = after.equals(stream(iv(0, 6, 6, 7), 64));
console.log(`${process.version}: block after 2^32 - 1 is block 0 of the next nonce: ${carried}`);
assert.equal(carried, true);
JS
cat > noble.mjs <<'JS'
import assert from 'node:assert/strict';
import { chacha20 } from '@noble/ciphers/chacha.js';

const nonce = new Uint8Array(new Uint32Array([5, 6, 7]).buffer);
let message = 'none';
try {
  chacha20(new Uint8Array(32).fill(7), nonce, new Uint8Array(128), undefined, 0xffffffff);
} catch (error) {
  message = error.message;
}
console.log(`@noble/ciphers: ${message}`);
assert.match(message, /counter overflow/);
JS
for version in 20.20.2 24.21.0; do
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$version" "node-linux-$(node -p process.arch)@$version"
  node=("$version"/node_modules/node-linux-*/bin/node)
  "${node[0]}" node.mjs
done
node noble.mjs
