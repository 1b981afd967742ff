/** A model that stays shared among the parties, as whoever asks sees it. */
import { valueSource } from '../data/encode.ts';
import { inCode } from '../data/in-code.ts';
import { Problem } from '../data/problem.ts';
import { OF_BYTES, type Scaling } from '../data/scaling.ts';
import { LARGEST } from '../data/statistics.ts';
import type { Digest } from '../federation/canonical.ts';
import { MAX_INPUT_IMAGES, MAX_VISITOR_IMAGES, type ServeDocument } from '../federation/documents.ts';
import { comparisonLimit } from '../engine/ranges.ts';
import { layerType } from '../nn/layers/table.ts';
import { classCount, inputSize, type Network } from '../nn/network.ts';
import type { FederationClient } from './federated/client.ts';
import { inferAt, type Message } from './federated/inference.ts';
import type { Served } from './federated/served.ts';
import { givenValues, type Image } from './given-values.ts';

export type { Message };

/** What `predict` takes besides images. */
export interface PredictOptions {
  /**
   * Told of every message that leaves and of every answer: what a party can read of it, and what goes over the line. The one place where they are
   * seen together; nothing of it is kept.
   */
  readonly onMessage?: ((message: Message) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Of a request. */
export interface Timing {
  /** From the call to the answer, in milliseconds. */
  readonly totalMs: number;
  /** Bytes to the three parties, and from them, in bodies. */
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** What a served model says of images. */
export interface Prediction {
  /** The class of the (first) image, from 0. */
  readonly label: number;
  /** What that class is called, where classes have names. */
  readonly name: string | undefined;
  /** Classes of all images. */
  readonly labels: readonly number[];
  /** Of all classes, image after image: logits; undefined where the session reveals the class alone. */
  readonly scores: Float64Array | undefined;
  readonly timing: Timing;
}

/**
 * The first images were answered, the others were not: `message` says why, `answered` has what came.
 *
 * @example
 * ```ts
 * import { connect, Incomplete, keepIdentity } from 'securenn/client';
 *
 * const file = await (await fetch('federation.json')).text();
 * const federation = await connect({ federation: file, identity: await keepIdentity('me') });
 * const model = await federation.model('digits');
 * const { labels } = await model.predict(new Uint8Array(2 * 784)).catch((error: unknown) => {
 *   if (!(error instanceof Incomplete)) throw error;
 *   return error.answered; // the last `error.missing` images are to be asked again
 * });
 * console.log(labels.length); // 2
 * federation.close();
 * ```
 */
export class Incomplete extends Problem {
  /** Of the first images: at least one. */
  readonly answered: Prediction;
  /** How many images, the last ones, have no answer. */
  readonly missing: number;

  /** @internal */
  constructor(answered: Prediction, missing: number, cause: Problem) {
    const there = answered.labels.length;
    super(
      `${there} of ${there + missing} images are answered, the others not: ${cause.message}`,
      `${cause.fixInCode ?? cause.fix}; \`answered\` has what came, so ask for the last ${missing} alone`,
      { cause },
    );
    [this.answered, this.missing] = [answered, missing];
  }
}

/**
 * A model that is served by the three parties, none of which has it.
 *
 * @example
 * ```ts
 * import { connect, keepIdentity } from 'securenn/client';
 *
 * const file = await (await fetch('federation.json')).text();
 * const federation = await connect({ federation: file, identity: await keepIdentity('me') });
 * const model = await federation.model('digits');
 * console.log(model.inputShape, model.classes); // [ 784 ] 10
 * const { label, timing } = await model.predict(new Uint8Array(784));
 * console.log(label < model.classes, timing.sentBytes > 0); // true true
 * federation.close();
 * ```
 */
export class ServedModel {
  /** Of the session. */
  readonly digest: Digest;
  readonly title: string;
  /** Layers and sizes, which are public; weights are nobody's. */
  readonly network: Network;
  /** (values) or (rows, columns, channels) of an image. */
  readonly inputShape: readonly number[];
  /** How many classes there are. */
  readonly classes: number;
  /** Of class 0, 1, …; undefined: they have no names. */
  readonly classNames: readonly string[] | undefined;
  /** What becomes of bytes before they are masked. */
  readonly scaling: Scaling;
  /** Whether an answer is the class alone, or the scores of all classes. */
  readonly reveals: 'class' | 'scores';
  readonly #client: FederationClient;
  readonly #served: Served;

  /** @internal */
  constructor(client: FederationClient, served: Served) {
    [this.#client, this.#served] = [client, served];
    const { digest, document } = served;
    const { network, title, classNames, scaling = OF_BYTES, reveal } = document;
    [this.digest, this.title, this.network, this.inputShape] = [digest, title, network, network.input];
    [this.classes, this.classNames, this.scaling, this.reveals] = [classCount(network), classNames, scaling, reveal];
  }

  /**
   * Classifies images; neither they nor the answer are seen by anybody else.
   * @param image bytes and `ImageData` are pixels, 0 … 255, a Uint16Array has pixels of 16 bits; they are scaled as the model takes them
   * (`scaling`), whatever the depth of the pictures that it was trained on. Numbers are values as the network takes
   * them, between -2²⁰ and 2²⁰: beyond is refused, for it would wrap around. One image after the other, each of `inputShape`, channels innermost.
   * @throws {Incomplete} when the first ones were answered and others not, such as where a visitor asks more in a minute than a party allows
   */
  predict(image: Image, options: PredictOptions = {}): Promise<Prediction> {
    return inCode(() => this.#predict(image, options));
  }

  async #predict(image: Image, { onMessage, signal }: PredictOptions): Promise<Prediction> {
    const began = performance.now();
    const client = signal === undefined ? this.#client : this.#client.until(signal);
    const { document, digest } = this.#served;
    const { values, scaling } = givenValues(image, this.inputShape, this.scaling, limitOf(document));
    const size = inputSize(this.network);
    checkCount(values.length / size, document);
    const most = size * (document.clients === 'anyone' ? MAX_VISITOR_IMAGES : MAX_INPUT_IMAGES);
    const labels: number[] = [];
    const scores: number[] = [];
    let [sentBytes, receivedBytes] = [0, 0];
    const count = (message: Message): void => {
      if (message.direction === 'sent') sentBytes += message.sealed.length;
      else receivedBytes += message.sealed.length;
      onMessage?.(message);
    };
    const soFar = (): Prediction => ({
      ...{ label: labels[0], name: this.classNames?.[labels[0]], labels },
      scores: this.reveals === 'scores' ? Float64Array.from(scores) : undefined,
      timing: { totalMs: performance.now() - began, sentBytes, receivedBytes },
    });
    for (let from = 0; from < values.length; from += most) {
      const source = valueSource(values.subarray(from, from + most), scaling, document.fractionBits);
      try {
        const answered = await inferAt(client, digest, document, source, count);
        labels.push(...answered.predictions);
        if (answered.scores !== undefined) scores.push(...answered.scores);
      } catch (error) {
        // Whoever gave it up wants nothing more of it.
        if (labels.length === 0 || signal?.aborted === true || !(error instanceof Problem)) throw error;
        throw new Incomplete(soFar(), (values.length - from) / size, error);
      }
    }
    return soFar();
  }
}

/** What the session's document says is known before anything is asked, and spent. */
function checkCount(images: number, { maxImages, maxImagesEach = maxImages }: ServeDocument): void {
  const most = Math.min(maxImages, maxImagesEach);
  if (images <= most) return;
  const whom = maxImagesEach < maxImages ? 'one client' : 'all clients together';
  throw new Problem(`${images} images: the session answers ${most} to ${whom}`, 'ask for fewer');
}

/** What inputs stay below: in training nothing was larger, and where they are compared before anything else, a comparison holds no more. */
function limitOf({ network, suite, fractionBits, compareBits }: ServeDocument): number {
  const first = network.layers.map(layerType).find(({ passes }) => passes !== true);
  return first?.compares === true ? Math.min(LARGEST, comparisonLimit({ suite, fractionBits, compareBits })) : LARGEST;
}
