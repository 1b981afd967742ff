/** How fast bytes go to another party: signed requests of growing size over one connection, which warms it up as a job's traffic would. */
import { createHash, randomBytes } from 'node:crypto';
import { CHUNK_BYTES } from '../../federation/chunks.ts';
import { nameOf, type Door, type DoorLimits } from './door.ts';
import type { Finding } from './finding.ts';
import type { Line } from './line.ts';

export interface Bandwidth {
  readonly findings: readonly Finding[];
  /** 10^6 bytes a second. */
  readonly megabytesPerSecond?: number | undefined;
}

const MIB = 2 ** 20;
/** The largest is what one request of an upload carries, with its tag. */
const SIZES: readonly number[] = [MIB / 4, MIB, 4 * MIB, CHUNK_BYTES, CHUNK_BYTES, CHUNK_BYTES, CHUNK_BYTES];
/** Slower than this a chunk of an upload takes more than a minute. */
const SLOW = 0.15;
const PATH = '/v1/probe';

/** @param sign makes the header `authorization` @param rttMs of small requests: no time of the bytes */
export async function measureBandwidth(
  door: Door,
  line: Line,
  sign: (method: string, path: string, bodyDigest: string) => string,
  rttMs: number,
  { largeMs, measureMs }: Pick<DoorLimits, 'largeMs' | 'measureMs'>,
): Promise<Bandwidth> {
  const { party } = door;
  // Random, so that nothing on the way makes it smaller.
  const bytes = randomBytes(CHUNK_BYTES);
  const start = performance.now();
  const rates: { readonly size: number; readonly rate: number }[] = [];
  for (const size of SIZES) {
    if (rates.length > 0 && performance.now() - start > measureMs) break;
    const body = bytes.subarray(0, size);
    const authorization = sign('POST', PATH, createHash('sha256').update(body).digest('hex'));
    const headers = { authorization, 'content-type': 'application/octet-stream' };
    const outcome = await line.ask({ method: 'POST', path: PATH, headers, body, timeoutMs: largeMs });
    const large = `a request of ${size / MIB} MiB`;
    if ('failed' in outcome) {
      const what = `${nameOf(door)}: small requests pass, ${large} does not (${outcome.failed.message})`;
      const fix =
        'packets of full size are lost on the way when ICMP is blocked and a tunnel takes a part of each: let "fragmentation needed" (ICMP type 3, code 4; ICMPv6 type 2) through or lower the MTU; a proxy may also limit requests';
      return { findings: [{ level: 'fault', party, code: 'large-requests', what, fix }] };
    }
    const { status, sentAt, receivedAt } = outcome.value;
    if (status === 413) {
      const what = `${nameOf(door)}: ${large} is refused as too large (status 413): a proxy in front of the party limits them`;
      const fix = 'let it pass requests of 9 MiB (nginx: client_max_body_size 9m; ingress-nginx: proxy-body-size)';
      return { findings: [{ level: 'fault', party, code: 'large-requests', what, fix }] };
    }
    if (status !== 200) {
      const what = `${nameOf(door)}: bandwidth cannot be measured: ${PATH} answers with status ${status}`;
      const fix =
        status === 429 ? 'run the check again in a minute' : `see the log of ${party}; do both run the same version?`;
      return { findings: [{ level: 'warning', party, code: 'busy', what, fix }], ...rateOf(rates) };
    }
    rates.push({ size, rate: size / 1000 / Math.max(0.05, receivedAt - sentAt - rttMs) });
  }
  const { megabytesPerSecond } = rateOf(rates);
  if (megabytesPerSecond === undefined || megabytesPerSecond >= SLOW) return { findings: [], megabytesPerSecond };
  const what = `${nameOf(door)}: ${Number(megabytesPerSecond.toPrecision(2))} MB/s: a training sends gigabytes`;
  const fix = 'see what `securenn estimate` says of such a link (--link); find out what limits it';
  return { findings: [{ level: 'warning', party, code: 'slow-link', what, fix }], megabytesPerSecond };
}

/** The median of the largest requests. */
function rateOf(rates: readonly { readonly size: number; readonly rate: number }[]): {
  readonly megabytesPerSecond?: number | undefined;
} {
  const largest = Math.max(...rates.map(({ size }) => size));
  const those = rates.filter(({ size }) => size === largest).map(({ rate }) => rate);
  return { megabytesPerSecond: those.toSorted((a, b) => a - b)[those.length >> 1] };
}
