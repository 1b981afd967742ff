/** Puts the compiled runtime/wasm/assembly/vector.ts into the source, as src/ring/vectorWasm.ts: part of the build. */
import { readFile, writeFile } from 'node:fs/promises';

const wasm = await readFile(new URL('../runtime/wasm/vector.wasm', import.meta.url));
const text = `/** runtime/wasm/assembly/vector.ts, compiled: written by \`npm run build:wasm\` (scripts/embed-vector.ts), not by hand. */
export const VECTOR_WASM =
  '${wasm.toString('base64')}';
`;
const target = new URL('../src/ring/vectorWasm.ts', import.meta.url);
// Not over the same text: what watches the sources would start again.
if ((await readFile(target, 'utf8').catch(() => '')) !== text) await writeFile(target, text);
