/**
 * The events of the first part of a session, in columns that are allocated once. An event closes an interval of its party's main thread
 * that began where the event before it ended, so the intervals tile the time.
 */

/** Events kept; about 36 bytes each. What happens later is only counted. */
export const DEFAULT_EVENTS: number = 1 << 16;

/** Columns of equal length. Times in milliseconds since the process began, durations in milliseconds. */
export interface Columns {
  readonly line: Uint16Array;
  readonly end: Float64Array;
  /** Of the thing that ended here. */
  readonly span: Float32Array;
  /** Of the interval: main thread busy, and of that in the thing itself. */
  readonly busy: Float32Array;
  readonly own: Float32Array;
  /** Of the interval: main thread asleep, and for which line. */
  readonly idle: Float32Array;
  readonly cause: Uint16Array;
  readonly bytes: Uint32Array;
  /** Which message (send, receive): 64 bits of its address, the same at both ends. */
  readonly message: Uint32Array;
  readonly messageHigh: Uint32Array;
  /** Kernels under way or queued, and messages waited for, at its end; at most 255. */
  readonly kernels: Uint8Array;
  readonly awaited: Uint8Array;
}

export function makeColumns(length: number): Columns {
  return {
    line: new Uint16Array(length),
    end: new Float64Array(length),
    span: new Float32Array(length),
    busy: new Float32Array(length),
    own: new Float32Array(length),
    idle: new Float32Array(length),
    cause: new Uint16Array(length),
    bytes: new Uint32Array(length),
    message: new Uint32Array(length),
    messageHigh: new Uint32Array(length),
    kernels: new Uint8Array(length),
    awaited: new Uint8Array(length),
  };
}

/** The first `length` events. */
export function firstEvents(columns: Columns, length: number): Columns {
  const entries = Object.entries(columns) as [keyof Columns, Columns[keyof Columns]][];
  return Object.fromEntries(entries.map(([name, column]) => [name, column.slice(0, length)])) as unknown as Columns;
}
