/**
 * Visitors: whoever asks a session that answers anyone, with a key that nobody admitted and that comes with the request. Keys cost nothing, so
 * limits are kept for addresses, and a visitor's signature is checked only where some session answers visitors, and not too often.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { idOf, type Id, type PublicIdentity } from '../../federation/public-identity.ts';
import { MAX_VISITOR_IMAGES } from '../../federation/documents.ts';
import { inputSize, type Network } from '../../nn/network.ts';
import { sha256 } from '#aes';
import { STREAM_KEY_BYTES } from '../../random/primitives.ts';
import { toHex, utf8 } from '../../random/text.ts';
import { COUNT_BYTES, ELEMENT_BYTES, imagesIn } from '../jobs/input-form.ts';
import { Refusal } from '../refusal.ts';
import type { KnownJob } from '../jobs-api.ts';
import type { ApiContext } from './context.ts';

/** What a visitor may ask for: the list of sessions, and an answer. */
const MAY = /^(GET \/v1\/sessions|POST \/v1\/sessions\/[0-9a-f]{64}\/inputs)$/;
/** sign ‖ seal. */
const KEY = /^([0-9a-f]{64})([0-9a-f]{64})$/;
/** How long it is taken that sessions are, or are not, there. */
const LOOK_MS = 500;
/** The id, what sealing adds, the number of images, two mask keys. */
const BESIDE_BYTES: number = 16 + 48 + COUNT_BYTES + 2 * STREAM_KEY_BYTES;

export class Visitors {
  readonly #context: Pick<ApiContext, 'jobs' | 'directory' | 'now'>;
  #looked = -Infinity;
  #isOpen = false;

  constructor(context: Pick<ApiContext, 'jobs' | 'directory' | 'now'>) {
    this.#context = context;
  }

  /** The key that came with a request, where it is a visitor's who may ask for this. */
  keyOf(method: string, path: string, headers: IncomingHttpHeaders): PublicIdentity | undefined {
    const { 'securenn-identity': written } = headers;
    if (typeof written !== 'string' || !MAY.test(`${method} ${path}`)) return undefined;
    const fields = KEY.exec(written);
    if (fields === null) return undefined;
    const identity = { sign: fields[1], seal: fields[2] };
    return this.#context.directory.find(idOf(identity)) === undefined && this.#anyOpen() ? identity : undefined;
  }

  #anyOpen(): boolean {
    const { jobs, now } = this.#context;
    const since = now() - this.#looked;
    if (since >= 0 && since < LOOK_MS) return this.#isOpen;
    this.#looked = now();
    this.#isOpen = hasOpen(jobs.all());
    return this.#isOpen;
  }
}

/** Looks no further than to the first: what is shown of a job is put together when it is asked for. */
function hasOpen(jobs: Iterable<KnownJob>): boolean {
  for (const { job, view } of jobs) {
    const { document } = job;
    if (document.kind === 'serve' && document.clients === 'anyone' && view.state === 'running') return true;
  }
  return false;
}

/** As whom sessions take all visitors of an address: in the form of an id, which it is not. */
export function countedAs(address: string): Id {
  return toHex(sha256(utf8(`visitors of ${address}`))).slice(0, 32);
}

/** The longest input of a visitor. */
export function visitorBytes(network: Network): number {
  return BESIDE_BYTES + ELEMENT_BYTES * MAX_VISITOR_IMAGES * inputSize(network);
}

/** Counts images of an address before anything is computed for it. @param input opened: it begins with their number */
export function countVisit(address: string, input: Uint8Array, { visitorImages, now }: ApiContext): void {
  const images = imagesIn(input);
  if (images > MAX_VISITOR_IMAGES) {
    throw new Refusal(
      413,
      `${images} images are more than a visitor's ${MAX_VISITOR_IMAGES} in one input`,
      'send fewer at a time',
    );
  }
  if (visitorImages.of(address, now()).take(now(), images)) return;
  throw new Refusal(429, 'as many images as visitors of this address may send in a minute', 'ask again in a minute');
}
