/**
 * The backend in a browser: headless Chromium loads the modules of runtime/webgpu as they are, types taken out, and multiplies on SwiftShader.
 * A module that needed Node would not load.
 */
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, sep } from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { complaintsOf, launchBrowser } from '../browser.ts';
import { convReference } from '../reference/conv.ts';
import { gemmReference } from '../reference/gemm.ts';
import { expectSame } from '../reference/same.ts';
import { makeJobs } from './browserJobs.ts';
import type * as BrowserPage from './browserPage.ts';

const ROOT = join(import.meta.dirname, '../..');
const SERVED = ['runtime', 'shaders', 'src', 'test'].map((folder) => join(ROOT, folder) + sep);
const FLAGS = ['--enable-unsafe-webgpu', '--use-webgpu-adapter=swiftshader'];
const compilerOptions = { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true };

let server: Server;
let browser: Browser;
let page: Page;
let complaints: string[] = [];

/** Type and text of a file as the page is given it. */
async function serve(path: string): Promise<readonly [type: string, text: string]> {
  if (path === '/') return ['text/html', '<!doctype html><title>securenn</title><link rel="icon" href="data:,">'];
  const file = join(ROOT, path);
  if (!SERVED.some((folder) => file.startsWith(folder))) throw new Error(`${path} is not served`);
  const text = await readFile(file, 'utf8');
  if (extname(file) !== '.ts') return ['text/plain', text];
  return ['text/javascript', ts.transpileModule(text, { compilerOptions }).outputText];
}

beforeAll(async () => {
  server = createServer((request, response) => {
    void serve(request.url ?? '').then(
      ([type, text]) => response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(text),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  browser = await launchBrowser(...FLAGS);
  page = await browser.newPage();
  complaints = complaintsOf(page);
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
});

afterAll(async () => {
  await browser?.close();
  server.close();
});

/** Calls a function of browserPage.ts in the page. */
async function call<K extends keyof typeof BrowserPage>(
  name: K,
  ...of: Parameters<(typeof BrowserPage)[K]>
): Promise<Awaited<ReturnType<(typeof BrowserPage)[K]>>> {
  const script = `import('/test/webgpu/browserPage.ts').then((page) => page.${name}(...${JSON.stringify(of)}))`;
  return (await page.evaluate(script)) as Awaited<ReturnType<(typeof BrowserPage)[K]>>;
}

const values = (result: BrowserPage.Result): BigUint64Array => BigUint64Array.from(result, BigInt);

describe('in a browser', () => {
  const jobs = makeJobs();
  const expected = { gemm: jobs.gemm.map(gemmReference), conv: jobs.conv.map(convReference) };

  test('the device runs the kernels that every browser does', async () => {
    const { adapter, choices } = await call('describeDevice');
    expect(adapter).toMatch(/swiftshader/i);
    expect(choices).toEqual(['portable/large', 'portable/small', 'bytes/large', 'bytes/small']);
  });

  test.each(['portable/large', 'portable/small', 'bytes/large', 'bytes/small'] as const)(
    '%s computes matrix products and convolutions bit for bit',
    async (choice) => {
      const { gemm, conv, nanoseconds } = await call('products', choice);
      expect([gemm.length, conv.length]).toEqual([jobs.gemm.length, jobs.conv.length]);
      for (const [i, result] of gemm.entries()) expectSame(values(result), expected.gemm[i]);
      for (const [i, result] of conv.entries()) expectSame(values(result), expected.conv[i]);
      for (const time of nanoseconds) expect(time ?? Infinity).toBeGreaterThan(0);
    },
  );

  test('a shader that is not there is named', async () => {
    const script = `import('/runtime/webgpu/browser.ts').then((page) => page.fetchShader('none.wgsl'))`;
    await expect(page.evaluate(script)).rejects.toThrow(/shaders\/none\.wgsl: HTTP status 404/);
  });

  test('nothing else is complained of', () => {
    expect(complaints.filter((text) => !/status of 404/.test(text))).toEqual([]);
  });
});
