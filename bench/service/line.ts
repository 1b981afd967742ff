/** A line over TCP that can break, and can be made as slow as a link of a model. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { Transform, type TransformCallback } from 'node:stream';
import type { LinkModel } from '../../src/channel/linkModel.ts';

const HOST = '127.0.0.1';

/** A TCP line to a port. */
export class Line {
  /** What it is like from now on, connections that are open included; undefined: as fast as this machine. Connecting itself takes no time. */
  model: LinkModel | undefined;
  readonly #sockets: Set<Socket> = new Set();
  readonly #server: Server = createServer({ noDelay: true }, (socket) => this.#join(socket));
  #to = 0;
  #whole = true;

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async open(to: number): Promise<void> {
    this.#to = to;
    await new Promise<void>((resolve) => this.#server.listen(0, HOST, resolve));
  }

  cut(seconds: number): void {
    this.#whole = false;
    for (const socket of this.#sockets) socket.destroy();
    setTimeout(() => (this.#whole = true), 1000 * seconds);
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  #join(near: Socket): void {
    if (!this.#whole) return void near.destroy();
    const far = connect({ port: this.#to, host: HOST, noDelay: true });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => one.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
      one.pipe(new UnderWay(() => this.model)).pipe(other);
    }
  }
}

interface Held {
  readonly bytes: Buffer;
  /** When its last byte arrives. */
  readonly due: number;
}

/** Beyond what is under way on the link itself; then the sender's own window closes. */
const MOST_WAITING_MS = 200;

/** One direction: bytes leave one after the other at the model's bandwidth, and arrive half a round trip later, to within a timer's millisecond. */
class UnderWay extends Transform {
  readonly #model: () => LinkModel | undefined;
  #queue: Held[] = [];
  /** When the line has taken everything so far. */
  #lineFree = 0;
  #timer: NodeJS.Timeout | undefined;
  #onRoom: (() => void) | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(model: () => LinkModel | undefined) {
    super();
    this.#model = model;
  }

  override _transform(bytes: Buffer, _: BufferEncoding, taken: TransformCallback): void {
    const model = this.#model();
    if (model === undefined && this.#queue.length === 0) return taken(null, bytes);
    const now = performance.now();
    const { rttMs = 0, megabytesPerSecond = Infinity } = model ?? {};
    this.#lineFree = Math.max(now, this.#lineFree) + bytes.length / (1000 * megabytesPerSecond);
    this.#queue.push({ bytes, due: this.#lineFree + rttMs / 2 });
    this.#arm();
    if (this.#lineFree - now > MOST_WAITING_MS) this.#onRoom = taken;
    else taken();
  }

  override _flush(done: TransformCallback): void {
    if (this.#queue.length === 0) done();
    else this.#onEmpty = done;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    clearTimeout(this.#timer);
    this.#queue = [];
    done(error);
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#queue.length === 0) return;
    this.#timer = setTimeout(
      () => {
        this.#timer = undefined;
        this.#letGo();
      },
      Math.max(0, this.#queue[0].due - performance.now()),
    );
  }

  #letGo(): void {
    // A timer may fire up to a millisecond before its time.
    const now = performance.now() + 0.5;
    while (this.#queue.length > 0 && this.#queue[0].due <= now) this.push(this.#queue.shift()!.bytes);
    this.#arm();
    const [onRoom, onEmpty] = [this.#onRoom, this.#onEmpty];
    if (onRoom !== undefined && this.#lineFree - now <= MOST_WAITING_MS) {
      this.#onRoom = undefined;
      onRoom();
    }
    if (onEmpty !== undefined && this.#queue.length === 0) onEmpty();
  }
}
