#!/usr/bin/env bash
# ws 8.23.0.
#
# Expected by most: once `send(data)` has returned, the array may be written again; how a frame is masked changes
#   nothing about that. And a mask of zeros still costs a pass over the data.
# Seen: with the random mask of a client, `send` copies (it must: masking changes the bytes), so a later write has no
#   effect. With `generateMask` giving zeros, ws sees that nothing is to be done, skips the pass and hands the socket
#   the caller's own memory (the frame still carries its four bytes of mask). If the socket is busy, the peer receives
#   what the array holds LATER. Here 8 MiB are under way when `1 1 1 1` is sent and the array then filled with 9:
#     random mask: peer received 01010101
#     zero mask: peer received 09090909
# Follows: with zero masks, and for what a server sends (never masked), an array belongs to ws until the callback of
#   `send`. Code that was tested as a client with ordinary masks can break when it becomes a server, or turns masking
#   off for speed.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts ws@8.23.0
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { WebSocket, WebSocketServer } from 'ws';

async function secondMessage(options) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  const messages = [];
  const both = new Promise((resolve) => {
    server.on('connection', (peer) => {
      peer.on('message', (data) => {
        messages.push(data);
        if (messages.length === 2) resolve();
      });
    });
  });
  const client = new WebSocket(`ws://127.0.0.1:${server.address().port}`, { perMessageDeflate: false, ...options });
  await once(client, 'open');
  client.send(new Uint8Array(8 * 2 ** 20));
  const data = new Uint8Array(4).fill(1);
  client.send(data);
  data.fill(9);
  await both;
  client.terminate();
  server.close();
  return messages[1].toString('hex');
}

const random = await secondMessage({});
const zero = await secondMessage({ generateMask: (mask) => mask.fill(0) });
console.log(`random mask: peer received ${random}`);
console.log(`zero mask: peer received ${zero}`);
assert.equal(random, '01010101');
assert.equal(zero, '09090909');
JS
node run.mjs
