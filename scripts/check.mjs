/**
 * `npm run check [-- SCRIPT…]`. Builds, unless dist/ is of these very sources; then checks types, lint and format, and runs what is named of
 * package.json's scripts, one after the other beside the tests, which wait more than they compute. Each goes to its end, so that one run says all
 * that is wrong.
 */
import { spawn } from 'node:child_process';
import console from 'node:console';
import process from 'node:process';

/** Building and testing show what they say at once, others when they have ended. */
const SHOWN = ['prepare', 'test'];

async function run(script) {
  const streams = SHOWN.includes(script);
  const child = spawn('npm', ['run', script], {
    stdio: ['ignore', ...Array(2).fill(streams ? 'inherit' : 'pipe')],
    shell: process.platform === 'win32',
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (text) => (said += text));
  const code = await new Promise((resolve, reject) => child.once('error', reject).once('close', resolve));
  if (!streams) console.log(said);
  return { script, code };
}

async function inTurn(scripts) {
  const all = [];
  for (const script of scripts) all.push(await run(script));
  return all;
}

const alongside = ['typecheck', 'lint', 'format:check', ...process.argv.slice(2)];
const outcomes = [await run('prepare')];
if (outcomes[0].code === 0) outcomes.push(...(await Promise.all([inTurn(alongside), run('test')])).flat());
const failed = outcomes.filter(({ code }) => code !== 0).map(({ script }) => script);
if (failed.length > 0) {
  console.error(`failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}
