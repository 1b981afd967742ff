/**
 * Requests to parties by `fetch`. A page compares no TLS keys: whom it speaks with, its browser tells by the certificate. What is for a party's
 * eyes is sealed to the key in the federation file all the same, and every request is signed for that key.
 *
 * A browser says of a request that failed no more than that it did. Whether a party answers at all, and only not to pages of this origin, is found
 * by asking once more without wanting to read the answer.
 */
import { Problem } from '../../data/problem.ts';
import type { PartyCard } from '../../federation/card.ts';
import type { Federation } from '../../federation/federation-file.ts';
import { joinBytes } from '../../random/text.ts';
import type { LocalPorts, OpenTransport } from '../platform.ts';
import type { PartyName } from '../parties.ts';
import { type Reply, type Request, retryAfter, Unreachable } from '../federated/transport.ts';

/** Of the question whether anything answers there. */
const PROBE_MS = 5000;
/** A body may take so long beyond `idleMs`: as slow as a party lets it be. */
const BYTES_PER_MS = 10;

/** @param local plain HTTP on this very machine, in place of the cards' addresses */
export function fetchTransport(federation: Federation, local: LocalPorts | undefined): OpenTransport {
  const ending = new AbortController();
  /** Parties that have let this page read an answer. */
  const open = new Set<PartyName>();
  return {
    async send(party, request) {
      const place = placeOf(federation.parties[party], party, local);
      const reply = await send(place, request, ending.signal, open.has(party));
      open.add(party);
      return reply;
    },
    close: () => ending.abort(new Problem('the connection to the federation is closed', 'connect again')),
  };
}

interface Place {
  readonly party: PartyName;
  readonly card: PartyCard;
  /** `https://p0.example.org:7600` */
  readonly base: string;
  readonly isLocal: boolean;
}

function placeOf(card: PartyCard, party: PartyName, local: LocalPorts | undefined): Place {
  if (local === undefined) return { party, card, base: `https://${card.address}`, isLocal: false };
  const port = local[party];
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new Problem(`local.${party}: ${String(port)} is no port`, 'give the port of "local" in its party.json');
  return { party, card, base: `http://127.0.0.1:${port}`, isLocal: true };
}

async function send(place: Place, request: Request, ending: AbortSignal, isOpen: boolean): Promise<Reply> {
  const { method, path, headers, body, idleMs, maxBytes, signal } = request;
  const silent = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const wait = (ms: number): void => {
    clearTimeout(timer);
    timer = setTimeout(() => silent.abort(), ms);
  };
  try {
    wait(idleMs + (body?.length ?? 0) / BYTES_PER_MS);
    const answer = await fetch(place.base + path, {
      ...{ method, headers, body: (body as Uint8Array<ArrayBuffer> | undefined) ?? null },
      signal: AbortSignal.any([silent.signal, ending, ...(signal === undefined ? [] : [signal])]),
      ...OF_ALL,
    });
    wait(idleMs);
    const bytes = await collect(answer, maxBytes, place, () => wait(idleMs));
    return { status: answer.status, body: bytes, retryAfterMs: retryAfter(answer.headers.get('retry-after')) };
  } catch (error) {
    if (error instanceof Problem) throw error;
    // An abort is the caller's own.
    if (signal?.aborted === true) throw signal.reason;
    if (ending.aborted) throw ending.reason;
    if (silent.signal.aborted)
      throw unreachable(place, 'it has fallen silent', 'run it again; if it stays so, ask its operator');
    if (isOpen) {
      const closed = unreachable(place, 'it closed the connection, or cannot be reached any more', 'try it again');
      closed.stale = true;
      throw closed;
    }
    throw await lacking(place);
  } finally {
    clearTimeout(timer);
  }
}

const OF_ALL = { cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer' } as const;

async function collect(answer: Response, maxBytes: number, { party }: Place, onPiece: () => void): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const reader = (answer.body as ReadableStream<Uint8Array> | null)?.getReader();
  for (let read = await reader?.read(); read !== undefined && !read.done; read = await reader!.read()) {
    onPiece();
    length += read.value.length;
    if (length > maxBytes) {
      await reader!.cancel().catch(() => undefined);
      throw new Problem(
        `${party}: its answer is longer than the ${maxBytes} bytes expected`,
        'ask its operator which version it runs',
      );
    }
    parts.push(read.value);
  }
  return joinBytes(parts);
}

/** What a party that has not let this page read anything lacks, as far as a browser can tell. */
async function lacking(place: Place): Promise<Problem> {
  const { card, base, isLocal, party } = place;
  const { origin } = (globalThis as { readonly location?: { readonly origin: string } }).location ?? { origin: '' };
  if (await answers(base)) {
    return new Problem(
      `${party} (${base}) answers, but not to pages of ${origin}`,
      `its operator adds "pages": ["${origin}"] to party.json and restarts the party`,
    );
  }
  const csp = origin === '' ? '' : `; and that the page's Content-Security-Policy has ${base} in connect-src`;
  if (isLocal)
    return unreachable(place, 'nothing answers there', `see that the party runs, with "local" in party.json${csp}`);
  if (card.trust === 'pinned')
    return unreachable(
      place,
      'it does not run, or this browser does not trust its certificate, which is its own (trust: pinned)',
      `pages need a certificate that browsers know: its operator sets "publicTls" and makes a card of public trust (docs/deploy.md)${csp}`,
    );
  const certificate =
    card.trust === 'public' ? 'see that its certificate is valid' : 'have this browser know the authority of its card';
  return unreachable(
    place,
    'it does not run, or this browser does not trust its certificate',
    `see that the party runs; ${certificate}${csp}`,
  );
}

/** Whether anything answers there whose certificate is trusted; nothing of the answer can be read. */
async function answers(base: string): Promise<boolean> {
  try {
    // What cannot be read may not be kept from leading elsewhere, either.
    const unread = { mode: 'no-cors', redirect: 'follow' } as const;
    const probe = { ...OF_ALL, ...unread, signal: AbortSignal.timeout(PROBE_MS) };
    return (await fetch(`${base}/v1/hello`, probe)).type === 'opaque';
  } catch {
    return false;
  }
}

function unreachable({ party, base }: Place, reason: string, fix: string): Unreachable {
  return new Unreachable(party, base, reason, fix);
}
