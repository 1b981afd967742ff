/** A training as its analyst describes it on the command line: the options of `local train`, on data sets of several owners. */
import { randomBytes } from 'node:crypto';
import type { Options } from 'yargs';
import type { FederationClient } from '../../client/federated/client.ts';
import type { Surroundings } from '../../client/federated/describe.ts';
import { Directory } from '../../client/federated/directory.ts';
import { findJob } from '../../client/federated/jobs.ts';
import { findData, isReady, labelOf, listData, stateInWords, type ListedData } from '../../client/federated/owned.ts';
import { Problem } from '../../data/problem.ts';
import type { DataReference, TrainDocument } from '../../federation/documents.ts';
import { differenceOfFacts, factsOf } from '../../federation/value-facts.ts';
import { classCount } from '../../nn/network.ts';
import { checkSchedule, JOB_VERSION } from '../../server/job.ts';
import { fittingPart } from '../../server/micro-batch.ts';
import { checkNetworkFits } from '../checks.ts';
import { dataOptions } from '../options/data.ts';
import { readTrainSettings, trainOptions, type TrainSettings } from '../options/training.ts';
import { integer, number, optionalText, RESULTS, TASK, text, CHECKPOINTS, type Argv } from '../options/values.ts';
import { list, memberOptions, moment } from './options.ts';

/** Options of a training on this machine that say nothing about a job of three organisations. */
const OF_THIS_MACHINE: ReadonlySet<string> = new Set([
  'data',
  ...Object.keys(dataOptions),
  'train-images',
  'test-images',
  'from',
  'insecure-keys',
  'backend',
  'fallback-adapter',
  'workers',
  'port',
  'timeout',
  'link',
  'json',
  'profile',
  'log-level',
  'log-file',
  'metrics',
  'out',
]);

export const proposalOptions: Readonly<Record<string, Options>> = {
  ...memberOptions,
  data: {
    ...text,
    group: TASK,
    defaultDescription: 'must be given',
    describe: 'Data sets to train on, in this order: OWNER/NAME,OWNER/NAME (securenn data list)',
  },
  test: { ...text, group: TASK, defaultDescription: 'no test', describe: 'Data sets to test on: OWNER/NAME,…' },
  ...Object.fromEntries(Object.entries(trainOptions).filter(([name]) => !OF_THIS_MACHINE.has(name))),
  'from-job': {
    ...text,
    group: TASK,
    defaultDescription: 'initial weights by --seed',
    describe: 'Begin with the weights that this training left shared (--keep-model)',
  },
  title: { ...text, group: TASK, defaultDescription: 'none', describe: 'What it is for, in words for the owners' },
  expires: { ...text, group: TASK, default: '7d', describe: 'It may start until then: 7d, 12h, or a date' },
  'checkpoint-every': {
    ...number,
    group: CHECKPOINTS,
    default: 100,
    describe: 'The parties keep a checkpoint after so many steps, each epoch and at the end, to go on after a crash',
  },
  receiver: {
    ...text,
    group: RESULTS,
    defaultDescription: 'you',
    describe: 'Who gets what is revealed, sealed to its key: a name or an id',
  },
  'reveal-model': {
    type: 'boolean',
    group: RESULTS,
    default: true,
    describe: 'Reveal the trained model to the receiver; with --no-reveal-model it stays shared or is removed',
  },
  'keep-model': {
    type: 'boolean',
    group: RESULTS,
    default: false,
    describe: 'The model stays shared at the parties, to be served or trained on by jobs that the owners approve',
  },
  counts: {
    type: 'boolean',
    group: RESULTS,
    default: true,
    describe: 'Reveal how many test images are right; --no-counts: nothing is tested',
  },
};

export interface Proposal {
  readonly document: TrainDocument;
  readonly around: Surroundings;
}

/** What readers of training options expect that a federated training has not. */
export function trainingOf(argv: Argv): TrainSettings {
  return readTrainSettings({ backend: 'auto', ...argv, data: 'mnist', json: undefined, out: undefined });
}

export async function readProposal(client: FederationClient, argv: Argv): Promise<Proposal> {
  checkAsked(argv);
  const settings = trainingOf(argv);
  const directory = await Directory.of(client);
  const data = await listData(client);
  const find = (option: string): ListedData[] =>
    list(argv, option).map((name) => findData(name, data, directory, option));
  const [train, test] = [find('data'), find('test')];
  checkSets(settings, train, test, directory);
  const { network, suite, truncation, fractionBits, compareBits, batch, epochs, steps, loss, optimizer } = settings;
  const { security } = settings;
  const { learningRate, lrDecay, lrDecayEpochs, momentum, seed, perClass, showLoss } = settings;
  const images = (sets: readonly ListedData[]): number => sets.reduce((sum, set) => sum + set.document.images, 0);
  const samples = { trainImages: images(train), testImages: argv.counts === false ? 0 : images(test) };
  const fitting = settings.memory === undefined ? undefined : await fittingPart(settings, samples, settings.memory);
  const microBatch = fitting ?? settings.microBatch;
  const tested = test.length > 0 && argv.counts !== false;
  if (test.length > 0 && !tested)
    throw new Problem('--test and --no-counts: what is tested, if nobody learns it?', 'leave one of them out');
  if (test.length === 0 && perClass === true)
    throw new Problem('--per-class: counts of which test?', 'name test sets with --test, or leave --per-class out');
  const receiver = optionalText(argv, 'receiver');
  const from = optionalText(argv, 'from-job');
  const document: TrainDocument = {
    securenn: 'job',
    kind: 'train',
    version: JOB_VERSION,
    federation: client.federation.id,
    title: optionalText(argv, 'title') ?? '',
    ...{ network, suite, truncation, fractionBits, compareBits, batch, loss, optimizer },
    ...(security && { security }),
    ...factsOf(train[0].document),
    ...(microBatch === undefined ? {} : { microBatch }),
    ...(settings.ranks === undefined ? {} : { ranks: settings.ranks }),
    ...(epochs === undefined ? {} : { epochs }),
    ...(steps === undefined ? {} : { steps }),
    ...{ learningRate, lrDecay, lrDecayEpochs, momentum, seed },
    train: train.map(referenceTo),
    test: test.map(referenceTo),
    checkpointEvery: integer(argv, 'checkpoint-every', 1, 10_000_000, 100),
    ...(from === undefined ? {} : { from: await findJob(client, from) }),
    reveal: {
      model: argv['reveal-model'] !== false,
      loss: showLoss,
      counts: !tested ? 'none' : perClass === true ? 'per-class' : 'total',
    },
    receiver: receiver === undefined ? client.identity.public : directory.find(receiver, 'receiver').identity,
    keepModel: argv['keep-model'] === true,
    expires: moment(argv, 'expires', '7d', client.now()),
    nonce: randomBytes(16).toString('hex'),
  };
  return { document, around: { directory, data } };
}

/** Before anything is read: who means the three parties of this machine is told so. */
export function checkAsked(argv: Argv): void {
  if (argv.data !== undefined) return;
  throw new Problem(
    '--data: which data sets are trained on?',
    'name them (securenn data list); with all three parties on this machine: securenn local train',
  );
}

function referenceTo({ owner, document, digest }: ListedData): DataReference {
  return { owner, name: document.name, digest };
}

/** Everything the parties would refuse for, said before anybody is asked. */
function checkSets(
  settings: TrainSettings,
  train: readonly ListedData[],
  test: readonly ListedData[],
  directory: Directory,
): void {
  if (train.length === 0) throw new Problem('--data: no data set', 'name one at least: securenn data list');
  const { network, batch, fractionBits } = settings;
  for (const set of [...train, ...test]) {
    const name = labelOf(set, directory);
    if (!isReady(set)) {
      throw new Problem(
        `${name} is not ready: ${stateInWords(set.states)}`,
        `its owner, ${directory.nameOf(set.owner)}, has to end the upload (securenn data put)`,
      );
    }
    const { document } = set;
    checkNetworkFits({ ...document, name }, network);
    if (document.classes !== classCount(network)) {
      throw new Problem(
        `network ${network.name} has ${classCount(network)} classes, ${name} ${document.classes}`,
        'give a network whose last layer has a unit for each class, or other data sets',
      );
    }
    if (document.fractionBits !== fractionBits) {
      throw new Problem(
        `${name} is stored with ${document.fractionBits} fractional bits, the job has ${fractionBits}`,
        `add --fraction-bits ${document.fractionBits}`,
      );
    }
  }
  const [first, ...others] = [...train, ...test];
  for (const set of others) {
    const different = differenceOfFacts(first.document, set.document);
    if (different === undefined) continue;
    throw new Problem(
      `${labelOf(set, directory)} has ${different[1]}, ${labelOf(first, directory)} ${different[0]}`,
      "one of the two owners has to store its set again, with the other's --divide-by, --mean, --std and --classes",
    );
  }
  const twice = [train, test].flatMap((sets) =>
    sets.filter((set, i) => sets.findIndex((s) => s.digest === set.digest) < i),
  )[0];
  if (twice !== undefined) throw new Problem(`${labelOf(twice, directory)} is named twice`, 'name it once');
  const images = train.reduce((sum, { document }) => sum + document.images, 0);
  if (batch > images)
    throw new Problem(`--batch: ${batch} images a step, but the data sets have ${images}`, 'give a smaller --batch');
  checkSchedule(settings, images);
}

/** Settings of a run that is described by a document, for whoever shows or reports it. */
export function settingsOf(document: TrainDocument, trainImages: number, testImages: number): TrainSettings {
  const { network, suite, truncation, fractionBits, compareBits, security, batch, microBatch } = document;
  const { epochs, steps, loss, optimizer } = document;
  const { learningRate, lrDecay, lrDecayEpochs, momentum, seed, reveal } = document;
  return {
    ...trainingOf({ suite: 'direct', optimizer: 'sgd', loss: 'softmax' }),
    ...{ network, suite, truncation, fractionBits, compareBits, security, batch, microBatch },
    ...{ epochs, steps, loss, optimizer },
    ...{ learningRate, lrDecay, lrDecayEpochs, momentum, seed, trainImages, testImages },
    showLoss: reveal.loss,
    perClass: reveal.counts === 'per-class' ? true : undefined,
    data: '',
  };
}
