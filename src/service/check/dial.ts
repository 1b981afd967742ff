/**
 * How far a connection gets, step by step: name, TCP, TLS. A client that just fails says the last step; here each step's fault is kept, for
 * between three organisations it is not known whose firewall, resolver or proxy it was.
 */
import { lookup } from 'node:dns/promises';
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';
import type { HostPort } from '../../federation/address.ts';

/** An attempt that failed; `code` is the system's, or one of ours: ESILENT (no answer in time), ECLOSED (hung up without a word). */
export interface Failed {
  readonly code: string;
  readonly message: string;
}

export type Outcome<T> = { readonly value: T } | { readonly failed: Failed };

/** A name may have many; more are not tried. */
const MOST_ADDRESSES = 8;

/** Where a name leads. An address leads to itself. */
export async function resolve(host: string, timeoutMs: number): Promise<Outcome<readonly string[]>> {
  if (isIP(host) !== 0) return { value: [host] };
  // The system's resolver cannot be stopped; its late answer goes nowhere.
  const found = lookup(host, { all: true }).then(
    (all): Outcome<readonly string[]> => ({
      value: [...new Set(all.map(({ address }) => address))].slice(0, MOST_ADDRESSES),
    }),
    (error: unknown): Outcome<readonly string[]> => ({ failed: failureOf(error) }),
  );
  return within(found, timeoutMs, { failed: silent('the name server', timeoutMs) });
}

/** A connection to one address. @returns the socket, and how long its far end took to take it */
export function openTcp(
  address: string,
  port: number,
  timeoutMs: number,
): Promise<Outcome<{ readonly socket: Socket; readonly ms: number }>> {
  return new Promise((done) => {
    const start = performance.now();
    const socket = connectTcp({ host: address, port, noDelay: true });
    const fail = (failed: Failed): void => {
      clearTimeout(timer);
      socket.on('error', () => undefined).destroy();
      done({ failed });
    };
    const onError = (error: Error): void => fail(failureOf(error));
    const timer = setTimeout(() => fail(silent('the other end', timeoutMs)), timeoutMs);
    socket.once('error', onError).once('connect', () => {
      clearTimeout(timer);
      socket.off('error', onError);
      done({ value: { socket, ms: performance.now() - start } });
    });
  });
}

/**
 * TLS on an open connection, whatever key the other end shows: that is for the caller to judge, before it sends anything. Older versions than
 * ours are accepted so that they can be named.
 */
export function openTls(
  line: Socket,
  { host }: HostPort,
  options: Pick<ConnectionOptions, 'ca' | 'key' | 'cert' | 'ALPNProtocols'>,
  timeoutMs: number,
): Promise<Outcome<TLSSocket>> {
  return new Promise((done) => {
    const socket = connectTls({
      ...options,
      socket: line,
      ...(isIP(host) === 0 ? { servername: host } : {}),
      rejectUnauthorized: false,
    });
    const fail = (failed: Failed): void => {
      clearTimeout(timer);
      socket.on('error', () => undefined).destroy();
      line.on('error', () => undefined).destroy();
      done({ failed });
    };
    const onError = (error: Error): void => fail(failureOf(error));
    const onClose = (): void => fail({ code: 'ECLOSED', message: 'it closed the connection without a word' });
    const timer = setTimeout(() => fail(silent('TLS', timeoutMs)), timeoutMs);
    line.once('error', onError);
    socket
      .once('error', onError)
      .once('close', onClose)
      .once('secureConnect', () => {
        clearTimeout(timer);
        socket.off('error', onError).off('close', onClose);
        // The other end may hang up whenever it likes.
        socket.on('error', () => undefined);
        done({ value: socket });
      });
  });
}

/** Settles with `late` when the time is over first. */
export async function within<T>(promise: Promise<T>, timeoutMs: number, late: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<T>((resolve) => (timer = setTimeout(() => resolve(late), timeoutMs)));
  try {
    return await Promise.race([promise, over]);
  } finally {
    clearTimeout(timer);
  }
}

export function failureOf(error: unknown): Failed {
  const { code, message } = error as NodeJS.ErrnoException;
  return { code: code ?? 'EUNKNOWN', message: message === '' ? (code ?? 'unknown error') : message };
}

function silent(who: string, timeoutMs: number): Failed {
  return { code: 'ESILENT', message: `no answer from ${who} for ${timeoutMs / 1000} s` };
}
