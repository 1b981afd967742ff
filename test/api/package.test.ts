/**
 * What `npm pack` makes, and what a bundler makes of it: a project of ten lines, built by Vite, in a real browser under a strict Content-Security-Policy.
 * The plain engine there gives the same scores as here, bit for bit.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser, Page } from 'puppeteer-core';
import { build, type Rollup } from 'vite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  initialModel,
  makeDataset,
  namedNetwork,
  type NetworkName,
  parseNetwork,
  plainInference,
  plainTraining,
} from '../../src/api/index.ts';
import { complaintsOf, launchBrowser } from '../browser.ts';
import { filesIn, type Packed, packAndInstall } from './packed.ts';

const MOST_PACKED = 2_200_000;
const MOST_CLIENT = 100_000;
const POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'";
const WEBGPU = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];

const INDEX = '<!doctype html><meta charset="utf-8"><title>page</title>';
const PLAIN = `
import { initialModel, makeDataset, namedNetwork, parseNetwork, plainInference, plainTraining } from 'securenn';
globalThis.scores = async (name, backend) => {
  const pixels = Uint8Array.from({ length: 2 * 784 }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24);
  const model = initialModel(namedNetwork(name), 3);
  return Array.from((await plainInference(model, pixels, { backend, fallbackAdapter: true })).scores);
};
globalThis.trained = async ({ network, data, ...options }) => {
  const { model } = await plainTraining({ network: parseNetwork(network), data: makeDataset(data), ...options });
  return Array.from(model.tensors, ([name, { data }]) => [name, Array.from(data)]);
};
`;
const CLIENT = `
import * as client from 'securenn/client';
globalThis.client = client;
`;

const windows = process.platform === 'win32';

describe.skipIf(windows)('the package', () => {
  let packed: Packed;
  const warnings: string[] = [];

  /** Builds one page; returns its files. */
  async function bundle(name: string, script: string): Promise<string> {
    const { project } = packed;
    writeFileSync(join(project, `${name}.js`), script);
    writeFileSync(join(project, `${name}.html`), `${INDEX}<script type="module" src="/${name}.js"></script>`);
    const outDir = join(project, `built-${name}`);
    await build({
      root: project,
      configFile: false,
      logLevel: 'silent',
      build: {
        outDir,
        modulePreload: { polyfill: false },
        rollupOptions: {
          input: join(project, `${name}.html`),
          onwarn: (warning: Rollup.RollupLog) => void warnings.push(warning.message),
        },
      },
    });
    return outDir;
  }

  const scripts = (folder: string): string[] => filesIn(folder).filter((file) => file.endsWith('.js'));

  beforeAll(() => {
    packed = packAndInstall();
  });

  it('holds what is needed, and nothing else', () => {
    const folders = new Set(packed.files.map((path) => path.split('/').slice(0, 2).join('/')));
    expect([...folders].sort()).toEqual(
      [
        ...['LICENSE', 'README.md', 'package.json', 'bin/securenn.js'],
        ...['dist/bench', 'dist/build.json', 'dist/page', 'dist/runtime', 'dist/shaders', 'dist/src'],
      ].sort(),
    );
    const strange = packed.files.filter((path) =>
      /\.(map|ts|tsx)$/.test(path) && !path.endsWith('.d.ts')
        ? true
        : path.startsWith('dist/bench/') && !path.startsWith('dist/bench/published/'),
    );
    expect(strange).toEqual([]);
    console.log(`npm pack: ${packed.files.length} files, ${packed.bytes} bytes`);
    expect(packed.bytes).toBeLessThan(MOST_PACKED);
  });

  it('gives a page a client that is small', async () => {
    const files = scripts(await bundle('client', CLIENT));
    const sizes = files.map((file) => gzipSync(readFileSync(file)).length);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    console.log(`securenn/client in a page: ${total} bytes compressed, all of it`);
    expect(total).toBeLessThan(MOST_CLIENT);
    for (const file of files) expect(readFileSync(file, 'utf8')).not.toMatch(/__vite-browser-external|["']node:/);
  });

  describe('in a page of a strict policy', () => {
    let server: Server;
    let browser: Browser;
    let page: Page;
    const asked: string[] = [];
    let complaints: string[] = [];

    beforeAll(async () => {
      const folder = await bundle('plain', PLAIN);
      for (const file of scripts(folder))
        expect(readFileSync(file, 'utf8')).not.toMatch(/__vite-browser-external|["']node:/);
      const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript' };
      server = createServer(({ url = '/' }, response) => {
        asked.push(url);
        try {
          const bytes = readFileSync(join(folder, url));
          const type = types[extname(url)] ?? 'application/octet-stream';
          response.writeHead(200, { 'content-type': type, 'content-security-policy': POLICY }).end(bytes);
        } catch {
          response.writeHead(404).end();
        }
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      browser = await launchBrowser(...WEBGPU);
      page = await browser.newPage();
      complaints = complaintsOf(page);
      await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/plain.html`);
    });

    afterAll(async () => {
      await browser?.close();
      server?.close();
    });

    it.each<[NetworkName, 'wasm' | 'webgpu']>([
      ['A', 'wasm'],
      ['C', 'wasm'],
      ['A', 'webgpu'],
      ['D', 'webgpu'],
    ])('network %s on the plain engine (%s) gives the same scores as here, bit for bit', async (name, backend) => {
      const pixels = Uint8Array.from({ length: 2 * 784 }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24);
      const here = await plainInference(initialModel(namedNetwork(name), 3), pixels);
      const there = await page.evaluate(`scores(${JSON.stringify(name)}, ${JSON.stringify(backend)})`);
      expect(there).toEqual(Array.from(here.scores));
    });

    it('a training there gives the same model as here, bit for bit', async () => {
      const layers = [
        { type: 'dense', units: 8 },
        { type: 'relu' },
        { type: 'dropout', rate: 0.5 },
        { type: 'dense', units: 2 },
      ];
      const network = { name: 'xor', input: [2], layers };
      const data = { shape: [2], images: [0, 0, 0, 1, 1, 0, 1, 1], labels: [0, 1, 1, 0] };
      const options = { batch: 2, steps: 12, learningRate: 2 ** -3 };
      const { model } = await plainTraining({ network: parseNetwork(network), data: makeDataset(data), ...options });
      const there = await page.evaluate(`trained(${JSON.stringify({ network, data, ...options })})`);
      expect(there).toEqual(Array.from(model.tensors, ([name, tensor]) => [name, Array.from(tensor.data)]));
    });

    it('nothing is fetched but the page and its scripts, and nothing is complained of', () => {
      expect(asked.filter((url) => !/^\/(plain\.html|favicon\.ico|assets\/[\w-]+\.js)$/.test(url))).toEqual([]);
      expect(complaints).toEqual([]);
      expect(warnings).toEqual([]);
    });
  });
});
