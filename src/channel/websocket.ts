/**
 * A transport over one WebSocket (`ws` 8). One frame is one binary message; text is refused.
 *
 * - A frame's header and payload leave as two fragments of one message, so a large payload is copied neither here nor, where the
 *   receiver keeps fragments apart, there. Small frames leave in one piece: one write instead of two.
 * - Clients must mask what they send (RFC 6455, 5.3); the mask here is zero, which `ws` recognises and skips. Masking keeps a script in
 *   a browser from choosing bytes that a careless proxy would take for HTTP; a party is no browser, chooses its own bytes, and under
 *   TLS no proxy sees them. A random mask in JavaScript costs ten times the throughput.
 * - Compression is off: shares are random bytes.
 * - Pings are not answered: both ends send them, and answers would pile up behind the data of a busy line (`ws` ends a connection that has
 *   sixty of them). What a party has to tell goes into pongs, which nobody answers.
 */
import type { Socket } from 'node:net';
import { WebSocket, type RawData } from 'ws';
import type { PeerName } from './channel.ts';
import { stoodStill } from './patience.ts';
import type { SessionProgress } from './progress.ts';
import { MESSAGES_BEFORE_PROOF } from './handshake.ts';
import { MAX_MESSAGE_BYTES } from './handshakeMessages.ts';
import type { Connection, FrameCounts } from './resumable.ts';
import { remoteOf, type Secured } from './tls.ts';
import { Inlet, RoomQueue, totalBytes, type FrameSink } from './transport.ts';

export interface WebSocketOptions {
  /** Longest message taken from the peer. Default 64 MiB, as for frames. */
  readonly maxFrameBytes?: number;
  /** Bytes handed over and not yet taken by the operating system, above which senders wait. Default 8 MiB. */
  readonly highWaterBytes?: number;
  /** A peer from which not one byte comes for this long is taken for dead. Default 10 s. */
  readonly livenessMs?: number;
}

const DEFAULT_HIGH_WATER_BYTES = 8 * 2 ** 20;
const DEFAULT_LIVENESS_MS = 10_000;
/** A silent peer is pinged this often within the time after which it counts as dead. */
const PINGS = 4;
/** Frames up to this size are copied into one piece: cheaper than a second WebSocket frame. */
const ONE_PIECE_BYTES = 16 * 1024;
/** How long a peer may take to answer the closing of the connection, and what was sent before it to leave. */
const CLOSE_MS = 3_000;
/** A count in a pong: a 64-bit float, little-endian. */
const COUNT_BYTES = 8;
/** What a peer may send before it has proved who it is, its HTTP headers aside. */
const MAX_UNPROVED_BYTES = MESSAGES_BEFORE_PROOF * MAX_MESSAGE_BYTES;

/** Pieces of one message; we send two at most, and something in between may cut them. Each costs memory, however short it is. */
export const MAX_FRAGMENTS = 256;

/** A transport starts without trust: until `trust()` the other end may send the messages of a handshake and nothing more. */
export class WebSocketTransport implements Connection {
  /** What TLS has shown of the other end; absent where there is none. */
  readonly secured: Secured | undefined;
  readonly #ws: WebSocket;
  readonly #socket: Socket;
  readonly #highWaterBytes: number;
  readonly #inlet: Inlet = new Inlet();
  readonly #room: RoomQueue = new RoomQueue();
  readonly #closed: Promise<void>;
  /** Why the connection ends, once this side knows better than the closing code. */
  #reason: string | undefined;
  #endedCleanly = false;
  #told: (() => Uint8Array) | undefined;
  #gathering = false;
  #trusted = false;
  #unprovedBytes = 0;
  #unprovedMessages = 0;

  /** @param socket what `ws` runs on: a TCP or TLS socket. */
  constructor(ws: WebSocket, socket: Socket, options: WebSocketOptions = {}, secured?: Secured) {
    this.secured = secured;
    this.#ws = ws;
    this.#socket = socket;
    this.#highWaterBytes = options.highWaterBytes ?? DEFAULT_HIGH_WATER_BYTES;
    ws.binaryType = 'fragments';
    socket.setNoDelay(true);
    socket.on('data', this.#onUnprovedBytes);
    ws.on('message', (data, isBinary) => this.#onMessage(data, isBinary));
    ws.on('error', (error) => (this.#reason ??= textOf(error)));
    const pings = this.#watchLiveness(options.livenessMs ?? DEFAULT_LIVENESS_MS);
    this.#closed = new Promise((resolve) => {
      ws.on('close', (code) => {
        clearInterval(pings);
        this.#endedCleanly = code === 1000 && this.#reason === undefined;
        const reason =
          this.#reason ?? (code === 1000 ? 'the connection was closed' : `the connection broke (code ${code})`);
        this.#room.fail(reason);
        this.#inlet.end(reason);
        resolve();
      });
    });
  }

  /** Address and port of the other end, for texts. */
  get remote(): string {
    return remoteOf(this.#socket);
  }

  /** Resolves when the connection has ended, however it did. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  /** The other end has proved who it is: it may send what it likes. */
  trust(): void {
    this.#trusted = true;
    this.#socket.off('data', this.#onUnprovedBytes);
  }

  /** It ended as both ends wanted, not by a fault of either or of what is between them. */
  get endedCleanly(): boolean {
    return this.#endedCleanly;
  }

  /**
   * From now on heartbeats tell how far this party is, and those of the peer how far that one is. A pong that nobody asked for is a heartbeat
   * (RFC 6455, 5.5.3).
   * @param counts where a link outlives this connection
   */
  share(progress: SessionProgress, peer: PeerName, counts?: FrameCounts): void {
    this.#told = () => {
      const done = progress.told();
      return counts === undefined ? done : Buffer.concat([done, countOf(counts.told())]);
    };
    this.#ws.on('pong', (bytes) => {
      progress.hear(peer, bytes.subarray(0, COUNT_BYTES));
      if (counts !== undefined && bytes.length === 2 * COUNT_BYTES) counts.acknowledge(bytes.readDoubleLE(COUNT_BYTES));
    });
    const telling = setInterval(() => this.tell(), progress.tickMs).unref();
    void this.#closed.then(() => clearInterval(telling));
  }

  /** Tells at once. */
  tell(): void {
    if (this.#ws.readyState === WebSocket.OPEN && this.#told !== undefined) this.#ws.pong(this.#told());
  }

  send(parts: readonly Uint8Array[]): Promise<void> | undefined {
    const ws = this.#ws;
    if (ws.readyState !== WebSocket.OPEN) {
      const refusal = Promise.reject(new Error(this.#reason ?? 'the connection has ended'));
      refusal.catch(() => undefined);
      return refusal;
    }
    const bytes = totalBytes(parts);
    this.#gather();
    if (bytes <= ONE_PIECE_BYTES) {
      ws.send(parts.length === 1 ? parts[0] : Buffer.concat(parts), { binary: true, fin: true }, this.#onWritten);
    } else {
      for (const [i, part] of parts.entries())
        ws.send(part, { binary: true, fin: i === parts.length - 1 }, this.#onWritten);
    }
    return ws.bufferedAmount <= this.#highWaterBytes ? undefined : this.#room.wait();
  }

  attach(sink: FrameSink): void {
    this.#inlet.attach(sink);
  }

  detach(): void {
    this.#inlet.detach();
  }

  async close(): Promise<void> {
    this.#ws.close(1000);
    const impatience = setTimeout(() => this.#ws.terminate(), CLOSE_MS).unref();
    await this.#closed;
    clearTimeout(impatience);
  }

  destroy(): void {
    this.#ws.terminate();
  }

  /** What is sent until the running callbacks and promises are done leaves in one system call, which costs more than a small frame. */
  #gather(): void {
    if (this.#gathering) return;
    this.#gathering = true;
    this.#socket.cork();
    process.nextTick(() => {
      this.#gathering = false;
      this.#socket.uncork();
    });
  }

  /** Told by `ws` when a fragment has left for the operating system; on failure the close event follows with the reason. */
  readonly #onWritten = (): void => {
    if (this.#ws.bufferedAmount <= this.#highWaterBytes) this.#room.release();
  };

  /** Counts before `ws` puts bytes together: of a frame of megabytes no more than this is kept. */
  readonly #onUnprovedBytes = (chunk: Uint8Array): void => {
    this.#unprovedBytes += chunk.length;
    if (this.#unprovedBytes > MAX_UNPROVED_BYTES)
      this.#end(`more than ${MAX_UNPROVED_BYTES} bytes before it proved who it is`);
  };

  #onMessage(data: RawData, isBinary: boolean): void {
    if (!isBinary) return this.#end('a text message, where only binary ones are allowed');
    if (!this.#trusted && ++this.#unprovedMessages > MESSAGES_BEFORE_PROOF)
      return this.#end(`more than ${MESSAGES_BEFORE_PROOF} messages before it proved who it is`);
    this.#inlet.frame(data as Buffer[]);
  }

  #end(reason: string): void {
    this.#reason ??= reason;
    this.#ws.terminate();
  }

  /**
   * Notices a peer that vanished without a word (power, network). Counts ticks without a byte, not time: after a long computation on
   * this side the tick comes first and the bytes that had arrived are read right after it; if this process stood still, it counts anew. Any byte counts, also part of a large frame
   * on a slow line; and as both ends ping, one of them hears the other even while its own pings wait behind its data.
   */
  #watchLiveness(livenessMs: number): NodeJS.Timeout {
    let seen = 0;
    let silentTicks = 0;
    let last = performance.now();
    const tick = (): void => {
      const passed = performance.now() - last;
      last += passed;
      const heard = this.#socket.bytesRead !== seen || stoodStill(passed, livenessMs / PINGS);
      silentTicks = heard ? 0 : silentTicks + 1;
      seen = this.#socket.bytesRead;
      if (silentTicks >= PINGS) return this.#end(`no sign of life for ${livenessMs / 1000} s`);
      if (this.#ws.readyState === WebSocket.OPEN) this.#ws.ping();
    };
    return setInterval(tick, livenessMs / PINGS).unref();
  }
}

function countOf(count: number): Uint8Array {
  return new Uint8Array(Float64Array.of(count).buffer);
}

function textOf(error: Error): string {
  return error.message === '' ? 'unknown error' : error.message;
}
