/** What answers at an address, asked without a name: whether it is a party at all, what stands in front of it, its clock and how long it takes. */
import * as z from 'zod';
import { FEDERATION_PROTOCOL } from '../../federation/card.ts';
import { offsetOf, type Offset, type Reading } from './clocks.ts';
import type { Outcome } from './dial.ts';
import { nameOf, type Door, type DoorLimits } from './door.ts';
import type { Finding } from './finding.ts';
import { Line, type Answer } from './line.ts';

const helloAnswer = z.looseObject({
  protocol: z.int(),
  instance: z.string().min(1).max(128),
  time: z.number(),
});

export interface Greeted {
  readonly findings: readonly Finding[];
  /** Of the life of the party that answers; undefined: no party does. */
  readonly instance?: string | undefined;
  readonly offset?: Offset | undefined;
  /** The median of small requests, there and back, in milliseconds, the party's own time included; the least. */
  readonly medianMs?: number | undefined;
  readonly leastMs?: number | undefined;
}

/** Small requests; the first of a connection is not counted. */
const TIMES = 12;
/** Connections of their own, to see whether the same process answers. */
const CONNECTIONS = 3;

/** @param line whose connection is good */
export async function greet(door: Door, line: Line, limits: DoorLimits): Promise<Greeted> {
  const first = await line.ask(HELLO);
  const read = readHello(door, first);
  if (!('instance' in read)) return { findings: [read] };
  const findings = proxies(door, (first as { readonly value: Answer }).value);
  if (read.protocol !== FEDERATION_PROTOCOL) {
    const what = `${nameOf(door)} speaks version ${read.protocol} of the interface, this program version ${FEDERATION_PROTOCOL}`;
    const fix =
      read.protocol > FEDERATION_PROTOCOL
        ? 'install the newer version here'
        : `install the newer version at ${door.party}`;
    return { findings: [...findings, { level: 'fault', party: door.party, code: 'protocol', what, fix }] };
  }
  const readings: Reading[] = [];
  const instances = new Set([read.instance]);
  for (let i = 1; i < TIMES; i++) {
    const answer = await line.ask(HELLO);
    const again = readHello(door, answer);
    if (!('instance' in again)) return { findings: [...findings, again] };
    const { sentAt, receivedAt } = (answer as { readonly value: Answer }).value;
    readings.push({ sentAt, receivedAt, time: again.time });
    instances.add(again.instance);
  }
  for (let i = 0; i < CONNECTIONS; i++) {
    const other = new Line(door, limits);
    const again = readHello(door, await other.ask(HELLO));
    other.close();
    if ('instance' in again) instances.add(again.instance);
  }
  if (instances.size > 1) {
    const what = `${nameOf(door)}: ${instances.size} processes answer in turns: a load balancer spreads requests over several, or the party restarts all the time`;
    const fix = `run one process of ${door.party} alone (a StatefulSet of one replica), and see its log for restarts`;
    findings.push({ level: 'fault', party: door.party, code: 'load-balancer', what, fix });
  }
  const times = readings.map(({ sentAt, receivedAt }) => receivedAt - sentAt).sort((a, b) => a - b);
  return {
    findings,
    instance: read.instance,
    offset: offsetOf(readings),
    medianMs: times[times.length >> 1],
    leastMs: times[0],
  };
}

const HELLO = { method: 'GET', path: '/v1/hello' } as const;

function readHello(door: Door, outcome: Outcome<Answer>): z.infer<typeof helloAnswer> | Finding {
  const where = nameOf(door);
  const { party } = door;
  if ('failed' in outcome) {
    const { code, message } = outcome.failed;
    const fix =
      code === 'ESILENT'
        ? `see the log of ${party}: its process may be stopped or overloaded; a load balancer answers TLS though nothing is behind it`
        : `see the log of ${party}`;
    return { level: 'fault', party, code: 'not-ours', what: `${where}: no answer to a request: ${message}`, fix };
  }
  const { status, headers, body } = outcome.value;
  const parsed = helloAnswer.safeParse(jsonOf(body));
  if (status === 200 && parsed.success) return parsed.data;
  if (status === 429 || (status === 503 && headers.securenn !== undefined)) {
    const what = `${where} answers that it has too much to do, or is stopping`;
    return { level: 'fault', party, code: 'busy', what, fix: 'run the check again in a minute' };
  }
  if (GATEWAY.includes(status)) {
    const what = `${where}: a proxy answers with status ${status}: it has no party behind it${signOf(outcome.value)}`;
    return {
      level: 'fault',
      party,
      code: 'proxy',
      what,
      fix: `see that ${party} runs, and that the proxy leads to it`,
    };
  }
  const what = `${where}: what answers is no party of securenn (status ${status}${signOf(outcome.value)})`;
  const fix = `see what listens there: the card of ${party} has to name the port of its service (address)`;
  return { level: 'fault', party, code: 'not-ours', what, fix };
}

const GATEWAY: readonly number[] = [502, 503, 504, 520, 521, 522, 523, 524];

/** What a proxy leaves in headers. */
const TRACES = ['via', 'x-cache', 'x-served-by', 'x-envoy-upstream-service-time', 'cf-ray', 'x-amz-cf-id', 'x-varnish'];

function proxies(door: Door, answer: Answer): Finding[] {
  const traces = TRACES.filter((name) => answer.headers[name] !== undefined);
  const server = answer.headers.server;
  if (traces.length === 0 && server === undefined) return [];
  const sign = [...traces, ...(server === undefined ? [] : ['server'])].map(
    (name) => `${name}: ${brief(answer.headers[name])}`,
  );
  const has = door.trust === 'pinned' ? `, and it has the party's TLS key` : '';
  const what = `${nameOf(door)}: a proxy stands in front of the party (${sign.join(', ')})${has}`;
  const fix =
    door.trust === 'pinned'
      ? `if ${door.party} has put it there, let it pass TLS through in place of opening it; otherwise its key is stolen: securenn party rotate tls`
      : 'it is expected where a card trusts public certificates; requests are signed, and what is secret in them is sealed';
  const level = door.trust === 'pinned' ? 'warning' : 'note';
  return [{ level, party: door.party, code: 'proxy', what, fix }];
}

function signOf({ headers }: Answer): string {
  const signs = ['server', 'via', 'location'].filter((name) => headers[name] !== undefined);
  return signs.map((name) => `, ${name}: ${brief(headers[name])}`).join('');
}

function brief(value: string | readonly string[] | undefined): string {
  return printable(String(value)).slice(0, 60);
}

/** Another's words on a terminal: no control characters. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ');
}

export function jsonOf(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}
