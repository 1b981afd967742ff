#!/usr/bin/env bash
# zod 4.6.7 bundled for a page by esbuild 0.28.2.
#
# Expected by most: `import { z } from 'zod'`, as zod's own pages write it, and `import * as z from 'zod'` give the
#   same bundle, for what is not used is left out.
# Seen: the named `z` is an object that holds the whole library, messages in every language included; nothing of it is
#   left out. A page with one schema of one field, minified and compressed:
#     import { z } from 'zod':        92 kB
#     import * as z from 'zod':       22 kB
#     import * as z from 'zod/mini':   5 kB
# Follows: in code for pages import the namespace, and keep an eye on the size in a test.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm install --silent --no-audit --no-fund --ignore-scripts zod@4.6.7 esbuild@0.28.2
cat > run.mjs <<'JS'
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

async function kilobytes(line) {
  const contents = `${line}; console.log(z.strictObject({ a: z.int() }).parse({ a: 1 }));`;
  const stdin = { contents, resolveDir: process.cwd() };
  const options = { bundle: true, minify: true, format: 'esm', platform: 'browser', write: false, logLevel: 'error' };
  const { outputFiles } = await build({ stdin, ...options });
  const size = Math.round(gzipSync(outputFiles[0].contents, { level: 9 }).length / 1000);
  console.log(`${line}: ${size} kB`);
  return size;
}
const named = await kilobytes("import { z } from 'zod'");
const all = await kilobytes("import * as z from 'zod'");
const mini = await kilobytes("import * as z from 'zod/mini'");
assert.ok(named > 3 * all, `${named} and ${all} kB`);
assert.ok(all > 3 * mini, `${all} and ${mini} kB`);
JS
node run.mjs
