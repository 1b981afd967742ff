/** What a training or an inference sends and computes, counted without running it (`engine/counting.ts`). */
import { TAG_BYTES } from '../channel/frame.ts';
import type { Held, LayerHeld } from '../engine/countedMemory.ts';
import type { CountingOptions, Work } from '../engine/countedValues.ts';
import { createCountingEngine, type CountingEngine } from '../engine/counting.ts';
import { prepared } from './forward.ts';
import { infer } from './infer.ts';
import { type MicroOperation, prepare } from './micro.ts';
import { classCount, inputSize, type Network, parameters } from './network.ts';
import { FEW_VALUES } from '../protocols/suite.ts';
import { sizeOf } from '../ring/shape.ts';
import { type Samples, totalSteps, train, type TrainEvent, type TrainOptions } from './train.ts';
import type { WholeState } from './wholeState.ts';

export interface Counted {
  /** Frames, with headers and labels, by all parties together. */
  readonly bytes: number;
  readonly payloadBytes: number;
  readonly messages: number;
  /** Frames of the link and direction that carries most. */
  readonly busiestLinkBytes: number;
  readonly rounds: number;
  /** Of comparison functions, of whatever width. */
  readonly keys: number;
  readonly work: Readonly<Work>;
  readonly held: Held;
}

/** Whether the loss is shown, and the epoch, as `TrainEvent` has them. */
export interface CountedStep extends Counted {
  readonly epoch: number;
  readonly loss: boolean;
  /** In the order in which they run. */
  readonly layers: readonly LayerHeld[];
}

export interface CountedTraining {
  /** In order. */
  readonly steps: readonly CountedStep[];
  readonly evaluations: readonly Counted[];
  /** Of the parameters and what the optimizer remembers beside them. */
  readonly stateElements: number;
}

/** Everything so far. */
interface Totals {
  readonly links: readonly { readonly messages: number; readonly payloadBytes: number; readonly frameBytes: number }[];
  readonly rounds: number;
  readonly keys: number;
  readonly work: Readonly<Work>;
  readonly held: Held;
}

/** Counts what is new since the last time. */
class Meter {
  readonly #engine: CountingEngine;
  readonly #tagBytes: number;
  #before: Totals;

  constructor(engine: CountingEngine, { security }: CountingOptions) {
    this.#engine = engine;
    this.#tagBytes = security === 'private' ? TAG_BYTES : 0;
    this.#before = this.#now();
  }

  read(): Counted {
    const [before, now] = [this.#before, this.#now()];
    this.#before = now;
    const grown = now.links.map((link, i) => ({
      messages: link.messages - before.links[i].messages,
      payloadBytes: link.payloadBytes - before.links[i].payloadBytes,
      frameBytes: link.frameBytes - before.links[i].frameBytes,
    }));
    const work = Object.fromEntries(
      Object.entries(now.work).map(([kind, amount]) => [kind, amount - before.work[kind as keyof Work]]),
    ) as Work;
    return {
      bytes: grown.reduce((sum, { frameBytes }) => sum + frameBytes, 0),
      payloadBytes: grown.reduce((sum, { payloadBytes }) => sum + payloadBytes, 0),
      messages: grown.reduce((sum, { messages }) => sum + messages, 0),
      busiestLinkBytes: Math.max(...grown.map(({ frameBytes }) => frameBytes)),
      rounds: now.rounds - before.rounds,
      keys: now.keys - before.keys,
      work,
      held: {
        made: now.held.made - before.held.made,
        operands: now.held.operands - before.held.operands,
        bits: now.held.bits - before.held.bits,
      },
    };
  }

  #now(): Totals {
    const { traffic, rounds, work, memory } = this.#engine;
    return {
      links: traffic.links.flat().map((link) => ({
        ...link,
        frameBytes: link.frameBytes + this.#tagBytes * link.messages,
      })),
      rounds,
      keys: traffic.keys,
      work: { ...work },
      held: memory.held,
    };
  }
}

/** Walks through a training as `train` runs it. Throws what a run would throw for settings that do not fit each other. */
export async function countTraining(
  network: Network,
  options: TrainOptions & CountingOptions,
  samples: Samples,
): Promise<CountedTraining> {
  const engine = createCountingEngine(options);
  const [pixels, classes] = [inputSize(network), classCount(network)];
  const dataset = (name: string, rows: number, columns: number, bits: number) =>
    engine.dataset(name, [rows, columns], bits);
  const data = {
    images: dataset('train/images', samples.trainImages, pixels, options.fractionBits),
    labels: dataset('train/labels', samples.trainImages, classes, 0),
    ...(samples.testImages > 0 && {
      testImages: dataset('test/images', samples.testImages, pixels, options.fractionBits),
      testLabels: dataset('test/labels', samples.testImages, classes, 0),
    }),
  };
  const meter = new Meter(engine, options);
  const steps: CountedStep[] = [];
  const evaluations: Counted[] = [];
  let stateElements = 0;
  const last = totalSteps(samples.trainImages, options);
  const onState = async (step: number, state: () => Promise<WholeState>): Promise<void> => {
    if (step < last) return;
    const tensors = (await state()).facts(() => false);
    stateElements = tensors.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  };
  const onEvent = (event: TrainEvent): void => {
    const layers = engine.memory.takeLayers();
    if (event.kind !== 'testing') engine.agree();
    if (event.kind === 'step') steps.push({ ...meter.read(), layers, epoch: event.epoch, loss: event.loss });
    if (event.kind === 'evaluated') evaluations.push(meter.read());
  };
  await train(engine, network, data, options, onEvent, { onState });
  return { steps, evaluations, stateElements };
}

/** The batches of an inference. A private one compares few values by functions. */
export async function countInference(
  network: Network,
  options: CountingOptions,
  batch: number,
  batches: number,
): Promise<Counted[]> {
  const few = options.security === 'private' ? FEW_VALUES : undefined;
  const engine = createCountingEngine({ few, ...options });
  const f = options.fractionBits;
  const received = new Map(
    parameters(network).map(({ name, shape }) => [name, engine.input(`model/${name}`, shape, f, true)]),
  );
  const images = engine.dataset('images', [batch * batches, inputSize(network)], f);
  const meter = new Meter(engine, options);
  const model = await prepared(engine, network, received);
  const counted: Counted[] = [];
  for (let i = 0; i < batches; i++) {
    const indices = Array.from({ length: batch }, (_, k) => i * batch + k);
    await engine.scope(`batch/${i}`, async (scope) => {
      await scope.reveal(`prediction/${i}`, await infer(scope, network, model, scope.rows(images, indices)));
    });
    engine.agree();
    counted.push(meter.read());
  }
  return counted;
}

/** A single operation, without what it needs beforehand. */
export async function countOperation(operation: MicroOperation, options: CountingOptions): Promise<Counted> {
  const engine = createCountingEngine(options);
  const measured = await prepare(engine, operation);
  const meter = new Meter(engine, options);
  await measured(engine);
  return meter.read();
}

/** Sums; rounds one after the other. */
export function total(parts: readonly Counted[]): Counted {
  const sum = (of: (part: Counted) => number): number => parts.reduce((all, part) => all + of(part), 0);
  const kinds = Object.keys(parts[0]?.work ?? {}) as (keyof Work)[];
  return {
    bytes: sum(({ bytes }) => bytes),
    payloadBytes: sum(({ payloadBytes }) => payloadBytes),
    messages: sum(({ messages }) => messages),
    busiestLinkBytes: sum(({ busiestLinkBytes }) => busiestLinkBytes),
    rounds: sum(({ rounds }) => rounds),
    keys: sum(({ keys }) => keys),
    work: Object.fromEntries(kinds.map((kind) => [kind, sum(({ work }) => work[kind])])) as Work,
    held: {
      made: sum(({ held }) => held.made),
      operands: sum(({ held }) => held.operands),
      bits: sum(({ held }) => held.bits),
    },
  };
}
