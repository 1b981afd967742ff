/** What tsc leaves behind: the compiled kernels, the worker script and published figures, to where dist/ looks for them. */
import { chmod, copyFile, mkdir } from 'node:fs/promises';

const assets = ['runtime/wasm/kernels.wasm', 'runtime/wasm/worker.mjs', 'bench/published/securenn.json'];

for (const asset of assets) {
  const target = new URL(`../dist/${asset}`, import.meta.url);
  await mkdir(new URL('.', target), { recursive: true });
  await copyFile(new URL(`../${asset}`, import.meta.url), target);
}

// npm sets this when it links a package's commands, but not in a package's own checkout.
await chmod(new URL('../dist/src/cli/main.js', import.meta.url), 0o755);
