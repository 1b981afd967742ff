/**
 * Parties that are killed while they train: a federation of three services on loopback, HTTPS and links over TLS, a training of network A on the
 * data of two owners. At random moments a party's service and job process get SIGKILL together, and a supervisor starts the service again a second
 * later; nobody else does anything. Beside that, links that are down for half a minute. Each training must end by itself with the very model that it
 * ends with undisturbed.
 *
 *   node dist/bench/kill-parties.js [--kills 20] [--cuts 2] [--down 30] [--ranks 1] [--seed N] [--out bench/results/kill-parties.json]
 *
 *   --kills N   of each party (default 20)
 *   --cuts N    of the links that P0, and of those that P1 accepts (default 2)
 *   --down S    seconds for which links are down (default 30)
 *   --ranks N   of each party: with several, a rank's process alone is killed, whichever chance takes, and its service goes on (default 1)
 *   --seed N    of the moments (default: a random one); it is printed and kept
 *   --out FILE  the result as JSON, written after each training
 *
 * Random values come from keys that the parties agree on when a training begins, and keep: two trainings have the same model only if they have the
 * same keys. So one training begins, all three parties are killed after its first steps, and their folders are copied. Every training measured here,
 * the undisturbed ones too, starts the services on a copy and goes on from there. Moments are uniform over the time that an undisturbed one takes
 * from when its services answer: also while it prepares, evaluates, and writes what it reveals. A moment that comes after the end is drawn anew.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { decide, propose } from '../src/client/federated/jobs.ts';
import type { Dataset } from '../src/data/dataset.ts';
import { loadDataset } from '../src/data/load.ts';
import { ROLES, type Role } from '../src/federation/card.ts';
import type { TrainDocument } from '../src/federation/documents.ts';
import { NETWORKS } from '../src/nn/named.ts';
import { rankPart } from '../src/nn/ranks.ts';
import { JOB_VERSION } from '../src/server/job.ts';
import { LiveFederation } from './kills/federation.ts';
import { tryOnce, type Disturbance, type Training, type Trial } from './kills/trial.ts';
import { save } from './machine.ts';
import { rounded } from './measure.ts';
import { optionsOf } from './options.ts';

const IMAGES = 1280;
const TEST_IMAGES = 128;
const RESTART_MS = 1000;
const UNDISTURBED = 2;

const { values } = optionsOf(import.meta.url, {
  kills: { type: 'string', default: '20' },
  cuts: { type: 'string', default: '2' },
  down: { type: 'string', default: '30' },
  ranks: { type: 'string', default: '1' },
  seed: { type: 'string', default: `${randomBytes(4).readUInt32LE()}` },
  out: { type: 'string' },
});

/** Xorshift: the same moments for the same seed. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0 === 0 ? 1 : seed | 0;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Some images of MNIST as somebody's own. */
function part(all: Dataset, first: number, count: number): Dataset {
  const size = all.rows * all.columns;
  return {
    ...all,
    trainImages: all.trainImages.slice(size * first, size * (first + count)),
    trainLabels: all.trainLabels.slice(first, first + count),
  };
}

/** Two owners give their data and their consent; the training begins, and all that parties have then is copied. */
async function begin(folder: string, ranks: number): Promise<Training> {
  const main = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));
  const patience = { linkSeconds: 120, partySeconds: 300 };
  const at = await LiveFederation.make({ folder: join(folder, 'parties'), main, ...patience, ranks });
  await at.start(...ROLES);
  const { analyst } = at.clients;
  const mnist = await loadDataset('mnist');
  const half = IMAGES / 2;
  const train = [
    await at.put('owner-0', 'scans', part(mnist, 0, half), 16),
    await at.put('owner-1', 'scans', part(mnist, half, half), 16),
  ];
  const test = [await at.put('owner-1', 'checked', part(mnist, IMAGES, TEST_IMAGES), 16)];
  const document: TrainDocument = {
    ...{ securenn: 'job', version: JOB_VERSION, title: 'a training of A', network: NETWORKS.A, suite: 'direct' },
    ...{ truncation: 'dealt', fractionBits: 16, compareBits: 33, federation: at.federation.id, kind: 'train' },
    ...{ nonce: randomBytes(16).toString('hex'), train, test, batch: 128, epochs: 2, loss: 'softmax' },
    ...{ optimizer: 'sgd', learningRate: 2 ** -4, lrDecay: 1, lrDecayEpochs: 1, momentum: 0.9, seed: 1 },
    ...{ checkpointEvery: 4, keepModel: true, receiver: analyst.identity.public },
    ...(ranks > 1 && { ranks, microBatch: rankPart(128, ranks) }),
    reveal: { model: true, loss: true, counts: 'total' },
    expires: new Date(Date.now() + 4 * 3_600_000).toISOString(),
  };
  const job = await propose(analyst, document);
  for (const owner of ['owner-0', 'owner-1'] as const) await decide(at.clients[owner], job, true);
  await at.untilStep('P0', job, 2);
  const { attempt } = await at.view('P0', job);
  for (const role of ROLES) await at.kill(role, 'all');
  const copy = join(folder, 'copy');
  at.copyTo(copy);
  return { at, copy, job, document, attempt };
}

interface Row {
  readonly what: string;
  readonly party: Role | null;
  readonly identical: boolean;
}

async function run(): Promise<boolean> {
  const seed = Number(values.seed);
  const [kills, cuts, down] = [Number(values.kills), Number(values.cuts), Number(values.down)];
  const ranks = Number(values.ranks);
  const random = randomFrom(seed);
  console.log(`seed ${seed}`);
  const folder = await mkdtemp(join(tmpdir(), 'securenn-kills-'));
  // Its exit handlers end the services.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));
  const began = performance.now();
  const training = await begin(folder, ranks);
  const { at } = training;
  at.onEnd = (role, how) => console.error(`${role} ended by itself: ${how}`);
  const rows: Row[] = [];
  let expected: string | null = null;
  let drawnAnew = 0;
  const keep = async (what: string, party: Role | null, { states, model, ...trial }: Trial): Promise<void> => {
    const { disturbed: seen } = trial;
    expected ??= model;
    const identical = model !== null && model === expected;
    rows.push({
      ...{ what, party, identical, states, attempts: trial.attempts, seconds: rounded(trial.seconds) },
      ...(seen && {
        ...{ atSeconds: rounded(seen.atSeconds), after: seen.after },
        secondsUntilItWentOn: seen.secondsUntilItWentOn === null ? null : rounded(seen.secondsUntilItWentOn),
        ...{ secondsUntilItEnded: rounded(seen.secondsUntilItEnded), wentOnFrom: seen.wentOnFrom },
      }),
    });
    console.log(JSON.stringify(rows.at(-1)));
    if (values.out === undefined) return;
    const { network, batch, epochs, checkpointEvery } = training.document;
    const settings = {
      network: network.name,
      batch,
      steps: (epochs! * IMAGES) / batch,
      images: IMAGES,
      checkpointEvery,
    };
    const totals = {
      ...{ trainings: rows.length, identical: rows.filter((row) => row.identical).length, drawnAnew },
      seconds: Math.round((performance.now() - began) / 1000),
    };
    await save(values.out, 'kill-parties', {
      load: loadavg()[0],
      seed,
      settings: { ...settings, restartMs: RESTART_MS, down, ...(ranks > 1 && { ranks }) },
      model: expected,
      totals,
      rows,
    });
  };
  try {
    const times: number[] = [];
    for (let i = 0; i < UNDISTURBED; i++) {
      const trial = (await tryOnce(training, 'P0'))!;
      times.push(trial.seconds);
      await keep('undisturbed', null, trial);
    }
    const length = times.reduce((sum, each) => sum + each, 0) / times.length;
    const disturb = async (what: string, party: Role, disturbance: Disturbance): Promise<void> => {
      for (;;) {
        const moment = { afterSeconds: length * random(), disturb: disturbance };
        const trial = await tryOnce(training, party === 'P0' ? 'P1' : 'P0', moment);
        if (trial !== undefined) return keep(what, party, trial);
        drawnAnew++;
      }
    };
    const kill = (party: Role) => async (): Promise<void> => {
      await at.kill(party, 'all');
      await sleep(RESTART_MS);
      await at.start(party);
    };
    const cut = (party: Role) => (): Promise<void> => Promise.resolve(at.cut(party, down));
    for (let i = 0; i < cuts; i++)
      for (const party of ['P0', 'P1'] as const) await disturb(`links down for ${down} s`, party, cut(party));
    const killRank = (party: Role, rank: number) => async (): Promise<void> => {
      // Between two attempts there is none.
      while (!at.killRank(party, rank)) await sleep(20);
    };
    if (ranks === 1)
      for (let i = 0; i < kills; i++) for (const party of ROLES) await disturb('killed', party, kill(party));
    else
      for (let i = 0; i < kills; i++) {
        const [party, rank] = [ROLES[Math.floor(3 * random())], Math.floor(ranks * random())];
        await disturb(`rank ${rank} killed`, party, killRank(party, rank));
      }
  } finally {
    await at.close();
    await rm(folder, { recursive: true, force: true });
  }
  const same = rows.filter(({ identical }) => identical).length;
  console.log(`${same} of ${rows.length} trainings ended with the same model`);
  return same === rows.length;
}

process.exitCode = (await run()) ? 0 : 1;
