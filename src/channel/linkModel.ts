/** What a link is like between two machines: how long a byte is on its way, and how many leave in a second. */

export interface LinkModel {
  /** There and back, in milliseconds; one direction takes half of it. */
  readonly rttMs: number;
  /** 10^6 bytes a second, in each direction of each link. */
  readonly megabytesPerSecond: number;
}

/** The paper's settings (§8): round-trip times as `ping` shows them. */
export const LINKS: Readonly<Record<'lan' | 'wan', LinkModel>> = {
  lan: { rttMs: 0.22, megabytesPerSecond: 625 },
  wan: { rttMs: 58, megabytesPerSecond: 40 },
};

export const MAX_RTT_MS = 10_000;
export const MIN_MEGABYTES_PER_SECOND = 0.01;
export const MAX_MEGABYTES_PER_SECOND = 100_000;

/** What `parseLink` understands, in words. */
export const LINK_FORMS: string = [
  ...Object.entries(LINKS).map(([name, model]) => `${name} (${describeLink(model)})`),
  'or RTT_MS:MBPS, milliseconds there and back and megabytes a second, such as 20:125',
].join(', ');

const NUMBER = /^(\d+\.?\d*|\.\d+)$/;

/** Reads `lan`, `wan` or `RTT_MS:MBPS`. Throws RangeError that says what is understood. */
export function parseLink(text: string): LinkModel {
  if (Object.hasOwn(LINKS, text)) return LINKS[text as 'lan' | 'wan'];
  const parts = text.split(':');
  if (parts.length !== 2 || !parts.every((part) => NUMBER.test(part)))
    throw new RangeError(`expected ${LINK_FORMS}, found "${text}"`);
  const [rttMs, megabytesPerSecond] = parts.map(Number);
  if (rttMs > MAX_RTT_MS) throw new RangeError(`expected at most ${MAX_RTT_MS} ms there and back, found "${parts[0]}"`);
  if (megabytesPerSecond < MIN_MEGABYTES_PER_SECOND || megabytesPerSecond > MAX_MEGABYTES_PER_SECOND) {
    throw new RangeError(
      `expected ${MIN_MEGABYTES_PER_SECOND} to ${MAX_MEGABYTES_PER_SECOND} megabytes a second, found "${parts[1]}"`,
    );
  }
  return { rttMs, megabytesPerSecond };
}

/** `58 ms, 40 MB/s`. */
export function describeLink({ rttMs, megabytesPerSecond }: LinkModel): string {
  return `${rttMs} ms, ${megabytesPerSecond} MB/s`;
}

/** Milliseconds that `bytes` take from leaving an idle end to having arrived whole. */
export function oneWayMs({ rttMs, megabytesPerSecond }: LinkModel, bytes: number): number {
  return rttMs / 2 + bytes / (1000 * megabytesPerSecond);
}
