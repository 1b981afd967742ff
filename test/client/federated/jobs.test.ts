import { describe, expect, it } from 'vitest';
import { readSigned } from '../../../src/client/federated/answers.ts';
import type { FederationClient } from '../../../src/client/federated/client.ts';
import { describeJob } from '../../../src/client/federated/describe.ts';
import { Directory } from '../../../src/client/federated/directory.ts';
import { TrainingFollower, type RunObserver } from '../../../src/client/federated/follow-training.ts';
import { cancel, decide, findJob, passOn, propose, seeJob } from '../../../src/client/federated/jobs.ts';
import { fetchModel } from '../../../src/client/federated/results.ts';
import { type JobWatcher, watch } from '../../../src/client/federated/watch.ts';
import type { EvaluationReport, StepReport } from '../../../src/client/history.ts';
import { PARTIES } from '../../../src/client/parties.ts';
import { digestOf } from '../../../src/federation/canonical.ts';
import { decisionDocument, type TrainDocument } from '../../../src/federation/documents.ts';
import type { Identity } from '../../../src/federation/identity.ts';
import type { PublicIdentity } from '../../../src/federation/public-identity.ts';
import { parameters, type Network } from '../../../src/nn/network.ts';
import { encode } from '../../../src/ring/fixed.ts';
import { sizeOf } from '../../../src/ring/shape.ts';
import { FakeParties } from './fake-parties.ts';

const NETWORK: Network = {
  name: 'tiny',
  input: [4],
  layers: [{ type: 'dense', units: 3 }, { type: 'relu' }, { type: 'dense', units: 2 }],
};

function document(federation: string, receiver: PublicIdentity, changes: Partial<TrainDocument> = {}): TrainDocument {
  return {
    ...{ securenn: 'job', kind: 'train', version: 1, federation, title: 'tumour or not', network: NETWORK },
    ...{ suite: 'direct', truncation: 'dealt', fractionBits: 16, compareBits: 33 },
    ...{ batch: 8, epochs: 2, loss: 'softmax', optimizer: 'sgd', learningRate: 0.03125, lrDecay: 1, lrDecayEpochs: 1 },
    ...{ momentum: 0.9, seed: 1, checkpointEvery: 5, test: [], keepModel: false, receiver },
    train: [{ owner: '1'.repeat(32), name: 'scans', digest: '2'.repeat(64) }],
    reveal: { model: true, loss: true, counts: 'total' },
    expires: '2031-01-01T00:00:00.000Z',
    nonce: '3'.repeat(32),
    ...changes,
  };
}

interface Setting {
  readonly parties: FakeParties;
  readonly analyst: Identity;
  readonly client: FederationClient;
  readonly notes: string[];
  readonly training: TrainDocument;
}

function setting(changes?: Partial<TrainDocument>): Setting {
  const parties = new FakeParties();
  const analyst = parties.admit('institute');
  const notes: string[] = [];
  const client = parties.client(analyst, notes);
  return { parties, analyst, client, notes, training: document(parties.federation.id, analyst.public, changes) };
}

describe('a job', () => {
  it('is known at all three by the digest that its proposer computes', async () => {
    const { parties, client, training } = setting();
    const digest = await propose(client, training);
    expect(digest).toBe(digestOf(training));
    for (const party of PARTIES) expect([...parties.party[party].jobs.keys()]).toEqual([digest]);
    const { job, views } = await seeJob(client, digest);
    expect([job.document, job.author, views.size]).toEqual([training, client.id, 3]);
    expect(await findJob(client, digest.slice(0, 6))).toBe(digest);
    await expect(findJob(client, 'fffff')).rejects.toThrow('no job of yours begins with fffff');
    await expect(findJob(client, 'scans')).rejects.toThrow("a job's name is hexadecimal");
  });

  it('that a party lacks is passed on as it was signed', async () => {
    const { parties, client, training } = setting();
    parties.down.add('P2');
    const digest = digestOf(training);
    await expect(propose(client, training)).rejects.toMatchObject({
      message: expect.stringContaining('known at P0 and P1 alone: P2') as string,
      fix: expect.stringContaining(`securenn job propose --again ${digest.slice(0, 12)}`) as string,
    });
    parties.down.clear();
    await passOn(client, (await seeJob(client, digest)).job.signed);
    expect(parties.party.P2.jobs.has(digest)).toBe(true);
  });

  it.each(['P0', 'P1', 'P2'] as const)('that %s shows with other bytes is approved by nobody', async (liar) => {
    const { parties, client, training } = setting();
    const digest = await propose(client, training);
    const other = { ...training, reveal: { ...training.reveal, counts: 'per-class' as const } };
    parties.shown = (party, job) => (party === liar ? { ...job, signed: { ...job.signed, document: other } } : job);
    await expect(seeJob(client, digest)).rejects.toMatchObject({
      message: expect.stringContaining(`${liar} shows another job`) as string,
      fix: expect.stringContaining('approve nothing') as string,
    });
  });

  it('whose signature is not its author’s is refused before it is shown', async () => {
    const { parties, client, training } = setting();
    const digest = await propose(client, training);
    parties.shown = (_, job) => ({ ...job, signed: { ...job.signed, signature: '0'.repeat(128) } });
    await expect(seeJob(client, digest)).rejects.toThrow('job: the signature is not that of its author');
  });

  it('is decided on and cancelled by signed documents, at all three', async () => {
    const { parties, training, client } = setting();
    const digest = await propose(client, training);
    const owner = parties.client(parties.admit('hospital'));
    await decide(owner, digest, true);
    await cancel(client, digest, 'another network');
    for (const party of PARTIES) {
      const [decision, cancelled] = parties.party[party].decisions;
      expect(await readSigned(client, decisionDocument, 'decision', decision, party)).toMatchObject({
        author: owner.id,
        document: { job: digest, approve: true },
      });
      expect(cancelled.document).toMatchObject({ securenn: 'cancel', job: digest, reason: 'another network' });
    }
    parties.down.add('P1');
    await expect(decide(owner, digest, true)).rejects.toThrow(/P1 .*; the job is approved at P0 and P2/);
  });

  it('is described with what it reveals, to whom, and what stays', async () => {
    const { parties, client, training } = setting({ keepModel: true });
    const owner = parties.admit('hospital');
    const train = [{ owner: owner.id, name: 'scans', digest: '2'.repeat(64) }];
    const digest = await propose(client, { ...training, train });
    const { job } = await seeJob(client, digest);
    const directory = await Directory.of(parties.client(owner));
    const sections = describeJob(job, { directory, data: [] });
    const text = sections.map((section) => section.join('\n')).join('\n');
    for (const part of [
      'to institute: the trained model',
      'to institute: the mean loss of every tenth step',
      'to institute: how many test images are right',
      'hospital/scans (yours)',
      'the model, at the parties',
      'it can start once, until 2031-01-01',
      'tiny: 4-3-2, 23 weights',
    ])
      expect(text).toContain(part);
    const silent = { ...training, reveal: { model: false, loss: false, counts: 'none' as const } };
    const quiet = describeJob({ ...job, document: silent }, { directory, data: [] });
    expect(quiet.find(([label]) => label === 'reveals')).toEqual(['reveals', 'nothing to anybody']);
    const guarded = '16 fractional bits; a party that cheats learns nothing';
    expect(text).not.toContain(guarded);
    const secured = describeJob({ ...job, document: { ...training, security: 'private' } }, { directory, data: [] });
    expect(secured.flat().join('\n')).toContain(guarded);
  });
});

function counters(seconds: number): object {
  return { seconds, waitSeconds: seconds / 2, bytesSent: 100 * seconds, onlineRounds: 3 };
}

function step(attempt: number, number: number, loss = false): object {
  const progress = { kind: 'step', step: number, epoch: 1, loss, ...counters(number) };
  return { event: 'progress', attempt, progress };
}

interface Seen {
  readonly lines: string[];
  readonly steps: StepReport[];
  readonly evaluations: EvaluationReport[];
  readonly watcher: JobWatcher;
}

function seen({ client, training }: Setting, digest: string): Seen {
  const lines: string[] = [];
  const steps: StepReport[] = [];
  const evaluations: EvaluationReport[] = [];
  const observer: RunObserver = {
    onReady: () => lines.push('ready'),
    onStep: (report) => steps.push(report),
    onTesting: () => undefined,
    onEvaluation: (report) => evaluations.push(report),
    onRepeat: (from) => steps.splice(0, steps.length, ...steps.filter((each) => each.step <= from)),
  };
  const follower = new TrainingFollower(client, digest, training, observer);
  const watcher: JobWatcher = {
    onWaiting: (owners) => lines.push(`waiting for ${owners.length}`),
    onState: (party, state) => lines.push(`${party} ${state}`),
    onAttempt: (attempt, from) => {
      lines.push(`attempt ${attempt} from ${from}`);
      follower.onAttempt(from);
    },
    onTold: (told) => follower.onTold(told),
    onAway: (party) => lines.push(`${party} away`),
    onBack: (party) => lines.push(`${party} back`),
  };
  return { lines, steps, evaluations, watcher };
}

describe('watching', () => {
  it('puts together what the three tell, and opens what is revealed on the way', async () => {
    const at = setting();
    const { parties, client, training, analyst } = at;
    const digest = await propose(client, training);
    const { watcher, lines, steps, evaluations } = seen(at, digest);
    await parties.reveal(digest, 'loss/1', encode([8 * 2.25], 16), analyst.public);
    await parties.reveal(digest, 'correct/1', BigUint64Array.of(17n), analyst.public);
    const told = [
      { event: 'state', state: 'running' },
      { event: 'attempt', attempt: 1, from: 0 },
      { event: 'progress', attempt: 1, progress: { kind: 'ready', ...counters(0) } },
      step(1, 1, true),
      step(1, 2),
      { event: 'progress', attempt: 1, progress: { kind: 'evaluated', evaluation: 1, images: 20, ...counters(1) } },
      { event: 'of a version to come', fact: 1 },
      { event: 'progress', attempt: 1, progress: { kind: 'finished', ...counters(0) } },
    ];
    parties.tell(digest, ...told);
    parties.enter(digest, 'succeeded');
    const ending = await watch(client, digest, watcher);
    expect([ending.state, ending.states.size]).toEqual(['succeeded', 3]);
    expect(steps).toMatchObject([
      { step: 1, loss: 2.25, bytesSent: { P0: 100, P1: 100, P2: 100 }, seconds: 1 },
      { step: 2, loss: undefined, waitSeconds: { P0: 1, P1: 1, P2: 1 } },
    ]);
    expect(evaluations).toMatchObject([{ evaluation: 1, correct: 17, images: 20 }]);
    expect(lines.slice(0, 2)).toEqual(['attempt 1 from 0', 'ready']);
    expect(lines.slice(2).toSorted()).toEqual(['P0 succeeded', 'P1 succeeded', 'P2 succeeded']);
  });

  it('begun late gets the losses by the dozen, each right, and what one worker lacks is told of', async () => {
    const at = setting();
    const { parties, client, training, analyst } = at;
    const digest = await propose(client, training);
    const { watcher, steps } = seen(at, digest);
    const shown = [1, ...Array.from({ length: 150 }, (_, i) => 10 * (i + 1)), 1507];
    for (const each of shown) await parties.reveal(digest, `loss/${each}`, encode([8 * each], 16), analyst.public);
    parties.party.P1.jobs.get(digest)!.results.delete('loss/500');
    parties.tell(digest, { event: 'attempt', attempt: 1, from: 0 }, ...shown.map((each) => step(1, each, true)));
    parties.enter(digest, 'succeeded');
    let asked = 0;
    parties.before = (party, { path }) => {
      if (party === 'P0' && /values|results/.test(path)) asked++;
      return Promise.resolve();
    };
    await watch(client, digest, watcher);
    const wanted = shown.map((each) => [each, each === 500 ? undefined : each]);
    expect(steps.map((report) => [report.step, report.loss])).toEqual(wanted);
    expect(asked).toBeLessThan(10);
  });

  it('tells whom it waits for, and when nobody any more', async () => {
    const at = setting();
    const { parties, client, training } = at;
    const digest = await propose(client, training);
    const { watcher, lines } = seen(at, digest);
    const owner = parties.admit('hospital').id;
    parties.enter(digest, 'awaiting', [owner]);
    const watching = watch(client, digest, watcher);
    await until(() => lines.includes('waiting for 1'));
    parties.enter(digest, 'queued');
    await until(() => lines.includes('waiting for 0'));
    parties.enter(digest, 'refused');
    expect((await watching).state).toBe('refused');
  });

  it('counts what a later attempt repeats once, and forgets what only the helper did', async () => {
    const at = setting();
    const { parties, client, training } = at;
    const digest = await propose(client, training);
    const { watcher, lines, steps } = seen(at, digest);
    const [first, second] = [
      { event: 'attempt', attempt: 1, from: 0 },
      { event: 'attempt', attempt: 2, from: 1, reason: 'P1 was killed' },
    ];
    const rest = [second, step(2, 2), step(2, 3)];
    parties.party.P0.jobs.get(digest)!.events.push(first, step(1, 1), step(1, 2), step(1, 3), ...rest);
    parties.party.P1.jobs.get(digest)!.events.push(first, step(1, 1), step(1, 2), ...rest);
    parties.party.P2.jobs.get(digest)!.events.push(first, step(1, 1), step(1, 2), step(1, 3), step(1, 4), ...rest);
    parties.enter(digest, 'succeeded');
    await watch(client, digest, watcher);
    expect(steps.map((report) => report.step)).toEqual([1, 2, 3]);
    expect(lines.filter((line) => line.startsWith('attempt'))).toEqual(['attempt 1 from 0', 'attempt 2 from 1']);
  });

  it('goes on without a party that cannot be reached, and takes it in again', async () => {
    const at = setting();
    const { parties, client, training } = at;
    const digest = await propose(client, training);
    const { watcher, lines, steps } = seen(at, digest);
    parties.enter(digest, 'running');
    parties.down.add('P2');
    parties.tell(digest, { event: 'attempt', attempt: 1, from: 0 }, step(1, 1));
    const watching = watch(client, digest, watcher);
    await until(() => steps.length === 1);
    expect(steps[0].bytesSent).toEqual({ P0: 100, P1: 100, P2: 0 });
    parties.down.clear();
    await until(() => lines.includes('P2 back'));
    parties.tell(digest, step(1, 2));
    await until(() => steps.length === 2);
    expect(steps[1].bytesSent).toEqual({ P0: 200, P1: 200, P2: 200 });
    parties.down.add('P1');
    parties.enter(digest, 'succeeded');
    const { state, states } = await watching;
    expect([state, states.get('P1')]).toEqual(['succeeded', 'running']);
    expect(lines).toContain('P2 away');
  });

  it('ends when the person leaves, and with what the watcher throws', async () => {
    const at = setting();
    const { parties, client, training } = at;
    const digest = await propose(client, training);
    parties.enter(digest, 'running');
    const leaving = new AbortController();
    setTimeout(() => leaving.abort(new Error('enough')), 50);
    await expect(watch(client, digest, seen(at, digest).watcher, leaving.signal)).rejects.toThrow('enough');
    parties.tell(digest, { event: 'attempt', attempt: 1, from: 0 });
    const faulty = {
      ...seen(at, digest).watcher,
      onAttempt: () => {
        throw new Error('cannot be shown');
      },
    };
    await expect(watch(client, digest, faulty)).rejects.toThrow('cannot be shown');
  });
});

describe('results', () => {
  async function finished(): Promise<Setting & { digest: string; values: Map<string, number[]> }> {
    const at = setting();
    const digest = await propose(at.client, at.training);
    const values = new Map<string, number[]>();
    for (const { name, shape } of parameters(NETWORK)) {
      const numbers = Array.from({ length: sizeOf(shape) }, (_, i) => (i - 3) / 16);
      values.set(name, numbers);
      await at.parties.reveal(digest, `model/${name}`, encode(numbers, 16), at.analyst.public);
    }
    return { ...at, digest, values };
  }

  it('are opened and added up to the model', async () => {
    const { client, digest, training, values } = await finished();
    const model = await fetchModel(client, digest, training);
    for (const [name, numbers] of values) expect([...model.tensors.get(name)!.data]).toEqual(numbers);
  });

  it('say which party did not deliver, or delivered something else', async () => {
    const { parties, client, digest, training } = await finished();
    const results = parties.party.P1.jobs.get(digest)!.results;
    const whole = results.get('model/layers.0.weight')!;
    results.delete('model/layers.0.weight');
    await expect(fetchModel(client, digest, training)).rejects.toThrow(
      "P1 has no share of the model's layers.0.weight; P0's share alone is a random number",
    );
    results.set('model/layers.0.weight', results.get('model/layers.0.bias')!);
    await expect(fetchModel(client, digest, training)).rejects.toThrow(
      "P1: its share of the model's layers.0.weight does not open",
    );
    whole[40] ^= 1;
    results.set('model/layers.0.weight', whole);
    await expect(fetchModel(client, digest, training)).rejects.toThrow('P1: its share');
    parties.down.add('P0');
    await expect(fetchModel(client, digest, training)).rejects.toThrow('P0');
    await expect(
      fetchModel(client, digest, { ...training, reveal: { ...training.reveal, model: false } }),
    ).rejects.toThrow('reveals its model to nobody');
  });

  it('open for the receiver alone', async () => {
    const { parties, digest, training } = await finished();
    const other = parties.client(parties.admit('other'));
    await expect(fetchModel(other, digest, training)).rejects.toThrow('does not open with this identity');
  });
});

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; !holds(); i++) {
    if (i > 1000) throw new Error('it never came');
    await new Promise((go) => setTimeout(go, 10));
  }
}
