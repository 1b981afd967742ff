/**
 * Images for a session that serves a shared model: each request is opened under masks of its own, one message to each party; the answer comes back
 * as two shares, each sealed under a key of its question (`federation/sealing.ts`). No server sees an image or a prediction.
 *
 * Body: id (16 bytes) ‖ sealed. To P0 and P1: number of images (u32) ‖ own mask key ‖ E. To P2: number of images ‖ both mask keys. Sealed with the job and the request's id in
 * the context, so neither can be taken for another.
 */
import type { Source } from '../../data/encode.ts';
import { Problem } from '../../data/problem.ts';
import type { Digest } from '../../federation/canonical.ts';
import { MAX_INPUT_IMAGES, type ServeDocument } from '../../federation/documents.ts';
import { classCount, inputSize } from '../../nn/network.ts';
import { STREAM_KEY_BYTES } from '../../random/primitives.ts';
import { concatBytes, fromHex, toHex } from '../../random/text.ts';
import { decode } from '../../ring/fixed.ts';
import { add } from '../../ring/z64.ts';
import { PARTIES, type PartyName } from '../parties.ts';
import { predictedClasses } from '../predicted-classes.ts';
import type { FederationClient } from './client.ts';
import { shareOf } from './opened-share.ts';
import { openImages } from './sharing.ts';

/** How long a session may take to answer. */
const ANSWER_MS = 120_000;
const SEAL_BYTES = 1024;

export interface Answered {
  /** The class of each image. */
  readonly predictions: readonly number[];
  /** Of all classes, image after image; undefined where the session reveals the class alone. */
  readonly scores: Float64Array | undefined;
}

/** What went to a party, or came from it. */
export interface Message {
  readonly party: PartyName;
  readonly direction: 'sent' | 'received';
  /** As it is on the line. */
  readonly sealed: Uint8Array;
  /** What is sealed in it: sent, all that the party reads; received, its share of the answer, 64-bit little-endian elements. */
  readonly content: Uint8Array;
}

/** @param source one image a row, as the network takes them, with the session's fractional bits; MAX_INPUT_IMAGES at most */
export async function inferAt(
  client: FederationClient,
  session: Digest,
  { network, fractionBits, reveal }: Pick<ServeDocument, 'network' | 'fractionBits' | 'reveal'>,
  source: Source,
  onMessage: (message: Message) => void = () => undefined,
): Promise<Answered> {
  const images = source.elements / inputSize(network);
  if (!Number.isInteger(images) || images < 1)
    throw new RangeError(`${source.elements} values are no images of ${inputSize(network)}`);
  if (images > MAX_INPUT_IMAGES) throw new RangeError(`${images} images: a request has ${MAX_INPUT_IMAGES} at most`);
  const { primitives } = client;
  const id = toHex(primitives.randomBytes(16));
  const masks = [primitives.randomBytes(STREAM_KEY_BYTES), primitives.randomBytes(STREAM_KEY_BYTES)] as const;
  const E = await openImages(primitives, source, masks);
  const count = new Uint8Array(Uint32Array.of(images).buffer);
  const inputs: Readonly<Record<PartyName, readonly Uint8Array[]>> = {
    P0: [count, masks[0], E],
    P1: [count, masks[1], E],
    P2: [count, masks[0], masks[1]],
  };
  const classes = reveal === 'scores' ? classCount(network) : 1;
  const length = images * classes;
  // The id is in the body: a browser asks leave once for each path, not for each image.
  const path = `/v1/sessions/${session}/inputs`;
  const answers = await client.everywhere(async (party) => {
    const content = concatBytes(...inputs[party]);
    const question = await client.sealQuestion(party, `input ${session} ${id}`, content);
    // What is told of leaves.
    client.checkOpen();
    onMessage({ party, direction: 'sent', sealed: question.bytes, content });
    const asked = {
      body: concatBytes(fromHex(id), question.bytes),
      idleMs: ANSWER_MS,
      maxBytes: 8 * length + SEAL_BYTES,
    };
    const reply = await client.bytes(party, 'POST', path, asked);
    const answer = { party, direction: 'received', sealed: reply.body } as const;
    if (party === 'P2') {
      onMessage({ ...answer, content: reply.body });
      return new BigUint64Array();
    }
    const opened = await question.openAnswer(reply.body);
    if (opened === undefined) {
      throw new Problem(
        `${party}: its share of the answer does not open: it is none to what it was asked`,
        'ask again; if it stays so, ask its operator which version it runs',
      );
    }
    const share = shareOf(party, 'the answer', opened, length);
    onMessage({ ...answer, content: new Uint8Array(share.buffer) });
    return share;
  });
  // What went wrong at one party often makes the others fail after it: what a party says of itself comes first.
  const failure = PARTIES.map((party) => answers.failures.get(party)).find((error) => error !== undefined);
  if (failure !== undefined) throw failure;
  const sum = decode(
    add(answers.answers.get('P0')!, answers.answers.get('P1')!),
    reveal === 'scores' ? fractionBits : 0,
  );
  if (reveal === 'class') return { predictions: checkClasses(Array.from(sum), network), scores: undefined };
  const scores = Float64Array.from(sum);
  return { predictions: predictedClasses(scores, classes), scores };
}

function checkClasses(predictions: number[], network: ServeDocument['network']): number[] {
  if (predictions.every((each) => Number.isInteger(each) && each >= 0 && each < classCount(network)))
    return predictions;
  throw new Problem(
    'the two shares of the answer do not add up to a class',
    'run it again; if it stays so, tell the operators: the parties do not compute the same',
  );
}
