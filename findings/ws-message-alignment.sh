#!/usr/bin/env bash
# ws 8.23.0.
#
# Expected by most: a binary message arrives as a Buffer of its own, over which a BigUint64Array or Float64Array can
#   be laid, and whether that works does not depend on the size of the message.
# Seen: a message that came whole in one chunk of the socket is a view into that chunk, just behind its header: a
#   frame header has 2, 4 or 10 bytes and 4 more with a mask, so the offset is hardly ever a multiple of 8, and the
#   typed array throws "start offset of BigUint64Array should be a multiple of 8". One that came in several chunks was
#   put together in new memory, at offset 0. Output:
#     message of 16 bytes: offset 6 in 22
#     message of 1024 bytes: offset 8 in 1032
#     message of 1048576 bytes: offset 0 in 1048576
# Follows: a protocol that works with large messages fails with small ones, and with some small ones only. Copy before
#   laying wider elements over a message, or ask for `binaryType = 'arraybuffer'`, which does.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts ws@8.23.0
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket, WebSocketServer } from 'ws';

const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
await once(server, 'listening');
server.on('connection', (peer) => {
  peer.on('message', (data) => {
    console.log(`message of ${data.length} bytes: offset ${data.byteOffset} in ${data.buffer.byteLength}`);
    peer.emit('seen', data);
  });
});
const client = new WebSocket(`ws://127.0.0.1:${server.address().port}`, { perMessageDeflate: false });
const [peer] = await once(server, 'connection');
if (client.readyState !== WebSocket.OPEN) await once(client, 'open');

async function received(bytes) {
  const seen = once(peer, 'seen');
  client.send(new Uint8Array(bytes));
  return (await seen)[0];
}
const lay = (data) => new BigUint64Array(data.buffer, data.byteOffset, data.length / 8);

const small = await received(16);
assert.notEqual(small.byteOffset % 8, 0);
assert.throws(() => lay(small), { name: 'RangeError', message: /should be a multiple of 8/ });
const middle = await received(1024);
assert.notEqual(middle.byteOffset, 0);
assert.notEqual(middle.buffer.byteLength, middle.length);
const large = await received(2 ** 20);
assert.equal(large.byteOffset, 0);
assert.equal(lay(large).length, 2 ** 17);
client.terminate();
server.close();
JS
node run.mjs
