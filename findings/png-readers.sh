#!/usr/bin/env bash
# pngjs 7.0.0, fast-png 8.0.0, upng-js 2.1.0.
#
# Expected by most: PNG is lossless and old, so three readers give the same pixels for small grey images.
# Seen: they do for 8 bits without transparency. If grey 5 is declared transparent (tRNS), pngjs sets it to BLACK,
#   where upng keeps 5. At 16 bits pngjs halves the depth unless asked (0x1234 becomes 18); fast-png gives 1-bit
#   images as packed bits in one array, so it is an eighth as long; and the data of upng's decode() has one byte too
#   many. Output:
#     grey 5, transparent: pngjs 0,0,0,0, upng 5,5,5,0, fast-png 5
#     16 bits, 0x1234: pngjs 18, fast-png 4660
#     8 pixels of 1 bit: pngjs 8 pixels, fast-png 1 value (160)
#     2 pixels of 8 bits: upng data of 3 bytes
# Follows: look at depth, channels and transparency before pixels, and compare the number of values with width x
#   height x channels.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts pngjs@7.0.0 fast-png@8.0.0 upng-js@2.1.0
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { deflateSync } from 'node:zlib';
import { PNG } from 'pngjs';
import { decode } from 'fast-png';
import UPNG from 'upng-js';

function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), Buffer.from(data)]);
  const ends = new DataView(new ArrayBuffer(8));
  ends.setUint32(0, data.length);
  ends.setUint32(4, crc32(body));
  return Buffer.concat([new Uint8Array(ends.buffer, 0, 4), body, new Uint8Array(ends.buffer, 4, 4)]);
}
/** A grey PNG of one row. */
function grey(width, depth, row, ...more) {
  const header = [0, 0, 0, width, 0, 0, 0, 1, depth, 0, 0, 0, 0];
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10]);
  const data = chunk('IDAT', deflateSync(Buffer.from([0, ...row])));
  return Buffer.concat([signature, chunk('IHDR', header), ...more, data, chunk('IEND', [])]);
}
const pngjs = (file) => [...PNG.sync.read(file).data];

const transparent = grey(2, 8, [5, 6], chunk('tRNS', [0, 5]));
const black = pngjs(transparent).slice(0, 4);
const kept = [...new Uint8Array(UPNG.toRGBA8(UPNG.decode(transparent))[0])].slice(0, 4);
const alone = decode(transparent).data[0];
console.log(`grey 5, transparent: pngjs ${black}, upng ${kept}, fast-png ${alone}`);
const deep = grey(1, 16, [0x12, 0x34]);
console.log(`16 bits, 0x1234: pngjs ${pngjs(deep)[0]}, fast-png ${decode(deep).data[0]}`);
const bits = grey(8, 1, [0b10100000]);
const packed = [...decode(bits).data];
console.log(`8 pixels of 1 bit: pngjs ${pngjs(bits).length / 4} pixels, fast-png ${packed.length} value (${packed})`);
const long = UPNG.decode(grey(2, 8, [5, 6])).data.length;
console.log(`2 pixels of 8 bits: upng data of ${long} bytes`);
assert.deepEqual(black, [0, 0, 0, 0]);
assert.deepEqual(kept, [5, 5, 5, 0]);
assert.equal(alone, 5);
assert.equal(pngjs(deep)[0], 0x12);
assert.equal(decode(deep).data[0], 0x1234);
assert.equal(pngjs(bits).length, 32);
assert.deepEqual(packed, [0b10100000]);
assert.equal(long, 3);
JS
node run.mjs
