/**
 * What each rank of a party takes of memory (docs/ranks.md): largest resident sets of the processes of a training, for several numbers of ranks, each
 * a process of its own. A federation of three services on loopback trains a network on noise.
 *
 *   node dist/bench/rank-memory.js [--network vgg16|FILE.json] [--batch 32] [--steps 2] [--ranks 1,4] [--out bench/results/rank-memory.json]
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { decide, propose } from '../src/client/federated/jobs.ts';
import { readNetwork } from '../src/cli/options/task.ts';
import type { Dataset } from '../src/data/dataset.ts';
import { OF_BYTES } from '../src/data/scaling.ts';
import { ROLES } from '../src/federation/card.ts';
import type { TrainDocument } from '../src/federation/documents.ts';
import { ENDED } from '../src/federation/views.ts';
import { rankPart } from '../src/nn/ranks.ts';
import { JOB_VERSION } from '../src/server/job.ts';
import { LiveFederation } from './kills/federation.ts';
import { report } from './machine.ts';
import { rounded } from './measure.ts';
import { optionsOf } from './options.ts';

const LOOK_MS = 200;
const PATIENCE_SECONDS = 1200;

const { values } = optionsOf(import.meta.url, {
  network: { type: 'string', default: 'vgg16' },
  batch: { type: 'string', default: '32' },
  steps: { type: 'string', default: '2' },
  ranks: { type: 'string', default: '1,4' },
  out: { type: 'string', default: 'bench/results/rank-memory.json' },
});
const network = readNetwork({ network: values.network });
const batch = Number(values.batch);
const images = batch * Number(values.steps);

interface Row {
  readonly ranks: number;
  /** MiB of the processes of each party, rank 0 first. */
  readonly P0: string;
  readonly P1: string;
  readonly P2: string;
  /** Of any rank. */
  readonly mostMiB: number;
  readonly overOne: number | null;
}

function noise(): Dataset {
  const [rows, columns, channels = 1] = network.input;
  return {
    ...{ name: 'noise', rows, columns, channels, classes: 10 },
    trainImages: new Uint8Array(randomBytes(images * rows * columns * channels)),
    trainLabels: Uint8Array.from({ length: images }, (_, i) => i % 10),
    ...{ testImages: new Uint8Array(0), testLabels: new Uint8Array(0) },
    scaling: OF_BYTES,
  };
}

async function measure(folder: string, ranks: number): Promise<Omit<Row, 'overOne'>> {
  const main = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
  const patience = { partySeconds: PATIENCE_SECONDS, stepSeconds: PATIENCE_SECONDS };
  const at = await LiveFederation.make({ folder, main, ranks, workers: ranks, ...patience });
  try {
    await at.start(...ROLES);
    const train = [await at.put('owner-0', 'noise', noise(), 16)];
    const { analyst } = at.clients;
    const document: TrainDocument = {
      ...{ securenn: 'job', version: JOB_VERSION, title: network.name, network, suite: 'direct' },
      ...{ truncation: 'dealt', fractionBits: 16, compareBits: 33, federation: at.federation.id, kind: 'train' },
      ...{ nonce: randomBytes(16).toString('hex'), train, test: [], batch, epochs: 1, loss: 'softmax' },
      ...{ optimizer: 'sgd', learningRate: 2 ** -7, lrDecay: 1, lrDecayEpochs: 1, momentum: 0.9, seed: 1 },
      ...{ checkpointEvery: 1000, keepModel: false, receiver: analyst.identity.public },
      ...(ranks > 1 && { ranks, microBatch: rankPart(batch, ranks) }),
      reveal: { model: true, loss: false, counts: 'none' },
      expires: new Date(Date.now() + 3_600_000).toISOString(),
    };
    const job = await propose(analyst, document);
    await decide(at.clients['owner-0'], job, true);
    const peaks = new Map<string, number>();
    for (let view = await at.view('P0', job); view.state !== 'succeeded'; view = await at.view('P0', job)) {
      if (ENDED.includes(view.state)) throw new Error(`${ranks} ranks: ${view.state} ${view.reason ?? ''}`);
      for (const [name, mebibytes] of ROLES.flatMap((role) => at.peaks(role)))
        peaks.set(name, Math.max(mebibytes, peaks.get(name) ?? 0));
      await sleep(LOOK_MS);
    }
    const of = (party: string): string =>
      Array.from({ length: ranks }, (_, rank) =>
        Math.round(peaks.get(rank === 0 ? party : `${party}.${rank}`) ?? NaN),
      ).join(' ');
    return { ranks, P0: of('P0'), P1: of('P1'), P2: of('P2'), mostMiB: Math.round(Math.max(...peaks.values())) };
  } finally {
    await at.close();
  }
}

// Exit handlers of the federation end its services.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
const folder = await mkdtemp(join(tmpdir(), 'securenn-rank-memory-'));
try {
  const rows: Row[] = [];
  for (const ranks of values.ranks.split(',').map(Number)) {
    const row = await measure(join(folder, `${ranks}`), ranks);
    const one = rows.find((each) => each.ranks === 1);
    rows.push({ ...row, overOne: one === undefined ? null : rounded(row.mostMiB / one.mostMiB) });
    console.log(JSON.stringify(rows.at(-1)));
  }
  await report(`memory by rank, network ${network.name}, batch ${values.batch}`, rows, values.out);
} finally {
  await rm(folder, { recursive: true, force: true });
}
