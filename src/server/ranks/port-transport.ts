/**
 * A link between two threads of one process: frames as messages of a port. What lies in shared memory stays there, and both threads see it; all
 * else is copied to memory that moves to the other thread.
 */
import type { MessagePort } from 'node:worker_threads';
import { Inlet, type FrameSink, type Transport } from '../../channel/transport.ts';

/** The last message: nothing more comes. */
const END = 'end';

export class PortTransport implements Transport {
  readonly #port: MessagePort;
  readonly #inlet: Inlet = new Inlet();
  #closed = false;

  constructor(port: MessagePort) {
    this.#port = port;
    port.on('message', (message: Uint8Array[] | typeof END) => {
      if (message === END) this.#inlet.end('the connection was closed');
      else this.#inlet.frame(message);
    });
    port.on('close', () => this.#inlet.end('the thread is gone'));
  }

  send(parts: readonly Uint8Array[]): undefined {
    // A view of other memory would take all that it is a view of along.
    const sent = parts.map((part) => (part.buffer instanceof SharedArrayBuffer ? part : new Uint8Array(part)));
    const moved = sent.flatMap(({ buffer }) => (buffer instanceof SharedArrayBuffer ? [] : [buffer]));
    this.#port.postMessage(sent, moved);
  }

  attach(sink: FrameSink): void {
    this.#inlet.attach(sink);
  }

  detach(): void {
    this.#inlet.detach();
  }

  close(): Promise<void> {
    this.#end();
    return Promise.resolve();
  }

  destroy(): void {
    this.#end();
  }

  /** What was posted still arrives. */
  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#port.postMessage(END);
    this.#port.close();
  }
}
