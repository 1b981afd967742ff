#!/usr/bin/env bash
# @msgpack/msgpack 3.1.3, msgpackr 2.1.4, cbor-x 1.6.9.
#
# Expected by most: a binary codec gives back what it was given, or refuses it; MessagePack is one format, so two
#   libraries agree.
# Seen: -0 comes back as 0 from all three (each writes whole numbers as integers). @msgpack/msgpack writes a Map and
#   an ArrayBuffer as empty maps, so they come back as {}; it refuses bigint, which msgpackr writes. msgpackr turns a
#   Map's keys into strings. cbor-x keeps all of these but the sign. Output:
#     -0: @msgpack/msgpack 0, msgpackr 0, cbor-x 0
#     Map { 1 => 2 }: @msgpack/msgpack {}, msgpackr {"1":2}, cbor-x Map
#     ArrayBuffer of 3: @msgpack/msgpack {}, msgpackr 3 bytes, cbor-x 3 bytes
#     BigUint64Array of 1: @msgpack/msgpack Uint8Array, msgpackr Buffer, cbor-x BigUint64Array
#     5n: @msgpack/msgpack Unrecognized object: [object BigInt], msgpackr 5n, cbor-x 5n
# Follows: an ArrayBuffer is the natural result of crypto.subtle, and is lost in silence: wrap it in a Uint8Array. Say
#   the type and length of a tensor beside its bytes. Weights whose bits matter do not travel as numbers.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts @msgpack/msgpack@3.1.3 msgpackr@2.1.4 cbor-x@1.6.9
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import * as msgpack from '@msgpack/msgpack';
import * as msgpackr from 'msgpackr';
import * as cbor from 'cbor-x';

const codecs = {
  '@msgpack/msgpack': (value) => msgpack.decode(msgpack.encode(value)),
  msgpackr: (value) => msgpackr.unpack(msgpackr.pack(value)),
  'cbor-x': (value) => cbor.decode(cbor.encode(value)),
};
const describe = (value) => {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  return value instanceof Map ? 'Map' : JSON.stringify(value);
};
const bytes = (value) => (ArrayBuffer.isView(value) ? `${value.byteLength} bytes` : describe(value));
const kind = (value) => value.constructor.name;

function check(name, value, show, expected) {
  const seen = Object.values(codecs).map((through) => {
    try {
      return show(through(value));
    } catch (error) {
      return error.message;
    }
  });
  console.log(`${name}: ${Object.keys(codecs).map((codec, i) => `${codec} ${seen[i]}`).join(', ')}`);
  assert.deepEqual(seen, expected, name);
}
check('-0', -0, describe, ['0', '0', '0']);
check('Map { 1 => 2 }', new Map([[1, 2]]), describe, ['{}', '{"1":2}', 'Map']);
check('ArrayBuffer of 3', new ArrayBuffer(3), bytes, ['{}', '3 bytes', '3 bytes']);
check('BigUint64Array of 1', BigUint64Array.of(1n), kind, ['Uint8Array', 'Buffer', 'BigUint64Array']);
check('5n', 5n, describe, ['Unrecognized object: [object BigInt]', '5n', '5n']);
JS
node run.mjs
