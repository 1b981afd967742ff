/**
 * For test/api/declared.test.ts: runs the examples of `examples.json` one after the other, in a project in which the package is installed. Those of clients share a federation:
 * its file lies in `federation.json`, the identity `me` is a member, and a model with the title `digits` is served.
 */
import console from 'node:console';
import { readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';
import { formatWithOptions } from 'node:util';

const inProject = createRequire(join(process.cwd(), 'package.json'));
const entry = (name) => import(pathToFileURL(inProject.resolve(name)));
const examples = JSON.parse(await readFile('examples.json', 'utf8'));

async function serve() {
  const [{ makeDataset, parseNetwork }, { keepIdentity }, { startFederation }] = await Promise.all(
    ['securenn', 'securenn/client', 'securenn/server'].map(entry),
  );
  const local = await startFederation();
  await local.admit(await keepIdentity('me'), 'me');
  const network = parseNetwork({ name: 'small', input: [784], layers: [{ type: 'dense', units: 10 }] });
  const labels = Array.from({ length: 20 }, (_, i) => i % 10);
  const images = new Uint8Array(784 * labels.length).map((_, i) => i % 251);
  const data = makeDataset({ shape: [28, 28, 1], images, labels });
  await local.serve({ title: 'digits', network, data });
  await writeFile('federation.json', local.federation);
  return local;
}

// As a page fetches what lies beside it.
const { fetch, Response } = globalThis;
globalThis.fetch = async (url, ...more) =>
  typeof url === 'string' && !/^https?:/.test(url) ? new Response(await readFile(url)) : fetch(url, ...more);

/** As people write lists: `[784]`, not `[ 784 ]`. */
const plainly = (text) => text.replaceAll(/([[{]) | (?=[\]}])/g, '$1');

/** `4 or 5: words` allows 4 and 5. */
function fits(comment, logged) {
  const [said, found] = [plainly(comment), plainly(logged)];
  return said === '' || said === found || said.split(':')[0].split(' or ').includes(found);
}

const { log } = console;
let local;
let failed = 0;
try {
  for (const { of, file, said } of examples) {
    if (local === undefined && of.startsWith('securenn/client')) local = await serve();
    const logged = [];
    console.log = (...words) => void logged.push(formatWithOptions({ breakLength: Infinity }, ...words));
    try {
      await import(pathToFileURL(file));
      const wrong = logged.findIndex((text, i) => !fits(said[i] ?? '', text));
      if (wrong >= 0) throw new Error(`prints ${logged[wrong]}, says ${said[wrong]}`);
      if (logged.length < said.length) throw new Error(`prints ${logged.length} times, says ${said.length}`);
    } catch (error) {
      failed++;
      process.stderr.write(`${of}: ${error.stack}${error.fix === undefined ? '' : `\nfix: ${error.fix}`}\n`);
    }
  }
} finally {
  console.log = log;
  await local?.close();
}
log(`${examples.length} examples, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
