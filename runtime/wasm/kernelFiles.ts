/** The compiled kernels as files, for Node. A page has them in its own code (`runtime/wasm/inlineWasm.js` of the package). */
import { readFile } from 'node:fs/promises';

/** Reads and compiles the kernels, which the build puts beside this file: `kernels` for shared memory, `inline` for ordinary. */
export async function compileKernels(name: 'kernels' | 'inline'): Promise<WebAssembly.Module> {
  const url = new URL(`./${name}.wasm`, import.meta.url);
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = await readFile(url);
  } catch (cause) {
    throw new Error(`wasm: cannot read ${url.pathname}; run "npm run build"`, { cause });
  }
  return WebAssembly.compile(bytes);
}
