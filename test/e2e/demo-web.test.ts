/** `securenn demo --web` in a browser: a digit is drawn, leaves as three messages that say nothing, and is answered. */
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { encode as encodePng } from 'fast-png';
import { encode as encodeJpeg } from 'jpeg-js';
import type { Browser, ElementHandle, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { plainInference } from '../../src/api/plain.ts';
import { loadModel } from '../../src/api/models.ts';
import { loadTestImages } from '../../src/data/load.ts';
import { encode } from '../../src/ring/fixed.ts';
import { complaintsOf, dropFiles, launchBrowser } from '../browser.ts';
import { temporaryFolder } from '../folder.ts';
import { Command } from './command.ts';

const root = temporaryFolder('demo-web');
const hosts = join(root, 'hosts');
const PIXELS = 784;
let [command, browser, page]: [Command, Browser, Page] = [] as never;
let address = '';
let complaints: string[] = [];
const asked: { readonly method: string; readonly url: string }[] = [];

/** Before the page runs: keeps what it gives to `fetch`, and what its policy forbids. */
const WATCH = `
  globalThis.bodies = [];
  globalThis.violations = [];
  addEventListener('securitypolicyviolation', (event) => violations.push(event.violatedDirective + ' ' + event.blockedURI));
  const send = globalThis.fetch;
  globalThis.fetch = (url, options) => {
    const { body } = options ?? {};
    if (body) bodies.push(Array.from(new Uint8Array(body.buffer, body.byteOffset, body.byteLength)));
    return send(url, options);
  };`;

async function evaluate<T>(code: string): Promise<T> {
  return (await page.evaluate(code)) as T;
}

const text = (id: string): Promise<string> => evaluate(`document.getElementById('${id}').textContent.trim()`);
/** The pixels of a picture of the page. */
const greyOf = async (id: string): Promise<Uint8Array> =>
  Uint8Array.from(
    await evaluate<number[]>(
      `Array.from(document.getElementById('${id}').getContext('2d').getImageData(0, 0, 28, 28).data).filter((_, i) => i % 4 === 0)`,
    ),
  );
/** What the network took, as the page shows it. */
const seen = (): Promise<Uint8Array> => greyOf('seen');

/** Does something that asks, and waits until its answer is compared with the plain one. */
async function answered(act: () => Promise<unknown>): Promise<number> {
  await evaluate(`plain.textContent = label.textContent = ''`);
  await act();
  await page.waitForFunction(
    `(/^(They|Not)/.test(plain.textContent) || !trouble.hidden) && !document.body.classList.contains('busy')`,
  );
  expect(await evaluate(`trouble.hidden ? '' : what.textContent + ' ' + fix.textContent`)).toBe('');
  return Number(await text('label'));
}

async function plainLabel(pixels: Uint8Array): Promise<number> {
  const { label } = await plainInference(await loadModel(join(hosts, 'analyst', 'model.safetensors')), pixels);
  return label;
}

async function testDigit(i: number): Promise<Uint8Array> {
  const { images } = await loadTestImages('mnist');
  return Uint8Array.from(images.subarray(i * PIXELS, (i + 1) * PIXELS) as Uint8Array);
}

function png(pixels: Uint8Array, name: string): string {
  const path = join(root, name);
  writeFileSync(path, encodePng({ width: 28, height: 28, data: pixels, channels: 1, depth: 8 }));
  return path;
}

/** As a photograph: dark ink on grey paper that is not even, larger, not in the middle. */
function jpeg(pixels: Uint8Array, name: string): string {
  const [width, height, each] = [640, 480, 12];
  const data = new Uint8Array(4 * width * height).fill(255);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [column, row] = [Math.floor((x - 200) / each), Math.floor((y - 60) / each)];
      const inside = column >= 0 && column < 28 && row >= 0 && row < 28;
      const ink = inside ? pixels[28 * row + column] / 255 : 0;
      const paper = 215 + ((x * 7 + y * 13) % 11) - Math.round(x / 64);
      data.fill(Math.round(paper * (1 - 0.85 * ink)), 4 * (y * width + x), 4 * (y * width + x) + 3);
    }
  }
  const path = join(root, name);
  writeFileSync(path, encodeJpeg({ width, height, data }, 85).data);
  return path;
}

/** A file from outside the browser, as a person lets it fall. */
async function dropFile(path: string, selector: string): Promise<void> {
  const { x, y, width, height } = (await (await page.$(selector))!.boundingBox())!;
  await dropFiles(page, [path], x + width / 2, y + height / 2);
}

/** How alike two pictures are, from −1 to 1, if one is moved by a pixel at most: the page rounds a digit's centre otherwise than MNIST's makers. */
function likeness(one: Uint8Array, other: Uint8Array): number {
  const moves = [-29, -28, -27, -1, 0, 1, 27, 28, 29];
  return Math.max(
    ...moves.map((by) =>
      correlation(
        one,
        Uint8Array.from(other, (_, i) => other[i + by] ?? 0),
      ),
    ),
  );
}

function correlation(one: Uint8Array, other: Uint8Array): number {
  const centred = (values: Uint8Array): number[] => {
    const mean = values.reduce((a, b) => a + b) / values.length;
    return Array.from(values, (value) => value - mean);
  };
  const dot = (a: number[], b: number[]): number => a.reduce((sum, value, i) => sum + value * b[i], 0);
  const [a, b] = [centred(one), centred(other)];
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

beforeAll(async () => {
  command = new Command(['demo', '--web', '--steps', '60', '--images', '1024', '--dir', hosts], root);
  await command.shows(/^open http\S+$/m);
  address = /^open (http\S+)$/m.exec(command.stderr)![1];
  browser = await launchBrowser();
  page = await browser.newPage();
  // For what hangs.
  page.setDefaultTimeout(240_000);
  complaints = complaintsOf(page);
  page.on('request', (request) => asked.push({ method: request.method(), url: request.url() }));
  await page.evaluateOnNewDocument(WATCH);
  await page.setViewport({ width: 1200, height: 900 });
  await page.emulateMediaFeatures([
    { name: 'prefers-color-scheme', value: 'light' },
    { name: 'prefers-reduced-motion', value: 'reduce' },
  ]);
  await page.goto(address);
  await page.waitForFunction(`document.getElementById('status').textContent.startsWith('Connected')`);
});

afterAll(async () => {
  await browser?.close();
  if (command.process.exitCode === null) command.process.kill('SIGINT');
  await command.outcome;
});

describe('securenn demo --web', () => {
  it('answers a picture that is dropped, and one that is chosen, as the plain engine does', async () => {
    const first = await testDigit(0);
    const bytes = readFileSync(png(first, 'seven.png')).toString('base64');
    const drop = (): Promise<unknown> =>
      evaluate(`(async () => {
        const bytes = Uint8Array.from(atob('${bytes}'), (c) => c.charCodeAt(0));
        const dataTransfer = new DataTransfer();
        dataTransfer.items.add(new File([bytes], 'seven.png', { type: 'image/png' }));
        document.getElementById('pad').dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
      })()`);
    expect(await answered(drop)).toBe(await plainLabel(first));
    expect(await seen()).toEqual(first);
    expect(await text('plain')).toMatch(/^They agree: .* differ by 0\.0\d+ at most/);

    const second = await testDigit(1);
    const file = (await page.$('#file')) as ElementHandle<never>;
    const dark = png(
      second.map((value) => 255 - value),
      'two.png',
    );
    expect(
      await answered(() => (file as unknown as { uploadFile(path: string): Promise<void> }).uploadFile(dark)),
    ).toBe(await plainLabel(second));
    expect(await seen()).toEqual(second);
  });

  it('answers a photograph, a JPEG file that a person drops', async () => {
    const digit = await testDigit(0);
    const path = jpeg(digit, 'photograph.jpg');
    expect(await answered(() => dropFile(path, '#pad'))).toBe(await plainLabel(await seen()));
    expect(await text('pad-status')).toBe('a picture, made 28 by 28, light on dark');
    expect(likeness(await seen(), digit)).toBeGreaterThan(0.8);
  });

  it('answers what is drawn with a pointer, and with the keyboard', async () => {
    await page.click('#clear');
    const pad = await page.$('#pad');
    const { x, y, width, height } = (await pad!.boundingBox())!;
    await page.mouse.move(x + 0.55 * width, y + 0.2 * height);
    await page.mouse.down();
    await page.mouse.move(x + 0.48 * width, y + 0.8 * height, { steps: 8 });
    await page.mouse.up();
    expect(await answered(() => page.click('#ask'))).toBe(await plainLabel(await seen()));
    const stroke = await seen();

    await page.focus('#pad');
    await page.keyboard.press('Delete');
    await page.keyboard.press('Space');
    for (let i = 0; i < 10; i++) await page.keyboard.press('ArrowDown');
    expect(await text('pad-status')).toBe('drawing, column 15, row 25');
    await page.keyboard.press('Space');
    expect(await text('pad-status')).toBe('pen up');
    expect(await answered(() => page.keyboard.press('Enter'))).toBe(await plainLabel(await seen()));
    expect(await seen()).not.toEqual(stroke);
  });

  it('shows what each party gets, what comes back, and how much', async () => {
    for (const id of ['p0-key', 'p1-key', 'p2-key0', 'p2-key1', 'p0-share', 'p1-share'])
      expect(await text(id)).toMatch(/^([0-9a-f]{4} ){4}…$/);
    expect(await text('p2-key0')).toBe(await text('p0-key'));
    expect(await text('p2-key1')).toBe(await text('p1-key'));
    expect(await text('time')).toMatch(/^[0-9.]+ ms$/);
    expect(await text('p0-sent')).toMatch(/^6,[34]\d\d bytes$/);
    const rows = await evaluate<string[][]>(
      `Array.from(sum.rows, (row) => Array.from(row.cells, (cell) => cell.textContent))`,
    );
    expect(rows).toHaveLength(10);
    for (const [, first, second, score] of rows) {
      const total = BigInt.asIntN(64, BigInt(`0x${first}`) + BigInt(`0x${second}`));
      expect((Number(total) / 2 ** 16).toFixed(4)).toBe(score);
    }
    const noise = await greyOf('p0-noise');
    // Of uniform bytes 784 have some 245 values, and their mean is 127.5 ± 2.6.
    expect(new Set(noise).size).toBeGreaterThan(200);
    expect(Math.abs(noise.reduce((a, b) => a + b) / PIXELS - 127.5)).toBeLessThan(16);
  });

  it('sends nothing that holds the drawing, and nothing to anybody else', async () => {
    await answered(async () => {
      await page.focus('#pad');
      await page.keyboard.press('Enter');
    });
    const pixels = await seen();
    const bodies = (await evaluate<number[][]>('bodies')).map((body) => Buffer.from(body));
    const words = encode(
      Array.from(new Set(pixels), (value) => value / 255).filter((value) => value > 0),
      16,
    );
    expect(words.length).toBeGreaterThan(3);
    const raw = Buffer.from(pixels);
    const secrets = [
      ...Array.from(words, (word) => Buffer.from(BigUint64Array.of(word).buffer)),
      // Every row with ink in it.
      ...Array.from({ length: 28 }, (_, i) => raw.subarray(28 * i, 28 * (i + 1))).filter((row) =>
        row.some((v) => v > 0),
      ),
    ];
    const holds = (body: Buffer): boolean => secrets.some((secret) => body.includes(secret));
    expect(
      holds(
        Buffer.from(
          encode(
            Array.from(pixels, (value) => value / 255),
            16,
          ).buffer,
        ),
      ),
    ).toBe(true);
    expect(holds(raw)).toBe(true);
    // Six answers, of three messages each, two of them with all of E.
    expect(bodies.filter((body) => body.length > 8 * PIXELS)).toHaveLength(12);
    expect(bodies.filter(holds)).toEqual([]);

    const { origin } = new URL(address);
    const { local } = (await (await fetch(`${origin}/demo.json`)).json()) as { local: Record<string, number> };
    const ports = Object.values(local).map((port) => `http://127.0.0.1:${port}`);
    const elsewhere = asked.filter(({ url }) => ![origin, ...ports].includes(new URL(url).origin));
    expect(elsewhere).toEqual([]);
    const toItself = asked.filter(({ url }) => new URL(url).origin === origin);
    expect(toItself.every(({ method }) => method === 'GET')).toBe(true);
    expect(asked.every(({ url }) => new URL(url).search === '')).toBe(true);
  });

  it('keeps nothing, breaks no rule of its policy, and has nothing to complain of', async () => {
    expect(await evaluate('localStorage.length + sessionStorage.length')).toBe(0);
    expect(await evaluate('indexedDB.databases()')).toEqual([]);
    expect(await evaluate('violations')).toEqual([]);
    expect(complaints).toEqual([]);
  });

  it('can be read by a screen reader, which hears the prediction', async () => {
    const tree = (await page.accessibility.snapshot({ interestingOnly: false }))!;
    const nodes: { role: string; name: string }[] = [];
    const visit = (node: typeof tree): void => {
      nodes.push({ role: node.role, name: node.name ?? '' });
      for (const child of node.children ?? []) visit(child);
    };
    visit(tree);
    const named = (name: string): string[] => nodes.filter((node) => node.name === name).map(({ role }) => role);
    expect(named('Drawing area for a digit')).toEqual(['application']);
    for (const name of ['Ask the three servers', 'Clear', 'Choose a picture']) expect(named(name)).toContain('button');
    expect(named('What P0 gets: grey noise')).toEqual(['image']);
    for (const name of ['Your digit', 'The answer', 'What left this page']) expect(named(name)).toContain('heading');
    expect(nodes.map(({ role }) => role)).toContain('status');
    expect(named(await text('status'))).toContain('StaticText');
    expect(await text('status')).toMatch(/^The answer is \d\. It took \d+ milliseconds\.$/);
    const unnamed = nodes.filter(({ role, name }) => ['button', 'image', 'application'].includes(role) && name === '');
    expect(unnamed).toEqual([]);
  });

  it('fits a phone, and is dark where the reader’s system is', async () => {
    const colour = (): Promise<string> => evaluate('getComputedStyle(document.body).backgroundColor');
    const light = await colour();
    await page.setViewport({ width: 390, height: 844, deviceScaleFactor: 2 });
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'dark' }]);
    expect(await colour()).not.toBe(light);
    expect(await evaluate('document.documentElement.scrollWidth')).toBe(390);
    const small = await evaluate(
      `Array.from(document.querySelectorAll('button')).filter((b) => b.offsetParent && b.offsetHeight < 44).map((b) => b.textContent)`,
    );
    expect(small).toEqual([]);
  });

  it('answers what a finger draws on a phone, which does not scroll meanwhile', async () => {
    const before = page;
    page = await browser.newPage();
    try {
      page.setDefaultTimeout(240_000);
      page.on('pageerror', (error) => complaints.push(String(error)));
      await page.setViewport({ width: 390, height: 500, deviceScaleFactor: 2, isMobile: true, hasTouch: true });
      await page.evaluateOnNewDocument(WATCH);
      await page.goto(address);
      await page.waitForFunction(`document.getElementById('status').textContent.startsWith('Connected')`);
      expect(await evaluate('document.documentElement.scrollHeight > innerHeight')).toBe(true);
      await evaluate(`document.getElementById('pad').scrollIntoView()`);
      const scrolled = await evaluate('scrollY');
      const { x, y, width, height } = (await (await page.$('#pad'))!.boundingBox())!;
      const at = (across: number, down: number): [number, number] => [x + across * width, y + down * height];
      await page.touchscreen.touchStart(...at(0.3, 0.2));
      for (let i = 1; i <= 10; i++) await page.touchscreen.touchMove(...at(0.3 + 0.04 * i, 0.2));
      for (let i = 1; i <= 10; i++) await page.touchscreen.touchMove(...at(0.7 - 0.02 * i, 0.2 + 0.06 * i));
      // A finger that is lifted in its course throws the page, and the next tap only stops it.
      await sleep(400);
      await page.touchscreen.touchEnd();
      expect(await evaluate('scrollY')).toBe(scrolled);
      expect(await answered(async () => (await page.$('#ask'))!.tap())).toBe(await plainLabel(await seen()));
      // Two lines: nothing was cut off where a phone would have begun to scroll.
      const rows = Array.from({ length: 28 }, (_, i) => i);
      const pixels = await seen();
      const inked = rows.filter((i) => pixels.subarray(28 * i, 28 * (i + 1)).some((value) => value > 100));
      expect(inked.length).toBeGreaterThan(17);
      expect(await evaluate('violations')).toEqual([]);
    } finally {
      await page.close();
      page = before;
    }
  });

  it('says in plain words what is wrong, and goes on from there', async () => {
    await page.setOfflineMode(true);
    await page.click('#ask');
    await page.waitForSelector('#trouble:not([hidden])');
    expect(await text('what')).toMatch(/^P\d .+\.$/);
    expect(await text('fix')).toMatch(/\.$/);
    // What was answered before is no answer to this.
    expect(await evaluate('[answer.hidden, proof.hidden, empty.hidden]')).toEqual([true, true, false]);
    await page.setOfflineMode(false);
    await answered(() => page.click('#again'));
    expect(await evaluate('trouble.hidden')).toBe(true);
    expect(await evaluate('[answer.hidden, proof.hidden, empty.hidden]')).toEqual([false, false, true]);
    await page.click('#clear');
    await page.click('#ask');
    await page.waitForSelector('#trouble:not([hidden])');
    expect(await text('what')).toBe('Nothing is drawn yet.');
  });

  it('ends with Ctrl-C, and ends the parties', async () => {
    command.process.kill('SIGINT');
    if (command.process.exitCode === null) await once(command.process, 'exit');
    expect((await command.outcome).code).toBe(0);
    for (const name of ['p0', 'p1', 'p2'])
      expect(readFileSync(join(hosts, name, 'serve.log'), 'utf8')).toMatch(/^stopped$/m);
  });
});
