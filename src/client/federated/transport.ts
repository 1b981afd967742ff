/** How a client reaches a party: Node's https (`https.ts`), `fetch` in a browser, a fake in a test. Nothing here needs Node. */
import { Problem } from '../../data/problem.ts';
import type { PartyName } from '../parties.ts';

export interface Request {
  readonly method: 'GET' | 'POST' | 'PUT';
  /** With the query: `/v1/jobs?state=queued`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
  /** Without a byte in either direction for so long, the party counts as unreachable. */
  readonly idleMs: number;
  /** Of the answer: a longer one is not read to its end. */
  readonly maxBytes: number;
  readonly signal?: AbortSignal | undefined;
}

export interface Reply {
  readonly status: number;
  readonly body: Uint8Array;
  /** Of a party that asks for patience. */
  readonly retryAfterMs?: number | undefined;
}

/** Rejects with `Unreachable` when no answer came, with a Problem when the party is not who it should be. */
export type Transport = (party: PartyName, request: Request) => Promise<Reply>;

/** No answer came from a party: nothing is known of what it did. */
export class Unreachable extends Problem {
  readonly party: PartyName;
  /** The connection had stood idle and was closed just then: the same again, on a new one, is likely to work. */
  stale = false;

  /** @param reason refused, timed out, … */
  constructor(party: PartyName, where: string, reason: string, fix: string, options?: ErrorOptions) {
    super(`${party} (${where}) cannot be reached: ${reason}`, fix, options);
    this.party = party;
  }
}

/** A party answered that it will not; its own words. */
export class Refused extends Problem {
  readonly party: PartyName;
  readonly status: number;

  constructor(party: PartyName, status: number, error: string, fix: string) {
    super(`${party}: ${error}`, fix);
    this.party = party;
    this.status = status;
  }
}

/** Milliseconds of the header `retry-after`, where it names seconds. */
export function retryAfter(header: string | null | undefined): number | undefined {
  const seconds = Number(header ?? NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? 1000 * seconds : undefined;
}
