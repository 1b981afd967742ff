/**
 * One party's part of a job, from its open links to the last revealed value. The same lines run in P0, P1 and P2: who holds which
 * share is decided where inputs arrive, and inside `protocols/`.
 */
import type { Compute } from '../../runtime/compute.ts';
import { blocks } from '../channel/blocks.ts';
import type { Link, PeerName } from '../channel/channel.ts';
import type { Checkpoint, StoredTensor } from '../data/checkpoint.ts';
import type { CheckpointStore } from '../data/checkpoint-store.ts';
import { revealLabel } from '../data/party-events.ts';
import { awaitAllSent, receiveInput, receiveMasks, relayInput } from '../data/share.ts';
import { infer, inferScores } from '../nn/infer.ts';
import { prepare } from '../nn/micro.ts';
import { classCount, inputSize, type Network, parameters } from '../nn/network.ts';
import { stepsPerEpoch, totalSteps, train, type TrainEvent } from '../nn/train.ts';
import type { Value } from '../engine/engine.ts';
import { held, type OwnedInput } from '../engine/ownedInput.ts';
import { createParty, type PartyId } from '../party/party.ts';
import { createSecureEngine, type SecureEngine } from '../engine/secure.ts';
import { PairStreams } from '../random/streams.ts';
import { sizeOf, type Shape } from '../ring/shape.ts';
import { PartyCheckpoints, Stopping, storedJob } from './checkpoints.ts';
import {
  checkpointDue,
  checkSchedule,
  runOf,
  sharesWeights,
  type InferJob,
  type Job,
  type MicroJob,
  type TrainJob,
} from './job.ts';
import type { Monitor } from './monitor.ts';
import type { Profiling } from './profiling.ts';
import { Reporter } from './reporter.ts';

export interface PartySession {
  readonly id: PartyId;
  readonly links: ReadonlyMap<PeerName, Link>;
  readonly pairKeys: ReadonlyMap<PeerName, Uint8Array>;
  readonly compute: Compute;
  readonly monitor: Monitor;
  /** Where this party's checkpoints are kept, if they are. */
  readonly store?: CheckpointStore | undefined;
  /** Of a run that goes on: the state to go on from. */
  readonly stored?: Checkpoint['tensors'] | undefined;
  /** If a profile is taken. */
  readonly profiling?: Profiling | undefined;
}

interface Running {
  readonly engine: SecureEngine;
  readonly reporter: Reporter;
  readonly id: PartyId;
  /** An input that the owner sends. */
  readonly receive: (name: string, shape: Shape) => Promise<OwnedInput>;
  readonly checkpoints: PartyCheckpoints | undefined;
  readonly stopping: Stopping | undefined;
  /** All parties have their inputs. */
  readonly ready: () => Promise<void>;
}

export async function runJob(job: Job, session: PartySession): Promise<void> {
  const { id, links, pairKeys, compute, monitor } = session;
  if (job.kind === 'train') checkSchedule(job, job.trainImages);
  const owner = links.get('owner');
  if (owner === undefined) throw new Error(`P${id} has no link to the owner`);
  const streams = new Map([...pairKeys].map(([peer, key]) => [peer, new PairStreams(key, compute)]));
  const party = createParty({ id, links, streams, compute, probe: session.profiling?.probe });
  const engine = createSecureEngine(party, {
    suite: job.suite,
    truncation: job.truncation,
    fractionBits: job.fractionBits,
    compareBits: job.compareBits,
    reveal: async (name, share) => {
      for (const { label, from, to } of blocks(revealLabel(name), share.length))
        await owner.send(label, share.subarray(from, to), 0);
    },
  });
  const parties = [...links.values()].filter((link) => link !== owner);
  const reporter = new Reporter({
    owner,
    parties,
    rounds: () => engine.rounds,
    waited: () => monitor.meter.waitSeconds,
    onEvent: (event) => monitor.onEvent(event),
  });
  const ofOwner = { link: owner, streams: streams.get('owner')! };
  const receive: Running['receive'] = (name, shape) => {
    if (id === 2) return receiveMasks(name, ofOwner);
    if (id === 1) return relayInput(name, sizeOf(shape), ofOwner, links.get('P0')!);
    return receiveInput(name, sizeOf(shape), ofOwner.streams, links.get('P1')!);
  };
  const ready: Running['ready'] = async () => {
    await Promise.all([awaitAllSent(owner), checkpoints?.settled()]);
    await reporter.report({ kind: 'ready' });
    session.profiling?.begin(() => engine.rounds);
  };
  const checkpoints = job.kind === 'train' ? await beginCheckpoints(job, owner, session) : undefined;
  const stopping = checkpoints && beginStopping(job as TrainJob, owner);
  const running = { id, engine, reporter, receive, checkpoints, stopping, ready };
  const work = runKind(job, running, session.stored);
  await (checkpoints === undefined ? work : Promise.race([work, checkpoints.failed]));
  await engine.settle();
  await reporter.report({ kind: 'finished' });
  await stopping?.over;
}

function runKind(job: Job, running: Running, stored: Checkpoint['tensors'] | undefined): Promise<void> {
  switch (job.kind) {
    case 'train':
      return runTraining(job, running, stored);
    case 'infer':
      return runInference(job, running);
    case 'micro':
      return runMicro(job, running);
  }
}

/** Before its first step a new run keeps its keys: it can go on from there, and a folder that cannot be written is found out at once. */
async function beginCheckpoints(
  job: TrainJob,
  owner: Link,
  { id, pairKeys, store, monitor }: PartySession,
): Promise<PartyCheckpoints | undefined> {
  if (job.checkpointEvery === undefined) return undefined;
  if (store === undefined) throw new Error('told to keep checkpoints, but not where');
  const keeper = (['P0', 'P1', 'P2'] as const)[id];
  const checkpoint = { keeper, run: runOf(job), job: storedJob(job), keys: pairKeys };
  const onComplete = (step: number): void => monitor.onCheckpoint(step);
  const checkpoints = new PartyCheckpoints(store, owner, checkpoint, job.resume?.step, onComplete);
  if (job.resume === undefined) await checkpoints.save(0, new Map());
  return checkpoints;
}

function beginStopping(job: TrainJob, owner: Link): Stopping {
  return new Stopping(owner, (job.resume?.step ?? 0) + 1, totalSteps(job.trainImages, job));
}

async function runTraining(
  job: TrainJob,
  { id, engine, reporter, receive, checkpoints, stopping, ready }: Running,
  stored: Checkpoint['tensors'] = new Map(),
): Promise<void> {
  const { network, fractionBits } = job;
  const dataset = async (name: string, shape: Shape, bits: number): Promise<Value> =>
    engine.dataset(name, shape, bits, await receive(name, shape));
  const [inputs, classes] = [inputSize(network), classCount(network)];
  // In the order in which the owner sends them.
  const data = {
    images: await dataset('train/images', [job.trainImages, inputs], fractionBits),
    labels: await dataset('train/labels', [job.trainImages, classes], 0),
    ...(job.testImages > 0 && {
      testImages: await dataset('test/images', [job.testImages, inputs], fractionBits),
      testLabels: await dataset('test/labels', [job.testImages, classes], 0),
    }),
  };
  const weights = sharesWeights(job) ? await receiveModel(network, fractionBits, { id, engine, receive }) : undefined;
  await ready();
  const perEpoch = stepsPerEpoch(job.trainImages, job.batch);
  const onEvent = async (event: TrainEvent): Promise<void> => {
    if (event.kind === 'testing') return reporter.testing(event);
    // The helper runs ahead. It catches up before and after an evaluation, so that each one's traffic is its own.
    const between = job.steps ?? perEpoch;
    if (event.kind === 'evaluated' || event.step % between === 0) await engine.settle();
    await reporter.report(event);
  };
  const onState = async (step: number, state: ReadonlyMap<string, Value>): Promise<void> => {
    const ends = (await stopping?.endsAfter(step)) ?? false;
    if (checkpoints === undefined || !(ends || checkpointDue(step, job))) return;
    const tensors = new Map<string, StoredTensor>();
    for (const [name, x] of state) {
      tensors.set(name, { shape: x.shape, fractionBits: x.fractionBits, ...(await engine.held(x)) });
    }
    await checkpoints.save(step, tensors);
    // The owner ends the session when all four have it: until then this party does nothing more.
    if (ends) await checkpoints.failed;
  };
  const state = new Map(
    [...stored].map(([name, x]) => [name, engine.input(`state/${name}`, x.shape, x.fractionBits, x.data, x.opening)]),
  );
  const step = job.resume?.step ?? 0;
  const from = step > 0 ? { step, state } : weights && { step, state: weights };
  await train(engine, network, data, job, onEvent, { from, onState });
  await checkpoints?.settled();
}

/** An owner's weights, in the order in which it sends them. */
async function receiveModel(
  network: Network,
  fractionBits: number,
  { id, engine, receive }: Pick<Running, 'id' | 'engine' | 'receive'>,
): Promise<Map<string, Value>> {
  const model = new Map<string, Value>();
  for (const { name, shape } of parameters(network)) {
    const { data, opening } = held(id, await receive(`model/${name}`, shape), sizeOf(shape));
    model.set(name, engine.input(`model/${name}`, shape, fractionBits, data, opening));
  }
  return model;
}

async function runInference(job: InferJob, { id, engine, reporter, receive, ready }: Running): Promise<void> {
  const { network, fractionBits } = job;
  const model = await receiveModel(network, fractionBits, { id, engine, receive });
  const shape = [job.images, inputSize(network)];
  const images = engine.dataset('images', shape, fractionBits, await receive('images', shape));
  await ready();
  const revealed = job.scores === true ? inferScores : infer;
  for (let batch = 0, from = 0; from < job.images; batch++, from += job.batch) {
    const indices = Array.from({ length: Math.min(job.batch, job.images - from) }, (_, i) => from + i);
    await engine.scope(`batch/${batch}`, async (scope) => {
      const rows = scope.rows(images, indices);
      await scope.reveal(`prediction/${batch}`, await revealed(scope, network, model, rows));
    });
    await engine.settle();
    await reporter.report({ kind: 'batch', batch });
  }
}

/** Two events a repetition: what it needs is there; it is done. */
async function runMicro(job: MicroJob, { engine, reporter, ready }: Running): Promise<void> {
  await ready();
  let batch = 0;
  for (const [index, operation] of job.operations.entries()) {
    for (let repetition = 0; repetition < job.repetitions; repetition++) {
      const path = `${index}/${repetition}`;
      const measured = await engine.scope(`${path}/before`, (before) => prepare(before, operation));
      await engine.settle();
      await reporter.report({ kind: 'batch', batch: batch++ });
      await engine.scope(path, measured);
      await engine.settle();
      await reporter.report({ kind: 'batch', batch: batch++ });
    }
  }
}
