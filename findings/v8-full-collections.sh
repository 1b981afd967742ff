#!/usr/bin/env bash
# V8 11.3 and 13.6 (Node 20.20.2 and 24.21.0, from npm; Linux).
#
# Expected by most: typed arrays live outside the JavaScript heap, so a program with a heap of 8 MB that makes and
#   drops them causes cheap collections of the young generation only, and a newer V8 does no worse.
# Seen: 20,000 arrays of 1 MiB, one or a hundred of them alive at a time, beside a heap of 8 MB that does not change.
#   Each full collection marks that whole heap. V8 11.3 makes a few with one array alive, and hundreds with a hundred
#   alive; V8 13.6 makes nearly two hundred either way, and hardly any young collection. Arrays of 1 KiB cause no full
#   one in either. Output:
#     v20.20.2: full collections: 0 for 1 KiB, 2 with 1 of 1 MiB alive, 238 with 100
#     v24.21.0: full collections: 0 for 1 KiB, 187 with 1 of 1 MiB alive, 188 with 100
# Follows: memory outside the heap is what drives the collector. Use large arrays again, keep the heap beside them
#   small, and measure again with each version of Node: the same program changes from young to full collections.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { PerformanceObserver, constants } from 'node:perf_hooks';
import { setImmediate, setTimeout } from 'node:timers/promises';

let full = 0;
new PerformanceObserver((list) => {
  full += list.getEntries().filter((entry) => entry.detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR).length;
}).observe({ entryTypes: ['gc'] });

const heap = Array.from({ length: 50000 }, (_, i) => ({ i, text: `x${i}` }));

async function collections(bytes, alive) {
  const kept = [];
  await setTimeout(50);
  const before = full;
  for (let i = 0; i < 20000; i++) {
    kept[i % alive] = new Float64Array(bytes / 8);
    if (i % 100 === 0) await setImmediate();
  }
  await setTimeout(50);
  return full - before;
}

const small = await collections(1024, 100);
const one = await collections(2 ** 20, 1);
const hundred = await collections(2 ** 20, 100);
console.log(`${process.version}: full collections: ${small} for 1 KiB, ${one} with 1 of 1 MiB alive, ${hundred} with 100`);
assert.equal(heap.length, 50000);
assert.ok(small <= 5, 'small arrays cause full collections');
assert.ok(hundred >= 50, 'large arrays no longer cause full collections');
if (process.version.startsWith('v20.')) assert.ok(one <= 40, 'Node 20: one live array causes full collections, too');
else assert.ok(one >= 50, 'Node 24: one live array no longer causes full collections');
JS
for version in 20.20.2 24.21.0; do
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$version" "node-linux-$(node -p process.arch)@$version"
  node=("$version"/node_modules/node-linux-*/bin/node)
  "${node[0]}" run.mjs
done
