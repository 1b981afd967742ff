#!/usr/bin/env bash
# V8 11.3 and 13.6 (Node 20.20.2 and 24.21.0, from npm; Linux).
#
# Expected by most: a SharedArrayBuffer that nobody holds goes as early as an ArrayBuffer of the same size.
# Seen: 4,000 buffers of 1 MiB, made and filled one after the other, one alive at a time. With ordinary ones the
#   process stays at 90 to 650 MiB, with shared ones it grows to 3,000 or 4,000: nothing tells the collector how much
#   memory hangs on the small objects. Each shared one is also new pages from the system, where the memory of an
#   ordinary one is often used again (times vary too much with the machine's state to be checked here: 0.3 to 0.6 ms
#   against 0.04 to 0.4). Output:
#     v20.20.2: resident at most 86 MiB with ordinary buffers, 3059 with shared ones
#     v24.21.0: resident at most 392 MiB with ordinary buffers, 3258 with shared ones
# Follows: do not make a SharedArrayBuffer for each tensor or message. Make few, keep them, copy into them.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';

const MiB = 2 ** 20;

async function highest(Kind) {
  let most = 0;
  for (let i = 0; i < 4000; i++) {
    new Uint8Array(new Kind(MiB)).fill(1);
    if (i % 50 === 0) most = Math.max(most, process.memoryUsage.rss() / MiB);
    if (i % 200 === 0) await setImmediate();
  }
  return most;
}

const ordinary = await highest(ArrayBuffer);
const shared = await highest(SharedArrayBuffer);
console.log(
  `${process.version}: resident at most ${ordinary.toFixed(0)} MiB with ordinary buffers, ${shared.toFixed(0)} with shared ones`,
);
assert.ok(shared > 2 * ordinary, 'shared buffers are given back earlier than they were');
JS
for version in 20.20.2 24.21.0; do
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$version" "node-linux-$(node -p process.arch)@$version"
  node=("$version"/node_modules/node-linux-*/bin/node)
  "${node[0]}" run.mjs
done
