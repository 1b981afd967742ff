/**
 * Tries the package as a stranger does: `npm pack`, `npm create vite`, `npm i` of the archive, then the lines of docs/browser.md, type-checked, from
 * Vite's development server and from its build, in Chromium; the first of them in Node as well. The three parties come from the installed package, too.
 *
 *   node scripts/try-package.mjs [--latest]
 *
 *   --latest  the newest `create-vite`, and what its template takes today, instead of versions that are known
 *
 * Asks npm's registry, so CI runs it apart from the tests. Needs what `npm run build` makes.
 */
import { spawn } from 'node:child_process';
import console from 'node:console';
import { once } from 'node:events';
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, URL } from 'node:url';
import { parseFederation } from '../dist/src/federation/federation-file.js';
import { freePorts } from '../dist/src/service/free-ports.js';
import { browserFor } from '../dist/bench/service/page.js';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const CREATE_VITE = '9.3.0';
const SITE = 'http://localhost:5173';
/** What both programs say, and of what: a stroke. */
const SAYS = /^1, after \d+ ms$/;
const WAIT_MS = 120_000;

const { fetch } = globalThis;
const isLatest = process.argv.includes('--latest');
const folder = await mkdtemp(join(tmpdir(), 'securenn-try-'));
const project = join(folder, 'digits');
/** What still runs. */
const running = new Set();

/** A program in the project; what it prints is kept. */
function start(words, cwd = project) {
  const [program, ...rest] = words;
  const child = spawn(program, rest, { cwd, stdio: ['pipe', 'pipe', 'pipe'], detached: true });
  const started = { child, words, said: '' };
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text) => (started.said += text));
  running.add(started);
  started.ended = once(child, 'close').then(([code]) => {
    running.delete(started);
    started.code = code;
  });
  return started;
}

async function run(words, cwd) {
  console.log(`$ ${words.join(' ')}`);
  const started = start(words, cwd);
  started.child.stdin.end();
  await started.ended;
  if (started.code !== 0) throw new Error(`${words.join(' ')}: exit code ${started.code}\n${started.said}`);
  return started.said;
}

/** Its whole group: npx has children. */
function stop({ child, code }) {
  if (code === undefined) process.kill(-child.pid, 'SIGTERM');
}

async function until(what, started, isSo) {
  for (const end = Date.now() + WAIT_MS; !(await isSo()); await sleep(100)) {
    if (Date.now() > end || started?.code !== undefined) throw new Error(`${what} never came\n${started?.said ?? ''}`);
  }
}

/** The programs of docs/browser.md; README.md has the first one letter by letter, if it has it. */
async function programs() {
  const [page, readme] = await Promise.all(
    ['docs/browser.md', 'README.md'].map((path) => readFile(join(ROOT, path), 'utf8')),
  );
  const blocks = [...page.matchAll(/```ts\n(import [^`]*?securenn\/client(?:.|\n)*?)```/g)].map(([, code]) => code);
  if (blocks.length !== 2 || blocks[0].split(SITE).length !== 2)
    throw new Error('docs/browser.md: two programs expected, the first with its site');
  if (readme.includes(SITE) && !readme.includes(blocks[0]))
    throw new Error('README.md: not the lines of docs/browser.md');
  return { lines: blocks[0], drawing: blocks[1] };
}

/** Vite, serving one of the ways it serves. */
async function vite(port, ...words) {
  const started = start(['npx', 'vite', ...words, '--port', String(port), '--strictPort', '--host', 'localhost']);
  const origin = `http://localhost:${port}`;
  await until(origin, started, () =>
    fetch(`${origin}/federation.json`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return { origin, stop: () => stop(started) };
}

async function opened(browser, origin) {
  const page = await browser.newPage();
  const said = [];
  page.on('console', (message) => said.push(message.text()));
  page.on('pageerror', (error) => said.push(String(error)));
  await page.goto(origin);
  return { page, said };
}

/** The page says the answer on its console. */
async function says(browser, origin) {
  const { page, said } = await opened(browser, origin);
  await until(`an answer of ${origin}`, undefined, () => {
    const wrong = said.find((text) => /error|refused/i.test(text));
    if (wrong !== undefined) throw new Error(wrong);
    return said.some((text) => SAYS.test(text));
  });
  await page.close();
  console.log(`${origin}: ${said.find((text) => SAYS.test(text))}`);
}

/** A hand draws a stroke, and the page says the answer as its title. */
async function draws(browser, origin) {
  const { page, said } = await opened(browser, origin);
  const canvas = await page.waitForSelector('canvas');
  const { x, y } = await canvas.boundingBox();
  await page.mouse.move(x + 13, y + 4);
  await page.mouse.down();
  await page.mouse.move(x + 13, y + 23, { steps: 20 });
  await page.mouse.up();
  await until(`an answer of ${origin}: ${said.join('; ')}`, undefined, async () => SAYS.test(await page.title()));
  console.log(`${origin}: ${await page.title()}, drawn`);
  await page.close();
}

async function tryIt() {
  const { lines, drawing } = await programs();
  await run(['npm', 'pack', '--silent', '--ignore-scripts', '--pack-destination', folder, ROOT], folder);
  const archive = (await readdir(folder)).find((name) => name.endsWith('.tgz'));
  const creator = `vite@${isLatest ? 'latest' : CREATE_VITE}`;
  await run(
    ['npm', 'create', '--yes', creator, 'digits', '--', '--template', 'vanilla-ts', '--no-interactive'],
    folder,
  );
  if (!isLatest) {
    const manifest = join(project, 'package.json');
    await writeFile(manifest, (await readFile(manifest, 'utf8')).replaceAll(/"[~^](\d)/g, '"$1'));
  }
  await run(['npm', 'i', '--no-audit', '--no-fund', join(folder, archive)]);

  const [devPort, builtPort] = await freePorts(2);
  const site = (port) => lines.replace(SITE, `http://localhost:${port}`);
  await copyFile(join(ROOT, 'scripts/try-package-parties.mjs'), join(project, 'parties.mjs'));
  const parties = start(['node', 'parties.mjs', `http://localhost:${devPort}`, `http://localhost:${builtPort}`]);
  await until('a session', parties, () => parties.said.includes('serving'));
  const text = await readFile(join(project, 'public/federation.json'), 'utf8');
  const browser = await browserFor(parseFederation(text, 'federation.json'), join(folder, 'chromium'));
  try {
    await writeFile(join(project, 'src/main.ts'), site(devPort));
    const dev = await vite(devPort);
    await says(browser, dev.origin);
    await writeFile(join(project, 'main.mjs'), site(devPort));
    const inNode = await run(['node', 'main.mjs']);
    if (!SAYS.test(inNode.trim())) throw new Error(`in Node: ${inNode}`);
    console.log(`in Node: ${inNode.trim()}`);
    dev.stop();

    for (const [program, look] of [
      [site(builtPort), says],
      [drawing, draws],
    ]) {
      await writeFile(join(project, 'src/main.ts'), program);
      await run(['npm', 'run', 'build']);
      const built = await vite(builtPort, 'preview');
      await look(browser, built.origin);
      built.stop();
      await until('the end of the preview', undefined, () =>
        fetch(built.origin).then(
          () => false,
          () => true,
        ),
      );
    }
  } finally {
    await browser.close();
  }
  parties.child.stdin.end();
  await parties.ended;
  if (parties.code !== 0) throw new Error(`the parties: ${parties.said}`);
}

try {
  await tryIt();
} finally {
  for (const each of running) stop(each);
  await Promise.all([...running].map(({ ended }) => ended));
  await rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
}
