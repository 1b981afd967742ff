/**
 * One party's part of a job, from its open links to the last revealed value. The same lines run in P0, P1 and P2: who holds which
 * share is decided where inputs arrive, and inside `protocols/`.
 */
import type { Compute } from '../../runtime/compute.ts';
import type { Link, PeerName } from '../channel/channel.ts';
import type { StoredCheckpoint, TensorSource } from '../data/checkpoint.ts';
import type { CheckpointStore } from '../data/checkpoint-store.ts';
import { type Parameters, prepared } from '../nn/forward.ts';
import { checkRanksOfInference, inferBatch } from '../nn/infer.ts';
import { prepare } from '../nn/micro.ts';
import { modelTensors } from '../nn/modelTensors.ts';
import { classCount, inputSize, type Network, parameters } from '../nn/network.ts';
import { stepsPerEpoch, totalSteps, train, type TrainEvent, type TrainingData } from '../nn/train.ts';
import { warmTraining } from '../nn/warm.ts';
import type { WholeState } from '../nn/wholeState.ts';
import type { Value } from '../engine/engine.ts';
import { createParty, type PartyId } from '../party/party.ts';
import { createSecureEngine, type SecureEngine } from '../engine/secure.ts';
import { PairStreams } from '../random/streams.ts';
import type { Shape } from '../ring/shape.ts';
import { PartyCheckpoints, storedJob } from './checkpoints.ts';
import type { JobEnds, ServedBatch, TrainingEnds } from './job-ends.ts';
import {
  checkpointDue,
  checkSchedule,
  runOf,
  sharesWeights,
  type InferJob,
  type Job,
  type MicroJob,
  type ServeJob,
  type TrainJob,
} from './job.ts';
import { fewValuesOf, keysAhead } from './keys-ahead.ts';
import type { Monitor } from './monitor.ts';
import type { Profiling } from './profiling.ts';
import { giveModel } from './ranks/model.ts';
import { nothingOf } from './ranks/rows.ts';
import { answerElsewhere } from './ranks/serving.ts';
import type { Ranks } from './ranks/ranks.ts';
import { Reporter } from './reporter.ts';
import { serve, warm } from './serve-job.ts';
import type { Stopping } from './stopping.ts';
import { workersLedger } from './workers-ledger.ts';

export interface PartySession {
  readonly id: PartyId;
  readonly links: ReadonlyMap<PeerName, Link>;
  readonly pairKeys: ReadonlyMap<PeerName, Uint8Array>;
  readonly ends: JobEnds;
  readonly compute: Compute;
  readonly monitor: Monitor;
  /** Where this party's checkpoints are kept, if they are. */
  readonly store?: CheckpointStore | undefined;
  /** Of a run that goes on: the state to go on from. */
  readonly stored?: StoredCheckpoint['tensors'] | undefined;
  /** If a profile is taken. */
  readonly profiling?: Profiling | undefined;
  /** The other ranks of this party, if there are any. */
  readonly ranks?: Ranks | undefined;
}

export type JobOutcome =
  | { readonly kind: 'done' }
  /** It was told to stop, and has, after this step. */
  | { readonly kind: 'stopped'; readonly step: number };

interface Running {
  readonly id: PartyId;
  readonly engine: SecureEngine;
  /** In a private session: what was to be revealed leaves once the workers have opened the same. @param always also where nothing is */
  readonly agree: (always?: boolean) => Promise<void>;
  readonly reporter: Reporter;
  readonly ends: JobEnds;
  readonly checkpoints: PartyCheckpoints | undefined;
  readonly stopping: Stopping | undefined;
  readonly ranks: Ranks | undefined;
  /** All parties have their inputs. @param before what is done then, before the job counts as begun */
  readonly ready: (before?: () => Promise<void>) => Promise<void>;
}

/** Leaves a training at a step. */
class StoppedEarly extends Error {
  readonly step: number;

  constructor(step: number) {
    super(`stopped after step ${step}`);
    this.step = step;
  }
}

export async function runJob(job: Job, session: PartySession): Promise<JobOutcome> {
  const { id, links, pairKeys, ends, compute, monitor, ranks } = session;
  if (job.kind === 'train') checkSchedule(job, job.trainImages);
  const streams = new Map([...pairKeys].map(([peer, key]) => [peer, new PairStreams(key, compute)]));
  const party = createParty({
    ...{ id, rank: 0, links, streams, compute, security: job.security },
    ledger: workersLedger(job, id, streams),
    probe: session.profiling?.probe,
  });
  const engine = createSecureEngine(party, {
    suite: job.suite,
    truncation: job.truncation,
    fractionBits: job.fractionBits,
    compareBits: job.compareBits,
    few: fewValuesOf(job),
    reveal: (name, share) => ends.reveal(name, share),
  });
  const reporter = new Reporter({
    tell: (event) => ends.report(event),
    parties: [...links.values()].filter((link) => link.peer !== 'owner'),
    ranks: monitor.rankCounters,
    rounds: () => engine.rounds,
    waited: () => monitor.meter.waitSeconds,
    onEvent: (event) => monitor.onEvent(event),
  });
  const ready: Running['ready'] = async (before) => {
    await Promise.all([ends.allThere(), checkpoints?.settled()]);
    ranks?.work(pairKeys);
    await before?.();
    await reporter.report({ kind: 'ready' });
    session.profiling?.begin(() => engine.rounds);
  };
  const checkpoints = job.kind === 'train' ? await beginCheckpoints(job, session) : undefined;
  const stopping = checkpoints && beginStopping(job as TrainJob, ends);
  const agree = (always = false): Promise<void> =>
    engine.agree({ always, others: ranks && (() => ranks.team.agree()) });
  const running = { id, engine, agree, reporter, ends, checkpoints, stopping, ranks, ready };
  const work = runKind(job, running, session.stored);
  try {
    await (checkpoints === undefined ? work : Promise.race([work, checkpoints.failed]));
  } catch (error) {
    if (!(error instanceof StoppedEarly)) throw error;
    await ranks?.end();
    return { kind: 'stopped', step: error.step };
  }
  await engine.settle();
  await engine.end();
  await ranks?.end();
  await reporter.report({ kind: 'finished' });
  await ends.finish();
  return { kind: 'done' };
}

function runKind(job: Job, running: Running, stored: StoredCheckpoint['tensors'] | undefined): Promise<void> {
  switch (job.kind) {
    case 'train':
      return runTraining(job, running, stored);
    case 'infer':
      return runInference(job, running);
    case 'serve':
      return runServing(job, running);
    case 'micro':
      return runMicro(job, running);
  }
}

/** Before its first step a new run keeps its keys: it can go on from there, and a folder that cannot be written is found out at once. */
async function beginCheckpoints(
  job: TrainJob,
  { id, pairKeys, ends, store, monitor }: PartySession,
): Promise<PartyCheckpoints | undefined> {
  if (job.checkpointEvery === undefined) return undefined;
  if (store === undefined) throw new Error('told to keep checkpoints, but not where');
  const keeper = (['P0', 'P1', 'P2'] as const)[id];
  const checkpoint = { keeper, run: runOf(job), job: storedJob(job), keys: pairKeys };
  const onComplete = (step: number): void => monitor.onCheckpoint(step);
  const checkpoints = new PartyCheckpoints(
    store,
    (step) => trainingOf(ends).agreeOn(step),
    checkpoint,
    job.resume?.step,
    onComplete,
  );
  if (job.resume === undefined) await checkpoints.save(0, new Map());
  return checkpoints;
}

function beginStopping(job: TrainJob, ends: JobEnds): Stopping {
  return trainingOf(ends).stopping((job.resume?.step ?? 0) + 1, totalSteps(job.trainImages, job));
}

function trainingOf({ training }: JobEnds): TrainingEnds {
  if (training === undefined) throw new Error('a training was given ends of another job');
  return training;
}

async function runTraining(
  job: TrainJob,
  { engine, agree, reporter, ends, checkpoints, stopping, ranks, ready }: Running,
  stored: StoredCheckpoint['tensors'] | undefined,
): Promise<void> {
  const { network, fractionBits } = job;
  const dataset = async (name: string, shape: Shape, bits: number): Promise<Value> => {
    const input = await ends.receive(name, shape);
    if (input.opened !== null) engine.noteOpened(name, input.opened);
    return engine.dataset(name, shape, bits, ranks?.input(name, shape, bits, input) ?? input);
  };
  const [inputs, classes] = [inputSize(network), classCount(network)];
  // While inputs are on their way. Ranks are for networks that need none.
  const warming = ranks === undefined ? warmTraining(engine, network, job.trainImages, job) : Promise.resolve();
  // In the order in which an owner sends them.
  const receiveData = async (): Promise<TrainingData> => ({
    images: await dataset('train/images', [job.trainImages, inputs], fractionBits),
    labels: await dataset('train/labels', [job.trainImages, classes], 0),
    ...(job.testImages > 0 && {
      testImages: await dataset('test/images', [job.testImages, inputs], fractionBits),
      testLabels: await dataset('test/labels', [job.testImages, classes], 0),
    }),
  });
  const receiveAll = async (): Promise<readonly [TrainingData, Map<string, Value> | undefined]> => [
    await receiveData(),
    sharesWeights(job) ? await receiveModel(network, fractionBits, engine, ends) : undefined,
  ];
  const [[data, weights]] = await Promise.all([receiveAll(), warming]);
  await ready();
  const perEpoch = stepsPerEpoch(job.trainImages, job.batch);
  const onEvent = async (event: TrainEvent): Promise<void> => {
    if (event.kind === 'testing') return reporter.testing(event);
    await agree();
    // The helper runs ahead. It catches up before and after an evaluation, so that each one's traffic is its own.
    const between = job.steps ?? perEpoch;
    if (event.kind === 'evaluated' || event.step % between === 0) await engine.settle();
    await reporter.report(event);
  };
  const onState = async (step: number, state: () => Promise<WholeState>): Promise<void> => {
    const last = (await stopping?.endsAfter(step)) ?? false;
    if (checkpoints === undefined || !(last || checkpointDue(step, job))) return;
    await agree(true);
    await checkpoints.save(step, sourceOf(engine, await state()));
    if (!last) return;
    await Promise.race([checkpoints.settled().then(() => trainingOf(ends).stopped()), checkpoints.failed]);
    throw new StoppedEarly(step);
  };
  async function* storedState(tensors: ReturnType<StoredCheckpoint['tensors']>): AsyncGenerator<[string, Value], void> {
    for await (const [name, x] of tensors) {
      // Where a party may bring about that the others go back, nothing is taken up as it was: other shares, opened anew.
      const { data, opening } =
        job.security === 'private' ? { data: engine.refreshed(name, x.data), opening: undefined } : x;
      yield [name, engine.input(`state/${name}`, x.shape, x.fractionBits, data, opening)];
    }
  }
  const step = job.resume?.step ?? 0;
  const from =
    step > 0 && stored !== undefined
      ? { step, state: storedState(stored()) }
      : weights && { step, state: emptied(weights) };
  const onTrained = async (weights: () => Promise<WholeState>): Promise<void> => {
    await agree(job.keepModel === true);
    if (job.keepModel === true) await trainingOf(ends).keepModel(sourceOf(engine, await weights()));
  };
  await train(engine, network, data, job, onEvent, { from, onState, onTrained, team: ranks?.team });
  await checkpoints?.settled();
}

/** A map's entries, each of which it has until then. */
function* emptied<K, V>(map: Map<K, V>): Generator<[K, V], void> {
  for (const entry of map) {
    map.delete(entry[0]);
    yield entry;
  }
}

/** What this party holds of values, to be written. */
function sourceOf(engine: SecureEngine, whole: WholeState): TensorSource {
  return {
    facts: whole.facts((x) => engine.opened(x)),
    async *held() {
      for await (const [, x] of whole.values()) yield engine.held(x);
    },
  };
}

/** The weights that the job is given, in the order in which an owner sends them. */
async function receiveModel(
  network: Network,
  fractionBits: number,
  engine: SecureEngine,
  ends: JobEnds,
): Promise<Map<string, Value>> {
  const model = new Map<string, Value>();
  for (const { name, shape } of parameters(network)) {
    const { data, opening } = await ends.receiveWeight(`model/${name}`, shape);
    if (data !== null && opening !== undefined) engine.noteOpened(`model/${name}`, opening);
    model.set(name, engine.input(`model/${name}`, shape, fractionBits, data, opening));
  }
  return model;
}

async function runInference(job: InferJob, { engine, agree, reporter, ends, ranks, ready }: Running): Promise<void> {
  const { network, fractionBits } = job;
  const received = await receiveModel(network, fractionBits, engine, ends);
  const shape = [job.images, inputSize(network)];
  const given = await ends.receive('images', shape);
  if (given.opened !== null) engine.noteOpened('images', given.opened);
  const ours = ranks?.input('images', shape, fractionBits, given) ?? given;
  const images = engine.dataset('images', shape, fractionBits, ours);
  await ready(async () => engine.keepAhead(await keysAhead(job)));
  const model = await prepared(engine, network, received);
  const team = ranks?.team;
  checkRanksOfInference(job.images, { ...job, team });
  if (ranks !== undefined) await giveModel(engine, ranks, modelTensors(network, job), model);
  for (let batch = 0; batch * job.batch < job.images; batch++) {
    await team?.begin({ kind: 'inference', batch });
    await engine.scope(`batch/${batch}`, async (scope) => {
      const results = await inferBatch(scope, network, model, images, batch, { ...job, team });
      await scope.reveal(`prediction/${batch}`, results!);
    });
    await agree();
    await engine.settle();
    await reporter.report({ kind: 'batch', batch });
  }
}

/** An event an input. */
async function runServing(job: ServeJob, { engine, agree, reporter, ends, ranks, ready }: Running): Promise<void> {
  const { serving } = ends;
  if (serving === undefined) throw new Error('a serving session was given ends of another job');
  const received = await receiveModel(job.network, job.fractionBits, engine, ends);
  let model: Parameters = received;
  await ready(async () => {
    model = await prepared(engine, job.network, received);
    await warm(job, { engine, model });
    if (ranks !== undefined) await giveModel(engine, ranks, modelTensors(job.network, job), model);
    await ranks?.team.join(engine, 'warm', nothingOf(ranks.size), undefined);
    await agree(true);
    await engine.keepAhead(await keysAhead(job));
  });
  const answered = (n: number): Promise<void> => reporter.report({ kind: 'batch', batch: n });
  const elsewhere = async (batch: ServedBatch): Promise<boolean> => {
    const answers = ranks && (await answerElsewhere(engine, ranks, job, batch));
    if (answers === undefined) return false;
    if (answers.share !== null) await ends.reveal(`answer/${batch.n}`, answers.share);
    return true;
  };
  await serve(job, { engine, serving, model, ranks: ranks?.size ?? 1, elsewhere, answered });
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
