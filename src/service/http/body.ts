/** Bodies of requests whose author is known: as long as they may be, as they were signed, and not for ever on their way. */
import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Refusal } from '../refusal.ts';

/** Between two pieces of a body. */
const STALL_MS = 30_000;

export interface BodyOptions {
  /** SHA-256 that its author signed. */
  readonly digest: string;
  readonly maxBytes: number;
  readonly stallMs?: number | undefined;
}

/** Length that the request names; undefined: none. Throws a Refusal for one that is too long. */
export function lengthOf(incoming: IncomingMessage, maxBytes: number): number | undefined {
  const { 'content-length': text } = incoming.headers;
  if (text === undefined) return undefined;
  const length = Number(text); // Node has seen to it that it is a number.
  if (length > maxBytes) throw tooLong(maxBytes);
  return length;
}

/** The whole of it. */
export async function readBody(incoming: IncomingMessage, options: BodyOptions): Promise<Buffer> {
  const { digest, maxBytes } = options;
  lengthOf(incoming, maxBytes);
  const body = await wholeOf(incoming, maxBytes, options.stallMs);
  if (createHash('sha256').update(body).digest('hex') !== digest) {
    throw new Refusal(400, 'the body is not the one that was signed', 'send it again');
  }
  return body;
}

/** By events: an iterator makes a dozen promises of a body that is here already. */
function wholeOf(incoming: IncomingMessage, maxBytes: number, stallMs: number = STALL_MS): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let length = 0;
    const settle = (refusal?: Refusal): void => {
      clearTimeout(timer);
      incoming.off('data', take).off('end', end).off('close', cutOff).off('error', cutOff);
      // A body that is refused halfway is answered, so the connection lives on.
      incoming.on('error', () => undefined);
      if (refusal === undefined) resolve(parts.length === 1 ? parts[0] : Buffer.concat(parts, length));
      else reject(refusal);
    };
    const take = (piece: Buffer): void => {
      length += piece.length;
      if (length > maxBytes) {
        incoming.pause();
        return settle(tooLong(maxBytes));
      }
      parts.push(piece);
      timer.refresh();
    };
    const end = (): void => settle();
    const cutOff = (): void => settle(endedWithin());
    const timer = setTimeout(() => {
      settle(stalled());
      incoming.destroy();
    }, stallMs);
    if (incoming.destroyed) return cutOff();
    incoming.on('data', take).once('end', end).once('close', cutOff).once('error', cutOff);
  });
}

/** Piece by piece, as the connection brings them; ends one that brings nothing. */
export async function* piecesOf(incoming: IncomingMessage, stallMs: number = STALL_MS): AsyncGenerator<Buffer> {
  const stop = (): void => void incoming.destroy(stalled());
  let timer = setTimeout(stop, stallMs);
  try {
    // What is refused halfway is answered, so the connection must live on.
    for await (const piece of incoming.iterator({ destroyOnReturn: false })) {
      clearTimeout(timer);
      yield piece as Buffer;
      timer = setTimeout(stop, stallMs);
    }
  } catch (error) {
    if (error instanceof Refusal) throw error;
    throw endedWithin();
  } finally {
    clearTimeout(timer);
  }
}

/** Reads on to the end of a body that is not wanted, so that the connection can serve another request. */
export function ignoreBody(incoming: IncomingMessage): void {
  incoming.resume();
}

function stalled(): Refusal {
  return new Refusal(408, 'the body does not come', 'send it again');
}

function endedWithin(): Refusal {
  return new Refusal(400, 'the connection ended within the body', 'send it again');
}

function tooLong(maxBytes: number): Refusal {
  return new Refusal(413, `longer than the ${maxBytes} bytes that are taken here`, 'send less at once');
}

/** Memory for bodies of all requests together. */
export class Budget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Throws a Refusal when there is none left. @returns how to give it back, once */
  take(bytes: number): () => void {
    if (bytes > this.#left) throw new Refusal(503, 'too much is on its way at once', 'send it again in a moment');
    this.#left -= bytes;
    let taken = true;
    return () => {
      if (taken) this.#left += bytes;
      taken = false;
    };
  }
}
