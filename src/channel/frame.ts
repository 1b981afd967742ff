/**
 * Frames, version 1. One message is one frame; one frame is one binary WebSocket message. All integers are little-endian.
 *
 * | offset | bytes | field |
 * |---|---|---|
 * | 0  | 4 | magic `SNNf` (53 4e 4e 66) |
 * | 4  | 1 | version, 1 |
 * | 5  | 1 | kind: 0 `u8` bytes · 1 `u64` elements of Z_{2^64} or Z_{2^64−1} · 2 `abort` · 3 `bye` |
 * | 6  | 2 | label length n: 1…512 for u8 and u64, 0 for abort and bye |
 * | 8  | 4 | sequence number: counts the frames of this direction of this connection, from 0 |
 * | 12 | 4 | depth: length of the longest chain of dependent messages that ends with this one |
 * | 16 | 4 | number of elements m |
 * | 20 | 4 | check: 32-bit FNV-1a of all header bytes but these four (fixed part, label, padding) |
 * | 24 | n | label: printable ASCII, space to tilde |
 * | 24+n | 0…7 | zeros up to a multiple of 8, where the payload starts |
 * | … | m or 8m | payload: m bytes or m 64-bit integers; abort: the reason in printable ASCII, at most 500 bytes; bye: none |
 *
 * A frame has exactly the length its header says. The check finds a header damaged by a fault on this side of the transport
 * (TCP and TLS look after the way between); it protects nothing from an attacker, TLS does.
 *
 * Payloads lie in memory as on the wire, so this needs a little-endian machine, as does everything that views Z_{2^64} tensors as u32.
 */
import { ChannelError, type ElementType } from './channel.ts';
import { totalBytes } from './transport.ts';

export type FrameKind = ElementType | 'abort' | 'bye';

export interface Frame {
  readonly kind: FrameKind;
  readonly sequence: number;
  readonly depth: number;
  readonly label: string;
  /** u64: a BigUint64Array; all others: a Uint8Array. */
  readonly data: BigUint64Array | Uint8Array;
}

export interface EncodedFrame {
  readonly header: Uint8Array;
  /** The caller's payload memory, not a copy. */
  readonly payload: Uint8Array;
}

export const MAX_LABEL_BYTES = 512;
export const MAX_REASON_BYTES = 500;
/** Of the tag before a frame, where there are tags (`tags.ts`). */
export const TAG_BYTES = 16;
/** Longest frame by default. It bounds what a peer can make this party hold before a single check has run. */
export const DEFAULT_FRAME_BYTES: number = 64 * 2 ** 20;

const MAGIC = 0x664e4e53;
const VERSION = 1;
const KINDS = ['u8', 'u64', 'abort', 'bye'] as const satisfies readonly FrameKind[];
const FIXED_BYTES = 24;
const CHECK_AT = 20;
const MAX_U32 = 2 ** 32 - 1;

/** The two pieces of a frame. Throws a ChannelError when a field does not fit. */
export function encodeFrame(frame: Frame, maxFrameBytes: number = DEFAULT_FRAME_BYTES): EncodedFrame {
  const { kind, sequence, depth, label, data } = frame;
  checkLabelLength(label);
  if ((label === '') !== isControl(kind))
    throw new ChannelError(`a ${kind} message ${label === '' ? 'needs a' : 'has no'} label`);
  checkU32('sequence number', sequence, label);
  checkU32('depth', depth, label);
  checkU32('number of elements', data.length, label);
  const length = headerBytes(label.length);
  if (length + data.byteLength > maxFrameBytes) {
    throw new ChannelError(
      `"${label}": a frame of ${length + data.byteLength} bytes exceeds the limit of ${maxFrameBytes}: send it in chunks`,
    );
  }
  const header = Buffer.allocUnsafe(length); // of memory that many share
  putU32(header, 0, MAGIC);
  putU32(header, 4, VERSION | (KINDS.indexOf(kind) << 8) | (label.length << 16));
  putU32(header, 8, sequence);
  putU32(header, 12, depth);
  putU32(header, 16, data.length);
  for (let i = 0; i < label.length; i++) {
    const code = label.charCodeAt(i);
    if (!isPrintable(code))
      throw new ChannelError(`label "${printable(label)}": character ${i} is not printable ASCII`);
    header[FIXED_BYTES + i] = code;
  }
  header.fill(0, FIXED_BYTES + label.length);
  putU32(header, CHECK_AT, check(header, length));
  return { header, payload: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

/**
 * Checks and takes apart one frame, given in one piece or several. The payload is a view of the last piece where possible; a copy where
 * 64-bit elements would not be aligned, or where a small payload would keep a much larger buffer alive.
 */
export function decodeFrame(parts: readonly Uint8Array[], maxFrameBytes: number = DEFAULT_FRAME_BYTES): Frame {
  const total = totalBytes(parts);
  if (total > maxFrameBytes) throw new ChannelError(`a frame of ${total} bytes exceeds the limit of ${maxFrameBytes}`);
  if (total < FIXED_BYTES) throw new ChannelError(`a frame of ${total} bytes is shorter than a header`);
  // The sender keeps header and payload apart. Anything else is legal too, and pays for a copy.
  const apart = parts.length === 2 && parts[0].length >= FIXED_BYTES && parts[0].length === claimedHeader(parts[0]);
  const header = apart || parts.length === 1 ? parts[0] : join(parts, total);
  const length = claimedHeader(header);
  if (length > total) throw new ChannelError(`a frame of ${total} bytes is cut short: its header has ${length}`);
  if (u32At(header, CHECK_AT) !== check(header, length))
    throw new ChannelError('frame header is damaged: its check differs');
  const kind = KINDS[header[5]] as FrameKind | undefined;
  if (kind === undefined) throw new ChannelError(`unknown frame kind ${header[5]}`);
  const label = readLabel(header, length);
  if ((label.length === 0) !== isControl(kind))
    throw new ChannelError(`a ${kind} frame ${label === '' ? 'without' : 'with'} a label`);
  const count = u32At(header, 16);
  const bytes = count * (kind === 'u64' ? 8 : 1);
  if (total - length !== bytes) {
    const name = label === '' ? kind : `"${label}"`;
    throw new ChannelError(`${name}: ${total - length} bytes of payload, expected ${bytes} for ${count} elements`);
  }
  const data = apart ? payloadOf(kind, parts[1], 0, count) : payloadOf(kind, header, length, count);
  return { kind, sequence: u32At(header, 8), depth: u32At(header, 12), label, data };
}

/** Length of the header of a frame with a label of this length. */
export function headerBytes(labelLength: number): number {
  return (FIXED_BYTES + labelLength + 7) & ~7;
}

/** Any text, cut and cleaned so that it can go into a frame, a log or a terminal. */
export function printable(text: string, maximum: number = MAX_REASON_BYTES): string {
  return text.slice(0, maximum).replace(/[^ -~]/g, '?');
}

/** The header length its fields claim, after magic and version, without which the fields mean nothing. */
function claimedHeader(bytes: Uint8Array): number {
  if (u32At(bytes, 0) !== MAGIC) throw new ChannelError('not a frame: it does not begin with SNNf');
  if (bytes[4] !== VERSION) throw new ChannelError(`frame version ${bytes[4]}, expected ${VERSION}`);
  return headerBytes(labelLength(bytes));
}

function labelLength(header: Uint8Array): number {
  return header[6] | (header[7] << 8);
}

/** @param end of the header */
function readLabel(header: Uint8Array, end: number): string {
  const length = labelLength(header);
  if (length > MAX_LABEL_BYTES)
    throw new ChannelError(`a label of ${length} bytes exceeds the limit of ${MAX_LABEL_BYTES}`);
  const to = FIXED_BYTES + length;
  for (let i = FIXED_BYTES; i < to; i++) {
    if (!isPrintable(header[i]))
      throw new ChannelError(`label byte ${i - FIXED_BYTES} is 0x${header[i].toString(16)}, expected printable ASCII`);
  }
  for (let i = to; i < end; i++) if (header[i] !== 0) throw new ChannelError('frame padding is not zero');
  return Buffer.from(header.buffer, header.byteOffset + FIXED_BYTES, length).toString('latin1');
}

/** `count` elements from `at` on: plain arrays (receivers may hand out Buffers), copied when they are the smaller part of their buffer. */
function payloadOf(kind: FrameKind, bytes: Uint8Array, at: number, count: number): BigUint64Array | Uint8Array {
  const { buffer } = bytes;
  const from = bytes.byteOffset + at;
  const length = kind === 'u64' ? 8 * count : count;
  const copied = buffer.byteLength > 2 * length + 1024 || (kind === 'u64' && from % 8 !== 0);
  const [memory, offset] = copied ? [ownCopy(buffer, from, length), 0] : [buffer, from];
  return kind === 'u64' ? new BigUint64Array(memory, offset, count) : new Uint8Array(memory, offset, count);
}

function ownCopy(buffer: ArrayBufferLike, from: number, length: number): ArrayBuffer {
  return new Uint8Array(new Uint8Array(buffer, from, length)).buffer;
}

function join(parts: readonly Uint8Array[], total: number): Uint8Array {
  const whole = new Uint8Array(total);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Of a header of `length` bytes. */
function check(header: Uint8Array, length: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < CHECK_AT; i++) hash = Math.imul(hash ^ header[i], 0x01000193);
  for (let i = FIXED_BYTES; i < length; i++) hash = Math.imul(hash ^ header[i], 0x01000193);
  return hash >>> 0;
}

function u32At(bytes: Uint8Array, at: number): number {
  return (bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)) >>> 0;
}

function putU32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

function isControl(kind: FrameKind): boolean {
  return kind === 'abort' || kind === 'bye';
}

function isPrintable(code: number): boolean {
  return code >= 0x20 && code <= 0x7e;
}

function checkLabelLength(label: string): void {
  if (label.length <= MAX_LABEL_BYTES) return;
  throw new ChannelError(
    `label "${printable(label, 40)}…" has ${label.length} characters, the limit is ${MAX_LABEL_BYTES}`,
  );
}

function checkU32(what: string, value: number, label: string): void {
  if (!Number.isInteger(value) || value < 0 || value > MAX_U32) {
    throw new ChannelError(`"${label}": ${what} ${value} is not in 0…2^32−1`);
  }
}
