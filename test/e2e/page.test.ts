/**
 * A page of another origin in a headless Chromium, under a strict Content-Security-Policy, and three parties over TLS: it predicts what
 * `local infer` predicts, and gives a data set from files, cut and resumed. No request carries the drawing; what lies is refused, and delays nobody.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, HTTPRequest, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { ServedFederation } from '../../bench/service/federation.ts';
import { browserFor, bundleForPage, PageServer } from '../../bench/service/page.ts';
import type * as Client from '../../src/api/client.ts';
import { FederationClient } from '../../src/client/federated/client.ts';
import { httpsTransport } from '../../src/client/federated/https.ts';
import { inferAt } from '../../src/client/federated/inference.ts';
import { propose } from '../../src/client/federated/jobs.ts';
import { listData } from '../../src/client/federated/owned.ts';
import { fetchModel } from '../../src/client/federated/results.ts';
import { openImages } from '../../src/client/federated/sharing.ts';
import { Refused } from '../../src/client/federated/transport.ts';
import { PARTIES, type PartyName } from '../../src/client/parties.ts';
import { valueSource } from '../../src/data/encode.ts';
import { loadHalf } from '../../src/data/load.ts';
import { formatModel } from '../../src/data/model-file.ts';
import { OF_BYTES } from '../../src/data/scaling.ts';
import { ROLES } from '../../src/federation/card.ts';
import type { ServeDocument } from '../../src/federation/documents.ts';
import { formatFederation } from '../../src/federation/federation-file.ts';
import { Identity } from '../../src/federation/identity.ts';
import { admit, readMembers, writeMembers } from '../../src/federation/members.ts';
import { parseMemberCard } from '../../src/federation/signed-card.ts';
import { NETWORKS } from '../../src/nn/named.ts';
import { inputSize } from '../../src/nn/network.ts';
import { NODE } from '../../src/random/node-primitives.ts';
import { concatBytes, toHex } from '../../src/random/text.ts';
import { complaintsOf } from '../browser.ts';
import { temporaryFolder } from '../folder.ts';
import { run } from './command.ts';

const ROOT = join(import.meta.dirname, '../..');
const DIGITS = 12;
const TITLE = 'digits';
const network = NETWORKS.A;

let parties: ServedFederation;
let server: PageServer;
let browser: Browser;
let page: Page;
let session: string;
let document: ServeDocument;
let expected: readonly number[];
let test: { readonly images: Uint8Array; readonly labels: Uint8Array };
let complaints: string[] = [];
const requests: HTTPRequest[] = [];

/** Nothing but the client, put where a test finds it. */
const SCRIPT = "import * as client from './dist/src/api/client.js'; globalThis.securenn = client;";
const INDEX = '<!doctype html><html lang="en"><title>page</title><script type="module" src="/page.js"></script>';

beforeAll(async () => {
  const folder = temporaryFolder('page');
  server = await PageServer.open();
  const { origin } = server;
  parties = await ServedFederation.make(folder, 0, { pages: [origin] });
  const { federation } = parties;
  for (const role of ROLES) await parties.start(role);
  const { member } = parties;
  const whole = await loadHalf('mnist', 'train');
  const images = whole.images.subarray(0, 512 * inputSize(network)) as Uint8Array;
  const set = { ...whole, images, labels: whole.labels.subarray(0, 512), count: 512 };
  const data = await parties.put('train', set, 16);
  const reveal = { model: true, loss: false, counts: 'none' } as const;
  const training = parties.training(network, data, { steps: 12, batch: 64, keepModel: true, reveal });
  const trained = await propose(member, training);
  await parties.until(trained, ['succeeded']);
  writeFileSync(join(folder, 'model.safetensors'), formatModel(await fetchModel(member, trained, training)));
  document = parties.serving(network, trained, { clients: 'anyone', reveal: 'scores', title: TITLE });
  session = await propose(member, document);
  await parties.until(session, ['running']);
  const shown = await loadHalf('mnist', 'test');
  test = {
    images: (shown.images as Uint8Array).slice(0, DIGITS * inputSize(network)),
    labels: shown.labels.slice(0, DIGITS),
  };
  const asked = ['local', 'infer', '--model', 'model.safetensors', '--data', 'mnist', '--count', String(DIGITS)];
  const { stdout } = await run([...asked, '--json', '-'], folder);
  expected = (JSON.parse(stdout) as { predictions: number[] }).predictions;

  server.show({ '': INDEX, 'page.js': await bundleForPage(SCRIPT, ROOT) }, federation);
  browser = await browserFor(federation, temporaryFolder('chromium'));
  page = await browser.newPage();
  complaints = complaintsOf(page);
  page.on('request', (request) => requests.push(request));
  await page.goto(`${origin}/`);
  await page.waitForFunction('globalThis.securenn !== undefined');
});

afterAll(async () => {
  await browser?.close();
  server?.close();
  await parties?.close();
});

/** What the page has. */
declare const securenn: typeof Client;

const federationText = (): string => formatFederation(parties.federation);

describe('a page', () => {
  it('predicts what local infer predicts, of a session that answers anyone, under its policy', async () => {
    const found = await page.evaluate(
      async (federation, name, bytes) => {
        const connected = await securenn.connect({ federation });
        const model = await connected.model(name);
        const size = model.inputShape.reduce((product, each) => product * each, 1);
        const images = Uint8Array.from(bytes);
        const one = await model.predict(images.subarray(0, size));
        const all = await model.predict(images);
        connected.close();
        return { labels: all.labels, first: one.label, scores: all.scores?.length, ms: one.timing.totalMs };
      },
      federationText(),
      TITLE,
      [...test.images],
    );
    expect(found.labels).toEqual(expected);
    expect(found.first).toBe(expected[0]);
    expect(found.scores).toBe(10 * DIGITS);
    expect(found.ms).toBeGreaterThan(0);
    expect(complaints).toEqual([]);
    expect(await page.evaluate('crossOriginIsolated')).toBe(false);
  });

  it('sends one message to each party for an image, after it has asked leave once, and none carries the drawing', async () => {
    requests.length = 0;
    const drawing = test.images.slice(0, inputSize(network));
    const sent = await page.evaluate(
      async (federation, name, bytes) => {
        const connected = await securenn.connect({ federation });
        const model = await connected.model(name);
        const messages: { party: string; length: number; zeros: number }[] = [];
        const onMessage = ({ party, direction, sealed }: Client.Message): void => {
          const zeros = sealed.filter((byte) => byte === 0).length;
          if (direction === 'sent') messages.push({ party, length: sealed.length, zeros });
        };
        for (let i = 0; i < 2; i++) await model.predict(Uint8Array.from(bytes), { onMessage });
        connected.close();
        return messages;
      },
      federationText(),
      TITLE,
      [...drawing],
    );
    expect(sent.map(({ party }) => party).sort()).toEqual(['P0', 'P0', 'P1', 'P1', 'P2', 'P2']);
    const inputs = requests.filter((request) => request.url().includes('/inputs'));
    expect(inputs.filter((request) => request.method() === 'POST')).toHaveLength(6);
    const black = drawing.filter((byte) => byte === 0).length;
    expect(black).toBeGreaterThan(500);
    // Of uniform bytes one in 256 is zero; of the drawing, most are.
    for (const { length, zeros } of sent) expect(zeros).toBeLessThan(length / 64 + 20);
    for (const request of requests) expect(request.url()).not.toMatch(/label|image|pixel/);
  });

  it('keeps an identity whose secret halves no script reads, and loses nothing at a reload', async () => {
    const keep = async (): Promise<{ id: string; card: string; taken: string }> =>
      page.evaluate(async () => {
        const identity = await securenn.keepIdentity('me');
        const card = await securenn.memberCard(identity, 'visitor');
        const database = await new Promise<never>((resolve) => {
          const opening = (globalThis as never as { indexedDB: { open(name: string): never } }).indexedDB.open(
            'securenn',
          );
          Object.assign(opening, { onsuccess: () => resolve((opening as { result: never }).result) });
        });
        const kept = await new Promise<{ sign: { privateKey: never } }>((resolve) => {
          const asked = (
            database as { transaction(name: string): { objectStore(name: string): { get(key: string): never } } }
          )
            .transaction('identities')
            .objectStore('identities')
            .get('me');
          Object.assign(asked, { onsuccess: () => resolve((asked as { result: never }).result) });
        });
        const taken = await crypto.subtle.exportKey('pkcs8', kept.sign.privateKey).then(
          () => 'the key',
          (error: Error) => error.name,
        );
        return { id: identity.id, card, taken };
      });
    const before = await keep();
    expect(before.taken).toBe('InvalidAccessError');
    expect(before.card).not.toContain('privateKey');
    await page.reload();
    await page.waitForFunction('globalThis.securenn !== undefined');
    expect((await keep()).id).toBe(before.id);
  });

  it('gives the parties a data set from files, tells how far it is, and goes on after a reload', async () => {
    const card = await page.evaluate(async () => securenn.memberCard(await securenn.keepIdentity('owner'), 'ward'));
    const { card: checked } = parseMemberCard(card, 'the page');
    for (const role of ROLES) {
      const path = join(parties.folder, role, 'members.json');
      await writeMembers(path, admit(await readMembers(path), checked, ['owner'], new Date()));
    }
    const put = async (
      stop: boolean,
    ): Promise<{ phases: string[]; notes: string[]; outcome: string; sent: number }> => {
      requests.length = 0;
      const { phases, notes, outcome } = await page.evaluate(
        async (federation, stopping) => {
          const [notes, phases]: string[][] = [[], []];
          const identity = await securenn.keepIdentity('owner');
          const connected = await securenn.connect({ federation, identity, onNote: (text) => notes.push(text) });
          // Admitted a moment ago: each party looks every second.
          for (let tries = 0; tries < 60 && !stopping; tries++) {
            if (
              await connected.jobs().then(
                () => true,
                () => false,
              )
            )
              break;
            await new Promise((resolve) => setTimeout(resolve, 500));
          }
          const count = 3000;
          const head = (...words: number[]): Uint8Array<ArrayBuffer> => {
            const bytes = new Uint8Array(4 * words.length);
            words.forEach((word, i) => new DataView(bytes.buffer).setUint32(4 * i, word));
            return bytes;
          };
          const pixels = Uint8Array.from({ length: count * 784 }, (_, i) => (i * i) % 251);
          const labels = Uint8Array.from({ length: count }, (_, i) => i % 10);
          const files = {
            images: new File([head(0x803, count, 28, 28), pixels], 'images'),
            labels: new File([head(0x801, count), labels], 'labels'),
          };
          const controller = new AbortController();
          const onProgress = ({ phase, done }: Client.UploadProgress): void => {
            if (phases.at(-1) !== phase) phases.push(phase);
            if (stopping && phase === 'sending' && done > 0) controller.abort(new Error('stopped'));
          };
          const asked = { name: 'ward', files, onProgress, signal: controller.signal };
          const outcome = await connected.upload(asked).then(
            ({ digest }) => digest,
            (error: Error) => error.message,
          );
          connected.close();
          return { phases, notes, outcome };
        },
        federationText(),
        stop,
      );
      const sent = requests.filter((request) => request.method() === 'PUT').length;
      return { phases, notes, outcome, sent };
    };
    await vi.waitUntil(async () => (await put(true)).outcome === 'stopped', { timeout: 120_000, interval: 500 });
    await page.reload();
    await page.waitForFunction('globalThis.securenn !== undefined');
    const done = await put(false);
    expect(done.outcome).toMatch(/^[0-9a-f]{64}$/);
    expect(done.phases).toEqual(['preparing', 'sending', 'checking']);
    expect(done.notes.join()).toMatch(/going on with the upload/);
    // Four chunks, each to two parties: what was there is not sent again.
    expect(done.sent).toBeLessThan(8);
    const listed = await listData(parties.member);
    expect(listed.find(({ digest }) => digest === done.outcome)).toMatchObject({
      document: { images: 3000, classes: 10 },
    });
  });

  it('from another origin, which no operator has named, is told so by party', async () => {
    const elsewhere = await browser.newPage();
    const at = new URL(page.url());
    await elsewhere.goto(`http://localhost:${at.port}/`);
    await elsewhere.waitForFunction('globalThis.securenn !== undefined');
    const refused = await elsewhere.evaluate(
      (federation) =>
        securenn.connect({ federation }).then(
          () => ['connected'],
          (error: Client.Problem) => [error.message, error.fix],
        ),
      federationText(),
    );
    await elsewhere.close();
    const [message, fix] = refused;
    for (const role of ROLES)
      expect(message).toContain(
        `${role} (https://${parties.federation.parties[role].address}) answers, but not to pages of http://localhost:${at.port}`,
      );
    expect(fix).toBe(`its operator adds "pages": ["http://localhost:${at.port}"] to party.json and restarts the party`);
  });
});

describe('what lies', () => {
  type Parts = Record<PartyName, Uint8Array>;

  it('is refused, and others are answered meanwhile', async () => {
    const transport = httpsTransport(parties.federation, () => undefined);
    const visitor = (): FederationClient =>
      new FederationClient({
        ...{ primitives: NODE, federation: parties.federation, identity: Identity.generate() },
        ...{ transport: transport.send, patienceMs: 0 },
      });
    const size = inputSize(network);
    const pixels = valueSource(test.images.subarray(0, size), OF_BYTES, 16);
    const honest = async (): Promise<number> => (await inferAt(visitor(), session, document, pixels)).predictions[0];
    const parts = async (): Promise<Parts> => {
      const [one, two] = [NODE.randomBytes(16), NODE.randomBytes(16)];
      const E = await openImages(NODE, pixels, [one, two]);
      const count = Uint8Array.of(1, 0, 0, 0);
      return { P0: concatBytes(count, one, E), P1: concatBytes(count, two, E), P2: concatBytes(count, one, two) };
    };
    const tell = async (
      by: FederationClient,
      lie: Parts,
      to: readonly PartyName[] = PARTIES,
      of = session,
    ): Promise<(number | string)[]> => {
      const id = NODE.randomBytes(16);
      return Promise.all(
        to.map(async (party) => {
          const sealed = await by.sealTo(party, `input ${of} ${toHex(id)}`, lie[party]);
          const asked = { body: concatBytes(id, sealed), signal: ending.signal };
          return by.bytes(party, 'POST', `/v1/sessions/${of}/inputs`, asked).then(
            ({ status }) => status,
            (error: unknown) => (error instanceof Refused ? error.status : 'gone'),
          );
        }),
      );
    };
    const ending = new AbortController();
    const right = await parts();
    const workers = ['P0', 'P1'] as const;
    // To two parties alone: nobody answers, and nobody waits for it but who lied.
    const alone = [
      tell(visitor(), right, workers),
      tell(visitor(), await parts(), ['P0', 'P2']),
      tell(visitor(), await parts(), ['P2']),
    ];
    expect(await honest()).toBe(expected[0]);
    const short = (each: Uint8Array): Uint8Array => each.subarray(0, -8);
    expect(await tell(visitor(), { ...right, P0: short(right.P0), P1: short(right.P1), P2: short(right.P2) })).toEqual([
      400, 400, 400,
    ]);
    const zeros = (each: Uint8Array, from: number): Uint8Array =>
      concatBytes(each.subarray(0, from), new Uint8Array(each.length - from));
    expect(await tell(visitor(), { P0: zeros(right.P0, 20), P1: zeros(right.P1, 20), P2: zeros(right.P2, 4) })).toEqual(
      [400, 400, 400],
    );
    const two = await parts();
    expect(await tell(visitor(), { P0: right.P0, P1: two.P1, P2: right.P2 })).toEqual([422, 422, 422]);
    const closed = parties.serving(network, document.model, { reveal: 'class' });
    const named = await propose(parties.member, closed);
    await parties.until(named, ['running']);
    expect(await tell(visitor(), right, PARTIES, named)).toEqual([404, 404, 404]);
    expect(await honest()).toBe(expected[0]);
    ending.abort();
    await Promise.all(alone);
    expect(await honest()).toBe(expected[0]);
    transport.close();
  });
});
