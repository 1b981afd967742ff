/** A value of the owner's that makes a session fail: no party hears of it, and it is in no log. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { formatModel, type Model } from '../../src/data/model-file.ts';
import { parameters } from '../../src/nn/network.ts';
import { parseNetwork } from '../../src/nn/networkFile.ts';
import { sizeOf } from '../../src/ring/shape.ts';
import { importBuilt } from '../built.ts';
import { smallDataset, writeDataset } from '../data/fixtures.ts';
import { temporaryFolder } from '../folder.ts';
import type * as logs from '../../src/cli/logs.ts';
import type * as partyNews from '../../src/cli/party-news.ts';
import type * as session from '../../src/cli/session.ts';
import type { SessionSettings } from '../../src/cli/options/session.ts';
import { Problem } from '../../src/data/problem.ts';
import type { Job } from '../../src/server/job.ts';
import { run, writeNetwork } from './command.ts';

it('a weight that does not fit', async () => {
  const folder = temporaryFolder('values');
  const path = writeNetwork(folder);
  const network = parseNetwork(JSON.parse(readFileSync(path, 'utf8')), path);
  const weight = 7.345678e17;
  const tensors: Model['tensors'] = new Map(
    parameters(network).map(({ name, shape }) => [name, { shape, data: new Float64Array(sizeOf(shape)).fill(weight) }]),
  );
  const [model, log] = [join(folder, 'model.safetensors'), join(folder, 'log')];
  writeFileSync(model, formatModel({ network, fractionBits: 16, tensors }));
  const data = writeDataset(smallDataset(32, 32));
  const words = ['local', 'infer', '--network', path, '--data', data, '--model', model, '--workers', '1'];
  const outcome = await run([...words, '--log-level', 'debug', '--log-file', log], folder);
  expect(outcome.code).toBe(1);
  expect(outcome.stderr).toMatch(/^securenn: .*element 0 does not fit/m);
  // However it might be written: as it is, without an exponent, in hexadecimal.
  const digits = [String(weight), BigInt(weight).toString(), '7.345', '7345678', BigInt(weight).toString(16)];
  for (const text of [outcome.stderr, outcome.stdout, readFileSync(log, 'utf8')]) {
    for (const shown of digits) expect(text).not.toContain(shown);
  }
});

/** As a library, the engine or we ourselves might put it. */
const VALUE = '7345678.25';
it.each([
  ['RangeError', new RangeError(`element 0 is ${VALUE}`)],
  ['Problem', new Problem(`weight ${VALUE} in /home/me/model does not fit`, 'train again')],
])('a %s of the owner in a running session: it alone reads the value', async (kind, error) => {
  // Parties are processes of the built program.
  const { runLocally } = await importBuilt<typeof session>('src/cli/session.js');
  const { PartyNews } = await importBuilt<typeof partyNews>('src/cli/party-news.js');
  const { Logs } = await importBuilt<typeof logs>('src/cli/logs.js');
  const settings = {
    ...{ timeoutMs: 60_000, backend: 'wasm', fallbackAdapter: false, workers: 1 },
    ...{ link: undefined, port: undefined, metrics: undefined, profile: undefined },
    log: { level: 'debug', file: undefined },
  } as unknown as SessionSettings;
  const job: Job = {
    ...{ kind: 'micro', sessionId: 'values', suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 32 },
    ...{ operations: [{ kind: 'matmul', m: 1, n: 1, v: 1 }], repetitions: 1 },
  };
  const lines: string[] = [];
  const news = new PartyNews(
    () => undefined,
    new Logs({ level: 'debug', file: undefined }, (line) => void lines.push(line)),
  );
  const running = runLocally({ begin: () => ({ job }) }, settings, new AbortController().signal, news, () => {
    throw error;
  });
  await expect(running).rejects.toBe(error);
  const parsed = lines.map((line) => JSON.parse(line) as { party: string; msg: string; reason?: string });
  for (const party of ['P0', 'P1', 'P2']) {
    const failed = parsed.find((line) => line.party === party && line.msg === 'failed');
    expect(failed?.reason).toMatch(new RegExp(`an error of its own \\(${kind}\\), which it alone knows$`));
  }
  for (const line of lines.filter((text) => !text.includes('"party":"owner"'))) {
    for (const own of [VALUE, '/home/me', '7345678']) expect(line).not.toContain(own);
  }
});
