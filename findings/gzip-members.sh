#!/usr/bin/env bash
# fflate 0.8.3, pako 3.0.3, and DecompressionStream of Node 20.20.2 and 24.21.0 (from npm; Linux).
#
# Expected by most: a gzip file is read alike by all; one made of several members (pigz, bgzip, or two files joined)
#   gives the members' texts one after the other, zeros behind the end are padding, and a wrong checksum is an error.
#   So gunzip does, and zlib of Node.
# Seen: fflate's gunzipSync gives the FIRST member only, gives NOTHING if zeros follow (it takes the last four bytes
#   for the length), and does not look at the checksum; no error in any of the three. DecompressionStream reads
#   several members in Node 20 and refuses them in Node 24. Output:
#     two members: zlib hellohello, pako hellohello, fflate hello
#     zeros behind: zlib hello, pako hello, fflate (nothing)
#     wrong checksum: zlib incorrect data check, pako incorrect data check, fflate hello
#     DecompressionStream, two members: v20.20.2 hellohello
#     DecompressionStream, two members: v24.21.0 Trailing junk found after the end of the compressed stream
# Follows: data sets in .gz are read by zlib; whatever reads them, compare the length with what the format's header
#   announces.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts fflate@0.8.3 pako@3.0.3
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { gunzipSync, gzipSync } from 'node:zlib';
import { gunzipSync as fflate } from 'fflate';
import { ungzip } from 'pako';

const member = gzipSync('hello');
const wrong = Buffer.from(member);
wrong[wrong.length - 8] ^= 1;
const readers = { zlib: gunzipSync, pako: ungzip, fflate };

function check(name, bytes, expected) {
  const seen = Object.values(readers).map((reader) => {
    try {
      return Buffer.from(reader(bytes)).toString() || '(nothing)';
    } catch (error) {
      return error.message ?? String(error);
    }
  });
  console.log(`${name}: ${Object.keys(readers).map((reader, i) => `${reader} ${seen[i]}`).join(', ')}`);
  assert.deepEqual(seen, expected);
}
check('two members', Buffer.concat([member, member]), ['hellohello', 'hellohello', 'hello']);
check('zeros behind', Buffer.concat([member, Buffer.alloc(8)]), ['hello', 'hello', '(nothing)']);
check('wrong checksum', wrong, ['incorrect data check', 'incorrect data check', 'hello']);
JS
cat > stream.mjs <<'JS'
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';

const member = gzipSync('hello');
const stream = new Blob([member, member]).stream().pipeThrough(new DecompressionStream('gzip'));
const seen = await new Response(stream).text().catch((error) => error.message);
console.log(`DecompressionStream, two members: ${process.version} ${seen}`);
assert.match(seen, process.version.startsWith('v20.') ? /^hellohello$/ : /Trailing junk/);
JS
node run.mjs
for version in 20.20.2 24.21.0; do
  npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$version" "node-linux-$(node -p process.arch)@$version"
  node=("$version"/node_modules/node-linux-*/bin/node)
  "${node[0]}" stream.mjs
done
