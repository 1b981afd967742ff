/**
 * A served model as a person in a page asks it: three `securenn party serve` over TLS, a page of another origin in a headless Chromium under a strict
 * Content-Security-Policy, a visitor's key. A digit of MNIST's test set a click, one after the other; the time is from the click (the browser's own
 * time stamp of it) until the answer stands in the page. Each class must be the one that `securenn local infer` gives for that digit with that model.
 *
 *   node dist/bench/page.js [--network C] [--digits 100] [--turns 5] [--steps 100] [--link wan] [--out bench/results/page.json]
 *
 *   --steps N   of the training among the parties before, 64 images each
 *   --link L    lan, wan or RTT_MS:MBPS, of every line: from the page to each party, and between parties (`service/line.ts`). The training does
 *               without; so does making a connection. Absent: as fast as this machine
 *   --turns N   how often the digits are gone through
 *
 * Rows of the file are kept by link. Whole answers are timed; what is not: making the session, and the first digit of all, which finds no connection,
 * is told apart (`firstMs`).
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'puppeteer-core';
import { describeLink, parseLink } from '../src/channel/linkModel.ts';
import { fetchModel } from '../src/client/federated/results.ts';
import { loadHalf } from '../src/data/load.ts';
import { formatModel } from '../src/data/model-file.ts';
import { ROLES } from '../src/federation/card.ts';
import { formatFederation } from '../src/federation/federation-file.ts';
import { NETWORKS } from '../src/nn/named.ts';
import { inputSize } from '../src/nn/network.ts';
import { local } from './local-runs.ts';
import { save } from './machine.ts';
import { median, quantile, rounded } from './measure.ts';
import { optionsOf } from './options.ts';
import { complaintsOf } from './service/chromium.ts';
import { ServedFederation } from './service/federation.ts';
import { Line } from './service/line.ts';
import { browserFor, bundleForPage, PageServer } from './service/page.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BATCH = 64;
const TITLE = 'digits';
const INDEX = `<!doctype html>
<html lang="en">
  <title>digits</title>
  <script type="module" src="/page.js"></script>
  <button id="ask" disabled>Ask</button>
  <output id="answer"></output>
</html>
`;
/** What a person's page does, and it notes the time. */
const SCRIPT = `
import { connect } from './dist/src/api/client.js';

const fetched = (name) => fetch(name, { cache: 'no-store' });
const federation = await connect({ federation: await (await fetched('/federation.json')).text() });
const model = await federation.model('${TITLE}');
const digits = new Uint8Array(await (await fetched('/digits.bin')).arrayBuffer());
const size = model.inputShape.reduce((a, b) => a * b, 1);
const [ask, answer] = [document.getElementById('ask'), document.getElementById('answer')];
let [next, tell] = [0, undefined];
globalThis.answered = new Promise((resolve) => (tell = resolve));
ask.onclick = async ({ timeStamp }) => {
  const at = size * (next++ % (digits.length / size));
  const settle = tell;
  try {
    const { label, timing } = await model.predict(digits.subarray(at, at + size));
    answer.value = label;
    settle({ label, ms: performance.now() - timeStamp, ...timing });
  } catch (error) {
    settle({ error: error.message });
  }
};
globalThis.taken = async () => {
  const answer = await answered;
  globalThis.answered = new Promise((resolve) => (tell = resolve));
  return answer;
};
ask.disabled = false;
`;

interface Answer {
  readonly label: number;
  readonly ms: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

const { values } = optionsOf(import.meta.url, {
  network: { type: 'string', default: 'C' },
  digits: { type: 'string', default: '100' },
  turns: { type: 'string', default: '5' },
  steps: { type: 'string', default: '100' },
  link: { type: 'string' },
  out: { type: 'string' },
});
const network = NETWORKS[values.network];
const [digits, turns, steps] = [Number(values.digits), Number(values.turns), Number(values.steps)];
const link = values.link === undefined ? undefined : parseLink(values.link);
const folder = await mkdtemp(join(tmpdir(), 'securenn-page-'));
const lines: Line[] = [];

async function lineTo(port: number): Promise<number> {
  const line = new Line();
  lines.push(line);
  await line.open(port);
  return line.port;
}

/** Trained among the parties, shared among them, and shown to the member alone, for the comparison. */
async function serve(federation: ServedFederation): Promise<void> {
  const whole = await loadHalf('mnist', 'train');
  const count = Math.min(whole.count, steps * BATCH);
  const images = whole.images.subarray(0, count * inputSize(network));
  const set = { ...whole, images, labels: whole.labels.subarray(0, count), count };
  const data = await federation.put('train', set, 16);
  const reveal = { model: true, loss: false, counts: 'none' } as const;
  const training = federation.training(network, data, { steps, batch: BATCH, keepModel: true, reveal });
  const trained = await federation.run(training);
  await federation.until(trained, ['succeeded']);
  const model = formatModel(await fetchModel(federation.member, trained, training));
  await writeFile(join(folder, 'model.safetensors'), model);
  const session = await federation.run(
    federation.serving(network, trained, { clients: 'anyone', reveal: 'scores', title: TITLE }),
  );
  await federation.until(session, ['running']);
}

/** What `local infer` says of the same digits. */
async function expected(): Promise<readonly number[]> {
  const report = await local(folder, [
    ...['infer', '--model', join(folder, 'model.safetensors'), '--data', 'mnist', '--count', String(digits)],
  ]);
  return (report as { readonly predictions?: readonly number[] }).predictions!;
}

async function click(page: Page, count: number): Promise<Answer[]> {
  const answers: Answer[] = [];
  for (let n = 0; n < count; n++) {
    await page.click('#ask');
    const answer = (await page.evaluate('taken()')) as Answer & { readonly error?: string };
    if (answer.error !== undefined) throw new Error(answer.error);
    answers.push(answer);
  }
  return answers;
}

const server = await PageServer.open();
const places =
  link === undefined
    ? {}
    : {
        addressPort: (_: unknown, port: number) => lineTo(port),
        linksPort: (_: unknown, port: number) => lineTo(port),
      };
const settings = { pages: [server.origin], limits: { visitorImagesPerMinute: 1_000_000 } };
const federation = await ServedFederation.make(folder, 0, settings, places);
let row: object;
try {
  await Promise.all(ROLES.map((role) => federation.start(role)));
  await serve(federation);
  const classes = await expected();
  const test = await loadHalf('mnist', 'test');
  const pixels = (test.images as Uint8Array).slice(0, digits * inputSize(network));
  const files = {
    '': INDEX,
    'page.js': await bundleForPage(SCRIPT, ROOT),
    'federation.json': formatFederation(federation.federation),
    'digits.bin': pixels,
  };
  server.show(files, federation.federation);
  for (const line of lines) line.model = link;
  const browser = await browserFor(federation.federation, join(folder, 'chromium'));
  try {
    const page = await browser.newPage();
    const complaints = complaintsOf(page);
    const began = performance.now();
    await page.goto(server.origin);
    await page.waitForSelector('#ask:not([disabled])');
    const connectedMs = rounded(performance.now() - began);
    const answers: Answer[] = [];
    const each: number[] = [];
    for (let turn = 0; turn < turns; turn++) {
      const some = await click(page, digits);
      each.push(rounded(median(some.slice(1).map(({ ms }) => ms))));
      console.log(`turn ${turn + 1}: ${each.at(-1)} ms in the median`);
      answers.push(...some);
    }
    if (complaints.length > 0) throw new Error(complaints.join('\n'));
    const equal = answers.filter(({ label }, n) => label === classes[n % digits]).length;
    const right = classes.filter((label, n) => label === test.labels[n]).length;
    const times = answers.slice(1).map(({ ms }) => ms);
    const at = (share: number): number => rounded(quantile(times, share));
    row = {
      ...{ network: network.name, steps, link: link === undefined ? 'as fast as this machine' : describeLink(link) },
      ...{ browser: await browser.version(), digits, turns, answers: answers.length, asLocalInfer: equal, right },
      ...{
        connectedMs,
        firstMs: rounded(answers[0].ms),
        p50: at(0.5),
        p99: at(0.99),
        most: rounded(Math.max(...times)),
      },
      ...{ medians: each, sentBytes: answers[1].sentBytes, receivedBytes: answers[1].receivedBytes },
    };
    if (equal !== answers.length)
      throw new Error(`${answers.length - equal} answers are not those of local infer: ${JSON.stringify(row)}`);
  } finally {
    await browser.close();
  }
} finally {
  await federation.close();
  server.close();
  for (const line of lines) line.close();
  await rm(folder, { recursive: true, force: true });
}
console.log(JSON.stringify(row, null, 2));
if (values.out !== undefined) {
  const kept = JSON.parse(await readFile(values.out, 'utf8').catch(() => '{}')) as { readonly rows?: object };
  const rows = { ...kept.rows, [values.link ?? 'loopback']: row };
  await save(values.out, 'page', { rows });
}
process.exit(0);
