/** Requests over one kept connection to a party whose key has been seen to be right; times are taken close to the wire. */
import { Agent, request, type IncomingHttpHeaders } from 'node:http';
import type { Duplex } from 'node:stream';
import { joinAddress } from '../../federation/address.ts';
import { failureOf, type Outcome } from './dial.ts';
import { knock, nameOf, type Door, type DoorLimits } from './door.ts';

export interface Asked {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly body?: Uint8Array | undefined;
  readonly timeoutMs?: number | undefined;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** By this machine's clock, in milliseconds since 1970, to the microsecond: the request began to leave, the answer began to arrive. */
  readonly sentAt: number;
  readonly receivedAt: number;
}

const MOST_BYTES = 16 * 2 ** 20;

export class Line {
  readonly #door: Door;
  readonly #agent: Agent;
  readonly #timeoutMs: number;

  constructor(door: Door, limits: DoorLimits) {
    this.#door = door;
    this.#timeoutMs = limits.timeoutMs;
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1 });
    this.#agent.createConnection = (_options: object, made?: (error: Error | null, socket: Duplex) => void) => {
      void knock(door, limits).then(({ socket, findings }) => {
        if (socket !== undefined) return made?.(null, socket);
        const error = new Error(findings[0]?.what ?? `${nameOf(door)} cannot be reached`);
        // The types want a socket beside the error, Node does not.
        (made as ((error: Error) => void) | undefined)?.(Object.assign(error, { code: 'EDOOR' }));
      });
      return undefined;
    };
  }

  ask({ method, path, headers, body, timeoutMs = this.#timeoutMs }: Asked): Promise<Outcome<Answer>> {
    return new Promise((done) => {
      let sentAt = 0;
      const length = body === undefined ? {} : { 'content-length': String(body.length) };
      const call = request({
        agent: this.#agent,
        method,
        path,
        headers: { host: joinAddress(this.#door.endpoint), ...headers, ...length },
      });
      const fail = (error: unknown): void => {
        clearTimeout(timer);
        call.on('error', () => undefined).destroy();
        done({ failed: failureOf(error) });
      };
      const late = Object.assign(new Error(`no answer for ${timeoutMs / 1000} s`), { code: 'ESILENT' });
      const timer = setTimeout(() => fail(late), timeoutMs);
      call.once('error', fail);
      call.once('socket', () => (sentAt = wallClock()));
      call.once('response', (answer) => {
        const receivedAt = wallClock();
        const parts: Buffer[] = [];
        let bytes = 0;
        answer.on('data', (part: Buffer) => {
          parts.push(part);
          bytes += part.length;
          if (bytes > MOST_BYTES) fail(Object.assign(new Error('its answer has no end'), { code: 'EBIG' }));
        });
        answer.once('error', fail);
        answer.once('end', () => {
          clearTimeout(timer);
          const { statusCode = 0, headers } = answer;
          done({ value: { status: statusCode, headers, body: Buffer.concat(parts), sentAt, receivedAt } });
        });
      });
      call.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

function wallClock(): number {
  return performance.timeOrigin + performance.now();
}
