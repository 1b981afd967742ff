/** Dials a party: TCP, TLS where keys are pinned, and a WebSocket. */
import type { Socket } from 'node:net';
import { WebSocket } from 'ws';
import { ChannelError, type PeerName } from './channel.ts';
import { DEFAULT_FRAME_BYTES } from './frame.ts';
import type { LinkTls } from './pins.ts';
import { connectTls, PinError, type Dialled } from './tls.ts';
import { MAX_FRAGMENTS, WebSocketTransport, type WebSocketOptions } from './websocket.ts';

export interface DialOptions extends WebSocketOptions {
  readonly timeoutMs: number;
  /** Ends the attempts early, with its reason. */
  readonly signal?: AbortSignal;
  /** For `wss://`: our key, and who must answer. */
  readonly tls?: LinkTls | undefined;
  readonly peer?: PeerName | undefined;
  /** For `wss://`: the session that the connection is for, so that whoever accepts it knows where it belongs. */
  readonly session?: string | undefined;
}

const RETRY_MS = 100;

/** Connects to `url`, trying again until it answers or `timeoutMs` is over: parties start in any order. */
export async function dial(url: string, options: DialOptions): Promise<WebSocketTransport> {
  const deadline = performance.now() + options.timeoutMs;
  for (;;) {
    try {
      return await dialOnce(url, { ...options, timeoutMs: Math.max(1, deadline - performance.now()) });
    } catch (error) {
      options.signal?.throwIfAborted();
      if (performance.now() + RETRY_MS >= deadline) {
        const seconds = Math.round(options.timeoutMs / 100) / 10;
        throw new ChannelError(`no answer from ${url} for ${seconds} s: ${textOf(error)}`, { cause: error });
      }
      if (isHopeless(error)) throw new ChannelError(`cannot connect to ${url}: ${textOf(error)}`, { cause: error });
    }
    await pause(RETRY_MS, options.signal);
  }
}

/** One attempt. With TLS, the first byte of ours that is not TLS's own leaves after the other end has proved its key. */
export async function dialOnce(url: string, options: DialOptions): Promise<WebSocketTransport> {
  const { tls, peer, timeoutMs, signal, session } = options;
  if (/^wss:/i.test(url) !== (tls !== undefined))
    throw new SyntaxError(tls === undefined ? 'wss:// needs keys to show and to expect' : 'expected wss://HOST:PORT');
  if (tls === undefined) return upgrade(url, options);
  if (peer === undefined) throw new RangeError('dial: who is expected to answer?');
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const began = performance.now();
  const dialled = await connectTls({ host, port: Number(port || 443) }, tls, peer, { timeoutMs, signal, session });
  const left = Math.max(1, timeoutMs - (performance.now() - began));
  return upgrade(`ws:${url.slice('wss:'.length)}`, { ...options, timeoutMs: left }, dialled);
}

/** Resolves after `ms`, or at once when the signal is given. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
    if (signal?.aborted === true) done();
    else signal?.addEventListener('abort', done);
  });
}

/** @param dialled the connection to run on; a new one over TCP when absent */
function upgrade(url: string, options: DialOptions, dialled?: Dialled): Promise<WebSocketTransport> {
  return new Promise((resolve, reject) => {
    options.signal?.throwIfAborted();
    const ws = new WebSocket(url, {
      ...(dialled && { createConnection: () => dialled.socket }),
      generateMask: (mask) => void mask.fill(0),
      perMessageDeflate: false,
      maxPayload: options.maxFrameBytes ?? DEFAULT_FRAME_BYTES,
      maxFragments: MAX_FRAGMENTS,
      autoPong: false,
      handshakeTimeout: Math.ceil(options.timeoutMs),
    });
    const stop = (): void => ws.terminate();
    options.signal?.addEventListener('abort', stop);
    let socket: Socket | undefined;
    ws.once('upgrade', (response) => (socket = response.socket));
    ws.once('open', () => {
      options.signal?.removeEventListener('abort', stop);
      resolve(new WebSocketTransport(ws, socket!, options, dialled?.secured));
    });
    ws.once('error', (error) => {
      options.signal?.removeEventListener('abort', stop);
      dialled?.socket.destroy();
      reject(error);
    });
  });
}

/** An answer that waiting will not change: a wrong address or key, or a server that is something else. */
function isHopeless(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (error instanceof PinError || error instanceof SyntaxError || /ERR_INVALID/.test(code)) return true;
  return /Unexpected server response: [34]/.test(textOf(error));
}

export function textOf(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  // The error for a name with several addresses has a code and no text.
  return message === '' ? (code ?? 'unknown error') : message;
}
