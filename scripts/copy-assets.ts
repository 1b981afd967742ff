/** What tsc leaves behind: the compiled kernels, the worker script and the shaders (those of benchmarks too), published figures, to where dist/ looks for them. */
import { chmod, copyFile, cp, mkdir, rm } from 'node:fs/promises';

const assets = [
  'runtime/wasm/kernels.wasm',
  'runtime/wasm/inline.wasm',
  'runtime/wasm/worker.mjs',
  'bench/published/securenn.json',
  ...['Words', 'Bytes', 'Matrix'].map((name) => `bench/kernels/ceiling${name}.wgsl`),
];

for (const asset of assets) {
  const target = new URL(`../dist/${asset}`, import.meta.url);
  await mkdir(new URL('.', target), { recursive: true });
  await copyFile(new URL(`../${asset}`, import.meta.url), target);
}

// Not over an older copy: a shader that is gone would stay.
const shaders = new URL('../dist/shaders/', import.meta.url);
await rm(shaders, { recursive: true, force: true });
await cp(new URL('../shaders/', import.meta.url), shaders, { recursive: true });

// npm sets this when it links a package's commands, but not in a package's own checkout.
await chmod(new URL('../dist/src/cli/main.js', import.meta.url), 0o755);
