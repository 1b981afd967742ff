#!/usr/bin/env bash
# V8 11.3 and 13.6 (Node 20.20.2 and 24.21.0, from npm; Linux, x64).
#
# Expected by most: `target.set(source)` between two Uint8Arrays is a memory copy and equally fast wherever the two
#   begin.
# Seen: into ordinary WebAssembly memory, yes. Into shared memory, only while both addresses have the same remainder
#   modulo 8: begun one byte further, the same copy of 1 MiB is about eight times slower (3.7 instead of 28 GiB/s).
#   Output on a quiet machine:
#     v20.20.2: ordinary 55.5 GiB/s, one byte off 55.4; shared 29.9, one byte off 3.8
#     v24.21.0: ordinary 55.9 GiB/s, one byte off 55.7; shared 26.8, one byte off 3.7
# Follows: what is copied into a worker's shared memory begins at a multiple of 8 on both sides: pad headers of
#   frames, do not copy straight from the middle of a received message.
#
# Speed is compared with itself (same size, same memory) and must differ by a factor of 2.5 in the best of several
# repeats.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';

const MiB = 2 ** 20;
const source = new Uint8Array(MiB + 8).fill(3);
const memories = {
  ordinary: new WebAssembly.Memory({ initial: 16 }),
  shared: new WebAssembly.Memory({ initial: 16, maximum: 16, shared: true }),
};

/** GiB a second of the fastest of 60 rounds of 8 copies. */
function speed(memory, offset) {
  const from = source.subarray(offset, offset + MiB);
  const to = new Uint8Array(memory.buffer, 0, MiB);
  let best = Infinity;
  for (let round = 0; round < 60; round++) {
    const start = performance.now();
    for (let i = 0; i < 8; i++) to.set(from);
    best = Math.min(best, performance.now() - start);
  }
  return 8 / 1024 / (best / 1000);
}

const seen = {};
for (const [name, memory] of Object.entries(memories)) seen[name] = [speed(memory, 0), speed(memory, 1)];
const text = (name) => `${name} ${seen[name][0].toFixed(1)} GiB/s, one byte off ${seen[name][1].toFixed(1)}`;
console.log(`${process.version}: ${text('ordinary')}; ${text('shared')}`);
assert.ok(seen.ordinary[1] > seen.ordinary[0] / 2.5, 'ordinary memory: alignment matters now');
assert.ok(seen.shared[1] < seen.shared[0] / 2.5, 'shared memory: alignment no longer matters');
JS
for version in 20.20.2 24.21.0; do
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$version" "node-linux-$(node -p process.arch)@$version"
  node=("$version"/node_modules/node-linux-*/bin/node)
  "${node[0]}" run.mjs
done
