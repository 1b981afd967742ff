/**
 * For which session a TLS connection is, read from its first message before anything is answered: the dialling end names it among the application
 * protocols (RFC 7301) of its ClientHello (RFC 8446, 4.1.2). Nothing there is secret; who does not know the session cannot name it.
 */

/** What a session is called among application protocols. */
export function protocolOf(sessionId: string): string {
  return `securenn/${sessionId}`;
}

/** A ClientHello that is longer is none of ours. */
export const MAX_HELLO_BYTES = 4096;

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const ALPN_EXTENSION = 16;
const PREFIX = 'securenn/';

/** Goes past the end: more is to come, or it is not what it says. */
class Short extends Error {}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Big-endian. */
  number(width: 1 | 2 | 3): number {
    return this.take(width).reduce((value, byte) => value * 256 + byte, 0);
  }

  take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw new Short();
    return this.#bytes.subarray(this.#at, (this.#at += length));
  }

  /** What follows its own length. */
  vector(width: 1 | 2 | 3): Reader {
    return new Reader(this.bytes(width));
  }

  bytes(width: 1 | 2 | 3): Uint8Array {
    return this.take(this.number(width));
  }
}

/**
 * @param head the first bytes of a connection
 * @returns the session; 'more' when the bytes do not reach far enough; undefined when it names none, or is no TLS
 */
export function sessionIn(head: Uint8Array): { readonly session: string } | 'more' | undefined {
  let hello: Reader;
  try {
    const record = new Reader(head);
    if (record.number(1) !== HANDSHAKE_RECORD) return undefined;
    // The version, which says nothing.
    record.take(2);
    hello = record.vector(2);
  } catch (error) {
    if (error instanceof Short) return head.length < MAX_HELLO_BYTES ? 'more' : undefined;
    throw error;
  }
  try {
    const name = protocolsIn(hello).find((each) => each.startsWith(PREFIX));
    return name === undefined ? undefined : { session: name.slice(PREFIX.length) };
  } catch (error) {
    if (error instanceof Short) return undefined;
    throw error;
  }
}

/** A hello that goes on in a second record is none of ours: it ends short. */
function protocolsIn(record: Reader): string[] {
  if (record.number(1) !== CLIENT_HELLO) return [];
  const hello = record.vector(3);
  // Version and random; session id; cipher suites; compressions.
  hello.take(2 + 32);
  hello.vector(1);
  hello.vector(2);
  hello.vector(1);
  const extensions = hello.vector(2);
  const names: string[] = [];
  while (!extensions.done) {
    const type = extensions.number(2);
    const body = extensions.vector(2);
    if (type !== ALPN_EXTENSION) continue;
    const list = body.vector(2);
    while (!list.done) names.push(Buffer.from(list.bytes(1)).toString('latin1'));
  }
  return names;
}
