/** A job in plain words, for those who decide on it: whose data it uses, how, what comes out and who gets it, and until when it may start. */
import type { Digest } from '../../federation/canonical.ts';
import type { DataReference, GrantDocument, JobDocument, Revealed, TrainDocument } from '../../federation/documents.ts';
import { idOf } from '../../federation/public-identity.ts';
import type { Received } from '../../federation/received-form.ts';
import { sizeInWords } from '../../data/elements.ts';
import { scalingInWords } from '../../data/scaling.ts';
import { namesInWords } from '../../federation/value-facts.ts';
import { classCount, parameters } from '../../nn/network.ts';
import { stepsPerEpoch, totalSteps } from '../../nn/train.ts';
import { sizeOf } from '../../ring/shape.ts';
import { printable } from './client.ts';
import type { Directory } from './directory.ts';
import { SHORT } from '../../federation/canonical.ts';
import type { ListedData } from './owned.ts';

/** What stands before the words, and the words; several lines where there are several things. */
export type Section = readonly [label: string, ...lines: string[]];

export interface Surroundings {
  readonly directory: Directory;
  /** As the parties list them. */
  readonly data: readonly ListedData[];
}

export function describeJob({ digest, document, author }: Received<JobDocument>, around: Surroundings): Section[] {
  const { directory } = around;
  const title = printable(document.title);
  return [
    ['job', digest, ...(title === '' ? [] : [`"${title}"`])],
    ['proposed by', directory.inWords(author)],
    ...describeValues(document),
    ...(document.kind === 'train' ? describeTraining(document, around) : describeServing(document, directory)),
    ['valid', `it can start once, until ${moment(document.expires)}`],
  ];
}

/** Where there is something to say of them. */
function describeValues(document: JobDocument): Section[] {
  const { scaling, classNames } = document;
  const lines = [
    ...(scaling === undefined ? [] : [scalingInWords(scaling)]),
    ...(classNames === undefined ? [] : [namesInWords(document)]),
  ];
  return lines.length === 0 ? [] : [['values', ...lines]];
}

function describeTraining(document: TrainDocument, around: Surroundings): Section[] {
  const { network, train, test, batch, microBatch, ranks, reveal, receiver, keepModel } = document;
  const receives = around.directory.inWords(idOf(receiver));
  const images = countImages(train, around.data);
  const steps = images === undefined ? undefined : totalSteps(images, document);
  const long =
    document.steps === undefined
      ? `${document.epochs} epochs${steps === undefined || images === undefined ? '' : ` (${steps} steps, ${stepsPerEpoch(images, batch)} an epoch)`}`
      : `${document.steps} steps`;
  const { optimizer, learningRate, lrDecay, lrDecayEpochs, momentum, loss, seed } = document;
  const decay = lrDecay === 1 ? '' : `, times ${lrDecay} every ${lrDecayEpochs} epochs`;
  const begins =
    document.from === undefined
      ? `begins with public random weights (seed ${seed})`
      : `begins with the model that job ${document.from.slice(0, SHORT)} left shared`;
  return [
    [
      'trains',
      `network ${printable(network.name)}: ${shapeOf(document)}, ${parameterCount(document)} weights`,
      `${long} of ${batch} images${microBatch === undefined ? '' : `, ${microBatch} computed at a time`}${ranks === undefined ? '' : ` by ${ranks} ranks of each party`}; ${optimizer} at a rate of ${learningRate}${decay}${optimizer === 'sgd' ? `, momentum ${momentum}` : ''}; loss ${loss}`,
      begins,
      protocolsInWords(document),
    ],
    ['on', ...describeData(train, around)],
    ['tested on', ...(test.length === 0 ? ['nothing'] : describeData(test, around))],
    ['reveals', ...revealedInWords(reveal, receives)],
    ['stays shared', keepInWords(keepModel)],
  ];
}

function describeServing(document: Extract<JobDocument, { kind: 'serve' }>, directory: Directory): Section[] {
  const { model, clients, reveal, maxImages, maxImagesEach, network, ranks } = document;
  const each = maxImagesEach === undefined ? '' : `, ${maxImagesEach} to each`;
  const what =
    reveal === 'class'
      ? 'to who asked, of each image its class, nothing else'
      : 'to who asked, of each image the scores of all classes: with many of them a model can be copied in part';
  return [
    [
      'serves',
      `the model that job ${model.slice(0, SHORT)} left shared: network ${printable(network.name)}, ${shapeOf(document)}${ranks === undefined ? '' : `; by ${ranks} ranks of each party`}`,
      protocolsInWords(document),
    ],
    [
      'to',
      ...(clients === 'anyone'
        ? ['anyone who finds it, visitors of a page as well, whom nobody has admitted; each party limits their rate']
        : clients.map((id) => directory.inWords(id))),
    ],
    ['reveals', what],
    ['at most', `${maxImages} images in all${each}; no party sees an image or an answer`],
  ];
}

function protocolsInWords({ suite, truncation, fractionBits, security }: JobDocument): string {
  const cheating = security === 'private' ? '; a party that cheats learns nothing' : '';
  return `protocols: ${suite}, ${truncation} truncation, ${fractionBits} fractional bits${cheating}`;
}

/** What `reveal` gives away, a line each. */
export function revealedInWords({ model, loss, counts }: Revealed, receiver: string): string[] {
  const lines = [
    ...(model
      ? [`to ${receiver}: the trained model; who has it can learn something of the data that it was trained on`]
      : []),
    ...(loss ? [`to ${receiver}: the mean loss of every tenth step`] : []),
    ...(counts === 'total' ? [`to ${receiver}: how many test images are right, after each evaluation`] : []),
    ...(counts === 'per-class'
      ? [`to ${receiver}: how many test images of each class are right, after each evaluation`]
      : []),
  ];
  return lines.length === 0 ? ['nothing to anybody'] : lines;
}

export function keepInWords(keepModel: boolean): string {
  return keepModel
    ? "the model, at the parties: each job that trains on it or serves it needs its owners' approval again"
    : 'nothing: what is not revealed is removed at the end';
}

/** A standing grant, for whoever gives it. */
export function describeGrant(
  {
    data,
    analyst,
    networks,
    reveal,
    keepModel,
    maxRuns,
    until,
  }: Omit<GrantDocument, 'securenn' | 'federation' | 'nonce'>,
  around: Surroundings,
): Section[] {
  const { directory } = around;
  const trusted = directory.inWords(analyst);
  return [
    ['grants', `${trusted} may have trainings run without asking again`],
    ['on', ...data.map((digest) => labelled(digest, around))],
    ['networks', networks === 'any' ? 'any' : networks.map((each) => each.slice(0, SHORT)).join(', ')],
    ['may reveal', ...revealedInWords(reveal, trusted)],
    ['stays shared', keepModel ? `the model may: ${keepInWords(true)}` : 'nothing may'],
    ['valid', `for ${maxRuns} ${maxRuns === 1 ? 'run' : 'runs'}, until ${moment(until)}`],
  ];
}

function describeData(references: readonly DataReference[], around: Surroundings): string[] {
  return references.map(({ owner, name, digest }) => {
    const whose = around.directory.isSelf(owner) ? ' (yours)' : '';
    const found = around.data.find((each) => each.digest === digest)?.document;
    const label = `${around.directory.nameOf(owner)}/${name}${whose}`;
    if (found === undefined) return `${label}, ${digest.slice(0, SHORT)}: the parties that were reached do not show it`;
    return `${label}: ${found.images} images of ${sizeInWords(found)}, ${found.classes} classes; ${digest.slice(0, SHORT)}`;
  });
}

function labelled(digest: Digest, { data, directory }: Surroundings): string {
  const found = data.find((each) => each.digest === digest);
  return found === undefined ? digest.slice(0, SHORT) : `${directory.nameOf(found.owner)}/${found.document.name}`;
}

/** Undefined when one of the sets is not listed. */
export function countImages(references: readonly DataReference[], data: readonly ListedData[]): number | undefined {
  const counts = references.map(({ digest }) => data.find((each) => each.digest === digest)?.document.images);
  return counts.reduce<number | undefined>(
    (sum, each) => (sum === undefined || each === undefined ? undefined : sum + each),
    0,
  );
}

/** `784-128-128-10`, or what goes in and what comes out. */
function shapeOf({ network }: Pick<JobDocument, 'network'>): string {
  const { input, layers } = network;
  const plain = layers.every(
    ({ type, from }) => from === undefined && (type === 'dense' || type === 'relu' || type === 'flatten'),
  );
  const units = layers.flatMap((layer) => (layer.type === 'dense' ? [layer.units] : []));
  return plain
    ? [input.join('x'), ...units].join('-')
    : `${layers.length} layers from ${input.join('x')} to ${classCount(network)}`;
}

function parameterCount({ network }: Pick<JobDocument, 'network'>): number {
  return parameters(network).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}

/** By the clock of whoever reads it, to the minute. */
export function moment(iso: string): string {
  const at = new Date(iso);
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}
