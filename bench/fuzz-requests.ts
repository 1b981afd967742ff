/**
 * Many made-up requests, documents, cards and files of a federation (`bench/fuzz/`): no crash, no hang, no memory that grows.
 *
 *   node --expose-gc dist/bench/fuzz-requests.js [--cases 100000] [--seed N] [--out bench/results/fuzz-requests.json]
 *
 * Half of the shares are of requests to a party as it is in service, over HTTPS, in this process. A part stops at the first case that is wrong,
 * prints it and ends with exit code 1. Memory is that of `bench/fuzz-links.ts`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { OF_DOCUMENTS } from './fuzz/documents.ts';
import { servedParty } from './fuzz/requests.ts';
import { endOnCrash, runAll } from './fuzz/runner.ts';
import { report } from './machine.ts';
import { optionsOf } from './options.ts';

const { values } = optionsOf(import.meta.url, {
  cases: { type: 'string', default: '100000' },
  seed: { type: 'string', default: `${Date.now() % 2 ** 31}` },
  out: { type: 'string' },
});
endOnCrash();
const folder = await mkdtemp(join(tmpdir(), 'securenn-fuzz-'));
try {
  const party = await servedParty(folder);
  const rows = await runAll([...OF_DOCUMENTS, ...party.fuzzes], Number(values.cases), Number(values.seed));
  await party.close();
  await report('fuzz-requests', rows, values.out);
} finally {
  await rm(folder, { recursive: true, force: true });
}
process.exit(0);
