/** A line between two parties that a test cuts, holds up or changes: a proxy of TCP. */
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { HOST } from './session.ts';

export type From = 'dialler' | 'listener';

/** What happens to the bytes of one connection. `at`: how many of this direction have passed before. */
export interface Treatment {
  /** Returns what is passed on in their place; `last`: after it the connection is cut. */
  readonly pass?: (bytes: Buffer, at: number, from: From) => Buffer | { readonly last: Buffer };
}

export class Line {
  /** Connections so far, whether they came through or not. */
  connections = 0;
  /** Bytes passed on, of each connection and direction. */
  readonly passed: Record<From, number>[] = [];
  /** While it is down nobody gets through. */
  #down = false;
  readonly #sockets: Set<Socket> = new Set();
  readonly #server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#connected(socket));
  readonly #to: number;
  readonly #treatment: (connection: number) => Treatment;

  private constructor(to: number, treatment: (connection: number) => Treatment) {
    this.#to = to;
    this.#treatment = treatment;
  }

  /** @param treatment of the n-th connection, from 0 */
  static async open(to: number, treatment: (connection: number) => Treatment = () => ({})): Promise<Line> {
    const line = new Line(to, treatment);
    await new Promise<void>((resolve) => line.#server.listen(0, HOST, resolve));
    return line;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Both ends of every connection learn at once that it is over. */
  cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  /** Whoever connects is turned away. */
  down(): void {
    this.#down = true;
    this.cut();
  }

  up(): void {
    this.#down = false;
  }

  /** Nothing passes any more, and nobody is told: power or network are gone. New connections pass. */
  hold(): void {
    for (const socket of this.#sockets) socket.removeAllListeners('data').pause();
  }

  /** One end closes its direction of every connection. */
  halfClose(from: From): void {
    for (const socket of this.#sockets) if (this.#of.get(socket) === from) this.#other.get(socket)?.end();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  readonly #of: WeakMap<Socket, From> = new WeakMap();
  readonly #other: WeakMap<Socket, Socket> = new WeakMap();

  #connected(dialler: Socket): void {
    const number = this.connections++;
    if (this.#down) return void dialler.resetAndDestroy();
    const listener = connect({ port: this.#to, host: HOST, allowHalfOpen: true, noDelay: true });
    const treatment = this.#treatment(number);
    const passed: Record<From, number> = { dialler: 0, listener: 0 };
    this.passed[number] = passed;
    const ends: Record<From, Socket> = { dialler, listener };
    const stop = (): void => {
      dialler.destroy();
      listener.destroy();
    };
    for (const [from, socket] of Object.entries(ends) as [From, Socket][]) {
      const other = from === 'dialler' ? listener : dialler;
      this.#sockets.add(socket);
      this.#of.set(socket, from);
      this.#other.set(socket, other);
      socket.setNoDelay(true);
      socket.on('error', stop);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        stop();
      });
      socket.on('data', (bytes: Buffer) => {
        const on = treatment.pass === undefined ? bytes : treatment.pass(bytes, passed[from], from);
        passed[from] += bytes.length;
        if (other.destroyed) return;
        if (Buffer.isBuffer(on)) other.write(on);
        else other.write(on.last, stop);
      });
      socket.on('end', () => other.end());
    }
  }
}

/** The first connection ends after so many bytes of one end, which still arrive. */
export function cutAfter(count: number, side: From): (connection: number) => Treatment {
  return (connection) => {
    const cuts = (at: number, bytes: Buffer, from: From): boolean =>
      connection === 0 && from === side && at + bytes.length >= count;
    return { pass: (bytes, at, from) => (cuts(at, bytes, from) ? { last: bytes.subarray(0, count - at) } : bytes) };
  };
}

/** Bit 0 of one byte of the first connection is changed. */
export function flipAt(place: number, side: From): (connection: number) => Treatment {
  return (connection) => ({
    pass: (bytes, at, from) => {
      if (connection === 0 && from === side && place >= at && place < at + bytes.length) bytes[place - at] ^= 1;
      return bytes;
    },
  });
}
