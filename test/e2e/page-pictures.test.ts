/**
 * Pictures that a person drops on a page: decoded there as in Node, masked, and given to three parties over TLS; cut, and gone on with. What is wrong
 * with them is said by their names, in words for a page.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode as encodePng } from 'fast-png';
import { encode as encodeJpeg } from 'jpeg-js';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ServedFederation } from '../../bench/service/federation.ts';
import { browserFor, bundleForPage, PageServer } from '../../bench/service/page.ts';
import { listData } from '../../src/client/federated/owned.ts';
import { decodeBytes } from '../../src/data/formats/image-folders.ts';
import { ROLES } from '../../src/federation/card.ts';
import { formatFederation } from '../../src/federation/federation-file.ts';
import { parseMemberCard } from '../../src/federation/signed-card.ts';
import { admitEverywhere } from '../../src/service/loopback.ts';
import { dropFiles } from '../browser.ts';
import { temporaryFolder } from '../folder.ts';

const ROOT = join(import.meta.dirname, '../..');
const SIDE = 8;
/** What an owner's page does with what is dropped: the beginning of a name is the class. */
const SCRIPT = `
import { connect, keepIdentity, memberCard } from './dist/src/api/client.js';
import { decodeInPage } from './dist/src/client/web/decode-in-page.js';
import { KeptInPage } from './dist/src/client/web/kept-in-page.js';

globalThis.card = async () => memberCard(await keepIdentity('owner'), 'ward');
globalThis.decoded = async (bytes) => {
  const { values, ...shape } = await decodeInPage(Uint8Array.from(bytes), 'x');
  return { ...shape, values: Array.from(values) };
};
globalThis.once = async () => {
  const two = await Promise.all([keepIdentity('twice'), keepIdentity('twice')]);
  const keeper = new KeptInPage('key');
  const fresh = (byte) => new Uint8Array(16).fill(byte);
  const written = [];
  for (const byte of [1, 2]) {
    const keys = { content: new Uint8Array(32), masks: [fresh(byte), fresh(byte)] };
    written.push(await keeper.write({ keys, document: {} }));
  }
  await keeper.remove();
  return { ids: new Set(two.map(({ id }) => id)).size, written };
};
addEventListener('dragover', (event) => event.preventDefault());
addEventListener('drop', (event) => {
  event.preventDefault();
  globalThis.pictures = Array.from(event.dataTransfer.files, (file) => ({ file, label: file.name.split('-')[0] }));
});
globalThis.give = async (name, stopping) => {
  const [notes, phases] = [[], []];
  const federation = await (await fetch('/federation.json')).text();
  const identity = await keepIdentity('owner');
  const connected = await connect({ federation, identity, onNote: (text) => notes.push(text) });
  const controller = new AbortController();
  const onProgress = ({ phase, done, total }) => {
    if (phases.at(-1) !== phase) phases.push(phase);
    if (done > total) throw new Error('more than all');
    if (stopping && phase === 'sending') controller.abort(new Error('stopped'));
  };
  const asked = { name, pictures, onProgress, signal: controller.signal };
  const outcome = await connected.upload(asked).then(
    ({ digest }) => digest,
    (error) => [error.message, error.fix].filter(Boolean).join(': '),
  );
  connected.close();
  return { phases, notes, outcome };
};
globalThis.ready = true;
`;
const INDEX = '<!doctype html><html lang="en"><title>page</title><body><script type="module" src="/page.js"></script>';

let parties: ServedFederation;
let server: PageServer;
let browser: Browser;
let page: Page;
const folder = temporaryFolder('page-pictures');

function png(name: string, channels: 1 | 3, value: (i: number) => number, side = SIDE, depth: 8 | 16 = 8): string {
  const length = side * side * channels;
  const values = Array.from({ length }, (_, i) => value(i));
  const data = depth === 8 ? Uint8Array.from(values) : Uint16Array.from(values);
  const path = join(folder, name);
  writeFileSync(path, encodePng({ width: side, height: side, data, channels, depth }));
  return path;
}

/** As a person lets them fall on the page. */
async function drop(files: readonly string[]): Promise<void> {
  await dropFiles(page, files, 50, 50);
  await page.waitForFunction(`globalThis.pictures?.length === ${files.length}`, { timeout: 240_000 });
}

interface Given {
  readonly phases: readonly string[];
  readonly notes: readonly string[];
  readonly outcome: string;
}

const give = async (name: string, stopping = false): Promise<Given> =>
  (await page.evaluate(`give(${JSON.stringify(name)}, ${stopping})`)) as Given;

beforeAll(async () => {
  server = await PageServer.open();
  parties = await ServedFederation.make(folder, 0, { pages: [server.origin] });
  const { federation } = parties;
  const text = formatFederation(federation);
  server.show({ '': INDEX, 'page.js': await bundleForPage(SCRIPT, ROOT), 'federation.json': text }, federation);
  browser = await browserFor(federation, temporaryFolder('chromium'));
  page = await browser.newPage();
  await page.goto(server.origin);
  await page.waitForFunction('globalThis.ready', { timeout: 240_000 });
  const { card } = parseMemberCard((await page.evaluate('card()')) as string, 'the page');
  await admitEverywhere(folder, [[card.name, { public: card.identity }]], ['owner']);
  for (const role of ROLES) await parties.start(role);
});

afterAll(async () => {
  await browser?.close();
  server?.close();
  await parties?.close();
});

describe('pictures that are dropped on a page', () => {
  it.each<[string, () => Uint8Array]>([
    [
      'grey',
      () => encodePng({ width: 5, height: 3, data: Uint8Array.from({ length: 15 }, (_, i) => 17 * i), channels: 1 }),
    ],
    [
      'in colours',
      () => encodePng({ width: 3, height: 4, data: Uint8Array.from({ length: 36 }, (_, i) => 7 * i), channels: 3 }),
    ],
    ['opaque', () => encodePng({ width: 2, height: 1, data: Uint8Array.of(1, 2, 3, 255, 4, 5, 6, 255), channels: 4 })],
  ])('are decoded there as in Node, value by value: PNG, %s', async (_, made) => {
    const bytes = made();
    const { values, ...shape } = await decodeBytes(bytes, 'x');
    const there = await page.evaluate(`decoded([${bytes.join()}])`);
    expect(there).toEqual({ ...shape, values: Array.from(values) });
  });

  it('are decoded there as in Node, but for a JPEG’s last bits', async () => {
    const data = Uint8Array.from({ length: 4 * 16 * 16 }, (_, i) => (i % 4 === 3 ? 255 : (i * 3) % 200));
    const bytes = Uint8Array.from(encodeJpeg({ width: 16, height: 16, data }, 95).data);
    const { values, ...shape } = await decodeBytes(bytes, 'x');
    const there = (await page.evaluate(`decoded([${bytes.join()}])`)) as typeof shape & { values: number[] };
    expect(there).toMatchObject(shape);
    const apart = there.values.map((value, i) => Math.abs(value - values[i]));
    expect(Math.max(...apart)).toBeLessThan(8);
  });

  it('reach the parties: with their classes’ names, progress, and from where it was cut', async () => {
    const files = ['cat', 'dog', 'owl'].flatMap((name, k) =>
      [0, 1].map((n) => png(`${name}-${n}.png`, 1, (i) => (31 * i + 7 * k + n) % 256)),
    );
    await drop(files);
    const cut = await give('animals', true);
    expect(cut.outcome).toBe('stopped');
    const done = await give('animals');
    expect(done.outcome).toMatch(/^[0-9a-f]{64}$/);
    expect(done.phases).toEqual(['preparing', 'sending', 'checking']);
    expect(done.notes.join()).toMatch(/going on with the upload/);
    const found = (await listData(parties.member)).find(({ digest }) => digest === done.outcome);
    const classNames = ['cat', 'dog', 'owl'];
    expect(found).toMatchObject({ document: { images: 6, classes: 3, classNames, fractionBits: 16 } });
  });

  it.each<[string, () => string[], RegExp]>([
    [
      'of two sizes',
      () => [png('a-0.png', 1, () => 1), png('b-0.png', 1, () => 2, 9)],
      /^b-0\.png: 9 x 9 pixels, a-0\.png has 8 x 8: /,
    ],
    [
      'of 16 bits',
      () => [png('a-1.png', 1, (i) => 900 * i, 8, 16), png('b-1.png', 1, () => 2)],
      /^a-1\.png: 16 bits a value, of which a page sees 8: /,
    ],
    [
      'of one class',
      () => [png('a-2.png', 1, () => 1), png('a-3.png', 1, () => 2)],
      /^labels: one class alone: say how many there are: classes$/,
    ],
  ])('%s are refused by name', async (_, made, expected) => {
    await drop(made());
    const { outcome, phases } = await give('wrong');
    expect(outcome).toMatch(expected);
    expect(outcome).not.toMatch(/--[a-z]/);
    expect(phases).toEqual([]);
  });

  it('of four colours are refused, as in Node', async () => {
    const path = join(folder, 'a-cmyk.jpg');
    const bytes = Buffer.from(encodeJpeg({ width: 8, height: 8, data: new Uint8Array(256).fill(90) }, 90).data);
    // The number of components, in the header of the frame.
    bytes[bytes.indexOf(Buffer.from([0xff, 0xc0])) + 9] = 4;
    await expect(decodeBytes(bytes, 'a-cmyk.jpg')).rejects.toThrow('a-cmyk.jpg: 4 colours a pixel (CMYK)');
    writeFileSync(path, bytes);
    await drop([path]);
    expect((await give('wrong')).outcome).toMatch(/^a-cmyk\.jpg: 4 colours a pixel \(CMYK\): /);
  });

  it('are kept under the first keys of two that come at once, as is who gives them', async () => {
    expect(await page.evaluate('once()')).toEqual({ ids: 1, written: [true, false] });
  });

  it('that are none are refused, too', async () => {
    const path = join(folder, 'a-note.png');
    writeFileSync(path, 'no picture');
    await drop([path]);
    expect((await give('wrong')).outcome).toMatch(/^a-note\.png: neither a PNG nor a JPEG image: /);
    writeFileSync(path, Buffer.from([0x89, 0x50, 0x4e, 0x47, 1, 2, 3]));
    await drop([path]);
    expect((await give('wrong')).outcome).toMatch(/^a-note\.png: cut short: /);
  });
});
