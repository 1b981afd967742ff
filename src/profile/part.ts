/**
 * One party's part of a profile, as it travels: to a file, or to whoever makes the report. What arrives comes from a server one need not
 * trust: every field is checked, and sizes are bounded before anything is taken in.
 *
 * | bytes | field |
 * |---|---|
 * | 4 | magic `SNNp` |
 * | 4 | version, 1 |
 * | 4 | length n of the header, at most 4 MiB |
 * | 4 | number m of events, at most 2^20 |
 * | n | header: JSON, padded with spaces so that 16 + n is a multiple of 8 |
 * | 37m | the columns of the log one after the other, widest elements first |
 *
 * Little-endian, as everywhere.
 */
import * as z from 'zod';
import { KINDS, type CountedLine, PARTIES, type PartyName } from './line.ts';
import { type Columns, makeColumns } from './log.ts';
import { type RankCounters, rankCountersSchema } from './rank-counters.ts';
import { type CoreWait, MAXIMUM_LINES, MAXIMUM_READINGS, type Gauge, type Recording } from './recorder.ts';

/** What this party's link to a peer counted. */
export interface LinkTraffic {
  readonly peer: PartyName;
  readonly messages: number;
  readonly payloadBytes: number;
  readonly frameBytes: number;
}

/** This party's clock against P0's: P0's time = own time + offset, give or take `uncertaintyMs`. */
export interface ClockReading {
  readonly offsetMs: number;
  readonly uncertaintyMs: number;
}

export interface PartHeader {
  readonly session: string;
  readonly party: PartyName;
  readonly clock: ClockReading;
  /** Whether the party reached the end of its job. */
  readonly complete: boolean;
  /** The channel's own counters, to the other parties. */
  readonly traffic: readonly LinkTraffic[];
  /** Online rounds as the engine counts them. */
  readonly rounds: number;
  /** Of a party of several ranks: what each spent since the protocols started. All else here is of rank 0. */
  readonly ranks?: readonly RankCounters[] | undefined;
}

export interface Part extends PartHeader, Recording {}

export class PartError extends Error {
  override readonly name = 'PartError';
}

export const MAXIMUM_PART_BYTES: number = 48 * 2 ** 20;
const MAXIMUM_HEADER_BYTES = 4 * 2 ** 20;
const MAXIMUM_EVENTS = 2 ** 20;
const MAGIC = 0x704e4e53;
const VERSION = 1;
const FIXED_BYTES = 16;
/** 10^15 ms or bytes: above what any session has, exact in a double. */
const MOST = 1e15;

const amount = z.number().min(0).max(MOST);
const count = z.int().min(0);
const time = z.number().min(-MOST).max(MOST);
const words = z.string().regex(/^[ -~]{0,256}$/);
const party = z.enum(PARTIES);
const gauge: z.ZodType<Gauge> = z.strictObject({ mean: amount, peak: count });
const coreWait: z.ZodType<CoreWait> = z.strictObject({ atMs: time, waitedMs: amount });
const line = z.strictObject({
  scope: words,
  kind: z.enum(KINDS),
  name: words,
  peer: party.optional(),
  calls: count,
  spanMs: amount,
  ownMs: amount,
  localMs: amount,
  idleMs: amount,
  gpuMs: amount,
  payloadBytes: count,
  frameBytes: count,
  rounds: count,
});
const header = z.strictObject({
  session: words,
  party,
  clock: z.strictObject({ offsetMs: time, uncertaintyMs: amount }),
  complete: z.boolean(),
  traffic: z.array(z.strictObject({ peer: party, messages: count, payloadBytes: count, frameBytes: count })).max(3),
  rounds: count,
  ranks: z.array(rankCountersSchema).min(2).max(256).optional(),
  startMs: time,
  endMs: time,
  cpuMs: amount,
  lines: z.array(line).min(1).max(MAXIMUM_LINES),
  unlogged: count,
  kernels: gauge,
  awaited: gauge,
  coreWaits: z.array(coreWait).max(MAXIMUM_READINGS + 1),
});

/** The columns, widest elements first, so that each is aligned. */
const ORDER = [
  'end',
  ...(['span', 'busy', 'own', 'idle', 'bytes', 'message', 'messageHigh'] as const),
  ...(['line', 'cause'] as const),
  ...(['kernels', 'awaited'] as const),
] as const satisfies readonly (keyof Columns)[];

export function encodePart(own: PartHeader, { columns, ...counted }: Recording): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(JSON.stringify({ ...own, ...counted }));
  const padded = Math.ceil(json.length / 8) * 8;
  const views = ORDER.map((name) => columns[name]);
  const bytes = new Uint8Array(FIXED_BYTES + padded + views.reduce((sum, view) => sum + view.byteLength, 0));
  new Uint32Array(bytes.buffer, 0, 4).set([MAGIC, VERSION, padded, columns.line.length]);
  bytes.fill(0x20, FIXED_BYTES, FIXED_BYTES + padded);
  bytes.set(json, FIXED_BYTES);
  let at = FIXED_BYTES + padded;
  for (const view of views) {
    bytes.set(new Uint8Array(view.buffer, view.byteOffset, view.byteLength), at);
    at += view.byteLength;
  }
  return bytes;
}

/** Throws a PartError that names the source and what is wrong with it. */
export function decodePart(bytes: Uint8Array, source: string): Part {
  const refuse = (what: string): never => {
    throw new PartError(`${source}: ${what}`);
  };
  if (bytes.length > MAXIMUM_PART_BYTES) refuse(`${bytes.length} bytes, the limit is ${MAXIMUM_PART_BYTES}`);
  if (bytes.length < FIXED_BYTES) refuse('cut short');
  const own = new Uint8Array(bytes); // aligned, and nobody else's; a Buffer's `slice` would be neither
  const [magic, version, length, events] = new Uint32Array(own.buffer, 0, 4);
  if (magic !== MAGIC) refuse('not a part of a profile');
  if (version !== VERSION) refuse(`version ${version}, expected ${VERSION}`);
  if (length > MAXIMUM_HEADER_BYTES || length % 8 !== 0) refuse(`a header of ${length} bytes`);
  if (events > MAXIMUM_EVENTS) refuse(`${events} events, the limit is ${MAXIMUM_EVENTS}`);
  const columns = makeColumns(events);
  const expected = FIXED_BYTES + length + ORDER.reduce((sum, name) => sum + columns[name].byteLength, 0);
  if (own.length !== expected) refuse(`${own.length} bytes, expected ${expected}`);
  const fields = readHeader(own.subarray(FIXED_BYTES, FIXED_BYTES + length), refuse);
  let at = FIXED_BYTES + length;
  for (const name of ORDER) {
    const column = columns[name];
    new Uint8Array(column.buffer).set(own.subarray(at, at + column.byteLength));
    at += column.byteLength;
  }
  const fault = faultOf(columns, fields.lines.length, fields.startMs, fields.endMs);
  if (fault !== undefined) refuse(fault);
  return { ...fields, columns };
}

function readHeader(bytes: Uint8Array, refuse: (what: string) => never): Omit<Part, 'columns'> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return refuse('its header is not JSON');
  }
  const parsed = header.safeParse(json);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0];
    return refuse(`header: ${path.join('.')}: ${message}`);
  }
  const { lines, startMs, endMs, coreWaits } = parsed.data;
  if (endMs < startMs) refuse('it ends before it begins');
  if (
    coreWaits.some(
      ({ atMs, waitedMs }, i) => i > 0 && !(atMs >= coreWaits[i - 1].atMs && waitedMs >= coreWaits[i - 1].waitedMs),
    )
  )
    refuse('coreWaits: out of order');
  return { ...parsed.data, lines: lines.map((one): CountedLine => ({ ...one, peer: one.peer })) };
}

/** Lines exist, times are in order and inside the session, durations are not negative. */
function faultOf(columns: Columns, lines: number, startMs: number, endMs: number): string | undefined {
  let before = startMs;
  for (let i = 0; i < columns.line.length; i++) {
    if (columns.line[i] >= lines || columns.cause[i] >= lines) return `event ${i}: no such line`;
    const end = columns.end[i];
    if (!(end >= before && end <= endMs)) return `event ${i}: its time is out of order`;
    before = end;
    const least = Math.min(columns.span[i], columns.busy[i], columns.own[i], columns.idle[i]);
    const most = Math.max(columns.span[i], columns.busy[i], columns.own[i], columns.idle[i]);
    if (!(least >= 0 && most <= MOST)) return `event ${i}: an impossible duration`;
  }
  return undefined;
}
