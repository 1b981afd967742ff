/** Ranks from end to end: threads of three party processes, real sockets. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { Owner } from '../../src/client/owner.ts';
import { DIRECT_SUITE, SOFTMAX_SGD } from '../training.ts';
import { NETWORKS } from '../../src/nn/named.ts';
import { KeyPair } from '../../src/random/keys.ts';
import {
  fromHex,
  PARTY_NAMES,
  toHex,
  type PartyAddress,
  type PartyName,
  type StartOrder,
} from '../../src/server/ipc.ts';
import { configurationFields, type TrainJob } from '../../src/server/job.ts';
import type { RankCounters } from '../../src/profile/rank-counters.ts';
import type { Summary } from '../../src/profile/summary.ts';
import type * as partyChild from '../../src/server/party-child.ts';
import { importBuilt } from '../built.ts';
import { smallDataset, writeDataset } from '../data/fixtures.ts';
import { ofEach, type OfEach } from '../federated.ts';
import { temporaryFolder } from '../folder.ts';
import { allGone, Command, run, writeNetwork, type Outcome } from './command.ts';

const { PartyChild } = await importBuilt<typeof partyChild>('src/server/party-child.js');

const folder = temporaryFolder('ranks');
const network = writeNetwork(folder);
const data = writeDataset(smallDataset(256, 64));
const task = ['local', 'train', '--network', network, '--data', data, '--batch', '32', '--micro-batch', '8'];
const common = [...task, '--workers', '1', '--insecure-keys', '11'];

interface Trained {
  readonly model: Buffer;
  readonly bytes: number;
  readonly accuracies: readonly number[];
}

function trainedOf(name: string, { code, stdout, stderr }: Outcome): Trained {
  expect(code, stderr).toBe(0);
  const json = JSON.parse(stdout) as {
    readonly bytesSentPerStep: { readonly total: number };
    readonly testAccuracyPercents: readonly number[];
  };
  const model = readFileSync(join(folder, name));
  return { model, bytes: json.bytesSentPerStep.total, accuracies: json.testAccuracyPercents };
}

async function train(name: string, ...more: readonly string[]): Promise<Trained> {
  return trainedOf(name, await run([...common, '--out', name, '--json', '-', ...more], folder));
}

let one: Trained;
beforeAll(async () => {
  one = await train('one', '--epochs', '3');
});

describe('a training', () => {
  it.each([3, 4])('%i ranks give the model and the counts of one, bit for bit, and send as much', async (ranks) => {
    const several = await train(`ranks-${ranks}`, '--epochs', '3', '--ranks', `${ranks}`);
    expect(several.model.equals(one.model)).toBe(true);
    expect(several.accuracies).toEqual(one.accuracies);
    // Each link of a rank has labels as long as a single rank's.
    expect(several.bytes / one.bytes).toBeGreaterThan(0.98);
    expect(several.bytes / one.bytes).toBeLessThan(1.02);
  });

  it('tells of each rank: on the way, at the end, and in a profile', async () => {
    const words = ['--epochs', '2', '--ranks', '3', '--out', 'told', '--json', '-', '--profile', 'profile'];
    const { code, stdout, stderr } = await run([...common, ...words], folder);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/slowest rank: \d of P\d, \d\.\d\d × the mean/);
    expect(stderr).toMatch(/The busiest rank of each party: P0 \d \(.*\), P1 \d \(.*\), P2 \d \(/);
    const { bytesSentPerStep, ranks } = JSON.parse(stdout) as {
      bytesSentPerStep: Record<string, number>;
      ranks: Record<'p0' | 'p1' | 'p2', RankCounters[]>;
    };
    const { parties } = JSON.parse(readFileSync(join(folder, 'profile', 'profile.json'), 'utf8')) as Summary;
    for (const [i, party] of (['p0', 'p1', 'p2'] as const).entries()) {
      expect(ranks[party]).toHaveLength(3);
      for (const own of [...ranks[party], ...parties[i].ranks!]) {
        expect(Math.min(own.bytesSent, own.computeSeconds)).toBeGreaterThan(0);
        // A rank of P2, who deals ahead, may have something to do whenever it is asked; not all of them.
        if (party === 'p2') expect(own.waitSeconds).toBeGreaterThanOrEqual(0);
        else expect(own.waitSeconds).toBeGreaterThan(0);
      }
      expect(
        ranks[party].reduce((sum, { waitSeconds }) => sum + waitSeconds, 0),
        party,
      ).toBeGreaterThan(0);
      // What is told of a step is told when rank 0 is through, of others when they have handed on what they sum.
      const sent = ranks[party].reduce((sum, { bytesSent }) => sum + bytesSent, 0);
      expect(sent / bytesSentPerStep[party]).toBeGreaterThan(0.8);
      expect(sent / bytesSentPerStep[party]).toBeLessThan(1.2);
      // A session is more than its steps.
      expect(parties[i].ranks![0].bytesSent).toBe(parties[i].traffic.reduce((sum, link) => sum + link.frameBytes, 0));
    }
    expect(readFileSync(join(folder, 'profile', 'report.html'), 'utf8')).toContain('id="ranks"');
  });

  it('a rank that dies with its party: the run goes on, by any number of ranks, to the same model', async () => {
    const long = ['--epochs', '15'];
    const undisturbed = await train('undisturbed', ...long);
    const kept = ['--checkpoint', 'kept', '--checkpoint-every', '1'];
    const command = new Command([...common, ...long, ...kept, '--ranks', '2', '--out', 'killed'], folder);
    try {
      await command.shows(/training tiny/);
      await command.shows(/step/);
      const parties = command.parties();
      process.kill(parties.get('P1')!, 'SIGKILL');
      const { code, stderr } = await command.outcome;
      expect(code).toBe(1);
      expect(stderr).toMatch(/party P1 was killed by SIGKILL/);
      await allGone(parties.values());
    } finally {
      if (command.process.exitCode === null) command.process.kill('SIGKILL');
    }
    const resumed = ['local', 'train', '--resume', 'kept', '--ranks', '4', '--out', 'resumed', '--json', '-'];
    const { model } = trainedOf('resumed', await run(resumed, folder));
    expect(model.equals(undisturbed.model)).toBe(true);
    const more = await run(['local', 'train', '--resume', 'kept', '--ranks', '5', '--epochs', '16'], folder);
    expect(more.stderr).toMatch(/--ranks: a batch has 4 parts that the run began with, too few for 5 ranks/);
  });
});

describe('an inference', () => {
  const infer = async (...more: readonly string[]): Promise<{ readonly scores: string; readonly said: string }> => {
    const out = `found${more.join('')}.json`;
    const words = ['local', 'infer', '--model', 'one', '--data', data, '--count', '50', '--batch', '24'];
    const { code, stderr } = await run([...words, '--workers', '1', '--out', out, ...more], folder);
    expect(code, stderr).toBe(0);
    return { scores: readFileSync(join(folder, out), 'utf8'), said: stderr };
  };

  it('by several ranks gives the scores of one, bit for bit', async () => {
    const fixed = ['--insecure-keys', '12'];
    const one = await infer('--micro-batch', '6', ...fixed);
    const four = await infer('--ranks', '4', ...fixed);
    expect(four.scores).toBe(one.scores);
    expect(four.said).toContain('4 ranks a party: each batch of 24 is computed in parts of 6');
    expect((await infer('--ranks', '2', '--micro-batch', '6', ...fixed)).scores).toBe(one.scores);
  });

  it('is private with several ranks, too', async () => {
    const classes = ({ scores }: { readonly scores: string }): unknown[] =>
      (JSON.parse(scores) as { readonly class: number }[]).map((each) => each.class);
    const [open, closed] = [await infer('--ranks', '2'), await infer('--ranks', '3', '--security', 'private')];
    expect(classes(closed)).toHaveLength(50);
    // Scores that are nearly the same may change their places by rounding.
    expect(classes(closed).filter((each, i) => each !== classes(open)[i]).length).toBeLessThan(3);
  });

  it.each([
    [['--count', '3', '--ranks', '4'], '--ranks: a batch has 3 images, too few for 4 ranks: each needs one'],
    [['--ranks', '2', '--backend', 'webgpu'], '--ranks: a GPU serves the first rank of a party alone'],
  ])('%j is refused before anything begins', async (more, complaint) => {
    const { code, stderr } = await run(['local', 'infer', '--model', 'one', '--data', data, ...more], folder);
    expect(code).toBe(1);
    expect(stderr).toContain(complaint);
  });
});

describe('what cannot be', () => {
  it.each([
    [[...task, '--ranks', '33'], '--ranks: a batch has 32 images, too few for 33 ranks: each needs one'],
    [[...task, '--ranks', '257'], '--ranks: expected a whole number from 1 to 256, found 257'],
    [
      ['local', 'train', '--ranks', '2', '--micro-batch', '8', '--network', 'resnet20'],
      '--micro-batch: layer 1 (batchnorm) takes statistics over the whole batch',
    ],
    [[...task, '--ranks', '2', '--backend', 'webgpu'], '--ranks: a GPU serves the first rank of a party alone'],
  ])('%j is refused before anything begins', async (words, complaint) => {
    const { code, stderr } = await run(words, folder);
    expect(code).toBe(1);
    expect(stderr).toContain(complaint);
  });

  const host = '127.0.0.1';
  const children: partyChild.PartyChild[] = [];
  afterEach(async () => {
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(children.splice(0).map((child) => child.exited.promise));
  });

  /** Three parties of so many ranks each, told where the others are by `told`; how each one failed. */
  async function failures(
    ranks: OfEach<number>,
    told: (party: PartyName, addresses: OfEach<PartyAddress>) => OfEach<PartyAddress> = (_, addresses) => addresses,
  ): Promise<OfEach<string>> {
    const made = ofEach((party) => new PartyChild(party, { onChange: () => undefined, onNews: () => undefined }));
    children.push(...PARTY_NAMES.map((party) => made[party]));
    for (const party of PARTY_NAMES)
      made[party].send({ type: 'open', party, listen: { host, port: 0 }, ranks: ranks[party], log: 'silent' });
    const listening = await Promise.all(PARTY_NAMES.map((party) => made[party].listening.promise));
    const addresses = ofEach((_, id): PartyAddress => {
      const { port, publicKey, rankPorts } = listening[id];
      return { host, port, publicKey, ranks: rankPorts?.map((each) => ({ host, port: each })) };
    });
    const identity = KeyPair.generate();
    const ends: StartOrder['ends'] = { kind: 'owner', publicKey: toHex(identity.publicKey) };
    for (const party of PARTY_NAMES)
      made[party].send({
        ...{ type: 'start', ends, parties: told(party, addresses), timeoutMs: 4_000 },
        job: { ...job, ranks: ranks[party] },
        compute: { backend: 'wasm', fallbackAdapter: false, workers: 1 },
      });
    const owner = Owner.connect({
      identity,
      publicKeys: ofEach((party) => fromHex(addresses[party].publicKey)),
      urls: ofEach((party) => `ws://${host}:${addresses[party].port}`),
      sessionId: job.sessionId,
      config: configurationFields({ ...job, ranks: ranks.P0 }),
      timeoutMs: 4_000,
    });
    await Promise.all([...PARTY_NAMES.map((party) => made[party].exited.promise), owner.catch(() => undefined)]);
    return ofEach((party) => made[party].failure?.message ?? 'no failure');
  }

  const job: TrainJob = {
    kind: 'train',
    sessionId: 'abc',
    network: NETWORKS.A,
    ...DIRECT_SUITE,
    ...SOFTMAX_SGD,
    batch: 12,
    microBatch: 4,
    trainImages: 12,
    testImages: 0,
    steps: 1,
  };

  it('parties with other numbers of ranks', async () => {
    const said = await failures({ P0: 2, P1: 3, P2: 2 });
    for (const party of PARTY_NAMES) expect(said[party]).toMatch(/ranks: P0 has 2, P1 has 3, P2 has 2/);
  });

  it('two ranks where one is expected', async () => {
    // P1's second rank dials P0's third, and the other way round.
    const said = await failures({ P0: 3, P1: 3, P2: 3 }, (party, addresses) =>
      party === 'P1' ? { ...addresses, P0: { ...addresses.P0, ranks: addresses.P0.ranks!.toReversed() } } : addresses,
    );
    expect(Object.values(said).join('\n')).toMatch(/rank.*[12] of 0 to 2.*[12] of 0 to 2.* \(rank [12]\)/);
  });

  it('a rank that never comes', async () => {
    // Nobody listens there.
    const said = await failures({ P0: 2, P1: 2, P2: 2 }, (party, addresses) =>
      party === 'P2' ? { ...addresses, P1: { ...addresses.P1, ranks: [{ host, port: 1 }] } } : addresses,
    );
    for (const party of PARTY_NAMES) expect(said[party]).not.toBe('no failure');
    // Whichever gives up first: P2, which dials, or P1, which waits.
    expect(Object.values(said).join('\n')).toMatch(
      /(P2 (cannot reach|waited 4 s for) P1|P1 waited 4 s for P2 to connect).*\(rank 1\)/,
    );
  });
});
