/** `securenn/client` as a bundler takes it for a browser: small, and nothing in it that a strict policy forbids. */
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { beforeAll, describe, expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const MOST_BYTES = 100_000;

let text: string;
let loaded: readonly unknown[];
beforeAll(async () => {
  const { outputFiles, metafile } = await build({
    ...{
      entryPoints: [join(ROOT, 'dist/src/api/client.js')],
      bundle: true,
      minify: true,
      write: false,
      metafile: true,
    },
    ...{ format: 'esm', platform: 'browser', absWorkingDir: ROOT },
  });
  text = outputFiles[0].text;
  loaded = Object.values(metafile.outputs).flatMap(({ imports }) => imports);
});

describe('the client in one file', () => {
  it('is under 100 kB compressed', () => {
    const { length } = gzipSync(text, { level: 9 });
    expect(length).toBeGreaterThan(20_000);
    expect(length).toBeLessThan(MOST_BYTES);
  });

  it('loads nothing, shares no memory, and compiles no text', () => {
    expect(loaded).toEqual([]);
    expect(text.match(/\bSharedArrayBuffer\b|\beval\(|\bimportScripts\b/g)).toBeNull();
    // zod has the one place where text would be compiled, behind what no-eval.ts says.
    expect(text.match(/jitless:!0/g)).toHaveLength(1);
  });

  it('says so before the first form is made', () => {
    expect(text.indexOf('jitless:!0')).toBeLessThan(text.indexOf('party-card'));
  });
});
