/**
 * Where a party's time goes, measured as it goes, for less than a microsecond an event.
 *
 * A party's protocols run on one main thread, interleaved at every await; no stack says what runs. So each fork of a party carries a
 * `Probe` that knows its scope, and time is cut at events: a kernel, a draw, a message out or in. What the main thread did since the event
 * before belongs to the event that ends the interval, and to its scope: ring arithmetic leads to the message that carries it. The event
 * loop counts the time it sleeps; sleep belongs to what was slept for: a kernel on another thread if one runs, else the message that ended
 * it. Every moment is counted once, so the parts add up to the time that passed.
 *
 * Counters cover the whole session; a log of fixed size keeps the first events one by one (`log.ts`). Nothing here sees a value: only
 * names, sizes and times.
 */
import { type CountedLine, type Line, noCounters } from './line.ts';
import { coreWaitMeter } from './core-wait.ts';
import { type Columns, DEFAULT_EVENTS, firstEvents, makeColumns } from './log.ts';

export interface RecorderOptions {
  /** Events kept one by one. */
  readonly events?: number;
  /** Milliseconds. */
  readonly now?: () => number;
  /** Milliseconds that the event loop has slept so far. */
  readonly slept?: () => number;
  /** Milliseconds of processor time that this process has used so far, all threads. */
  readonly cpu?: () => number;
  /** Milliseconds that the main thread has waited for a core so far; undefined where nobody knows. */
  readonly coreWait?: (() => number) | undefined;
}

/** Intervals shorter than this are counted, but not kept one by one, unless a message ends them. */
const LEAST_KEPT_MS = 0.01;
/** More lines than any network makes; what is beyond shares the first. */
export const MAXIMUM_LINES = 4096;
const FULL_BYTE = 255;
/** Readings kept of how long this party waited for a core. */
export const MAXIMUM_READINGS = 4096;

/** A line, its number and what it has added up. */
interface Entry extends CountedLine {
  readonly id: number;
}

/** What a session has waited for or worked on at a time, on average and at most. */
export interface Gauge {
  readonly mean: number;
  readonly peak: number;
}

export interface Recording {
  readonly startMs: number;
  readonly endMs: number;
  /** Processor time, all threads of the process. */
  readonly cpuMs: number;
  readonly lines: readonly CountedLine[];
  readonly columns: Columns;
  /** Events that found no place in the log. */
  readonly unlogged: number;
  readonly kernels: Gauge;
  readonly awaited: Gauge;
  /**
   * When (this party's clock), and for how long the main thread had waited for a core until then: at the session's start, at the end of each
   * step, evaluation or batch, and at the end. Empty where the system does not say.
   */
  readonly coreWaits: readonly CoreWait[];
}

export interface CoreWait {
  readonly atMs: number;
  readonly waitedMs: number;
}

export class Recorder {
  readonly now: () => number;
  readonly #slept: () => number;
  readonly #cpu: () => number;
  readonly #coreWait: (() => number) | undefined;
  #coreWaits: CoreWait[] = [];
  readonly #columns: Columns;
  readonly #entries: Entry[] = [];
  /** Forks of the root party: steps, evaluations, batches. */
  readonly #outermost: Set<Entry> = new Set();
  readonly #inFlight: Entry[] = [];
  readonly #awaited: Entry[] = [];
  readonly #gauges = { kernels: 0, awaited: 0, kernelsPeak: 0, awaitedPeak: 0 };
  #start: number;
  #startCpu: number;
  #last: number;
  #lastSlept: number;
  #length = 0;
  #unlogged = 0;
  #deepest = 0;

  constructor(options: RecorderOptions = {}) {
    this.now = options.now ?? (() => performance.now());
    this.#slept = options.slept ?? (() => performance.nodeTiming.idleTime);
    this.#cpu = options.cpu ?? cpuMs;
    this.#coreWait = 'coreWait' in options ? options.coreWait : coreWaitMeter();
    this.#columns = makeColumns(options.events ?? DEFAULT_EVENTS);
    // Line 0: time for which nothing was asked.
    this.#makeEntry({ scope: '', kind: 'span', name: '', peer: undefined });
    this.#start = this.now();
    this.#last = this.#start;
    this.#lastSlept = this.#slept();
    this.#startCpu = this.#cpu();
    this.#readCoreWait(this.#start);
  }

  /** Begins to count here: what was before, a warm-up, does not belong to the session. */
  begin(): void {
    for (const entry of this.#entries) Object.assign(entry, noCounters());
    Object.assign(this.#gauges, { kernels: 0, awaited: 0, kernelsPeak: 0, awaitedPeak: 0 });
    this.#length = 0;
    this.#unlogged = 0;
    this.#start = this.now();
    this.#last = this.#start;
    this.#lastSlept = this.#slept();
    this.#startCpu = this.#cpu();
    this.#coreWaits = [];
    this.#readCoreWait(this.#start);
  }

  /** All until now, what is still waited for included. */
  recording(): Recording {
    const endMs = this.now();
    const total = Math.max(endMs - this.#start, 1e-9);
    const { kernels, awaited, kernelsPeak, awaitedPeak } = this.#gauges;
    const tail = Math.max(0, endMs - this.#last);
    const idle = Math.min(tail, Math.max(0, this.#slept() - this.#lastSlept));
    const sleeper = this.#sleepCause(this.#entries[0]).id;
    const lines = this.#entries.map(({ id, ...line }) => {
      const idleMs = line.idleMs + (id === sleeper ? idle : 0);
      return { ...line, idleMs, localMs: line.localMs + (id === 0 ? tail - idle : 0) };
    });
    return {
      startMs: this.#start,
      endMs,
      cpuMs: this.#cpu() - this.#startCpu,
      lines,
      columns: firstEvents(this.#columns, this.#length),
      unlogged: this.#unlogged,
      kernels: { mean: kernels / total, peak: kernelsPeak },
      awaited: { mean: awaited / total, peak: awaitedPeak },
      coreWaits: this.#coreWait === undefined ? [] : [...this.#coreWaits, { atMs: endMs, waitedMs: this.#coreWait() }],
    };
  }

  makeLine(line: Line): number {
    return this.#entries.length < MAXIMUM_LINES ? this.#makeEntry(line) : 0;
  }

  #makeEntry(line: Line): number {
    const id = this.#entries.length;
    const outermost = line.kind === 'span' && line.scope !== '' && !line.scope.includes('/');
    const entry = { id, ...line, ...noCounters() };
    this.#entries.push(entry);
    if (outermost) this.#outermost.add(entry);
    return id;
  }

  // ── events ──

  /** Something synchronous has run since `start`. */
  ran(line: number, start: number): void {
    this.#cut(line, start, true, 0, 0, 0, 0);
  }

  /** A kernel was called at `start` and has returned its promise. */
  issued(line: number, start: number): void {
    const entry = this.#entries[line];
    this.#inFlight.push(entry);
    this.#gauges.kernelsPeak = Math.max(this.#gauges.kernelsPeak, this.#inFlight.length);
    this.#cut(line, start, false, 0, 0, 0, 0);
  }

  /** The kernel called at `start` has settled. */
  finished(line: number, start: number, gpuMs: number): void {
    const entry = this.#entries[line];
    entry.gpuMs += gpuMs;
    this.#end(line, start, 0, 0, 0, 0);
    remove(this.#inFlight, entry);
  }

  /** A message has been given to the link, in a call that began at `start`. */
  sent(line: number, start: number, payload: number, frame: number, low: number, high: number): void {
    const entry = this.#entries[line];
    entry.payloadBytes += payload;
    entry.frameBytes += frame;
    this.#cut(line, start, true, frame, low, high, start);
  }

  /** The link has room again; only sleep before it is of interest. */
  room(line: number): void {
    if (this.#slept() > this.#lastSlept) this.#end(line, -1, 0, 0, 0, 0);
  }

  asked(line: number): void {
    this.#awaited.push(this.#entries[line]);
    this.#gauges.awaitedPeak = Math.max(this.#gauges.awaitedPeak, this.#awaited.length);
  }

  /** The message asked for at `start` is there. */
  received(line: number, start: number, bytes: number, depth: number, low: number, high: number): void {
    const entry = this.#entries[line];
    entry.payloadBytes += bytes;
    if (depth > this.#deepest) {
      entry.rounds += depth - this.#deepest;
      this.#deepest = depth;
    }
    this.#end(line, start, bytes, low, high, 1);
    remove(this.#awaited, entry);
  }

  /** A fork that began at `start` is over. Takes no time of its own. */
  over(line: number, start: number): void {
    const entry = this.#entries[line];
    const now = this.now();
    entry.calls++;
    entry.spanMs += now - start;
    this.#log(line, now, now - start, 0, 0, 0, 0, 0, 0, 0);
    if (this.#outermost.has(entry)) this.#readCoreWait(now);
  }

  #readCoreWait(now: number): void {
    if (this.#coreWait === undefined || this.#coreWaits.length >= MAXIMUM_READINGS) return;
    this.#coreWaits.push({ atMs: now, waitedMs: this.#coreWait() });
  }

  /** Ends an interval whose last part, since `start`, was the thing itself, on the main thread. */
  #cut(line: number, start: number, complete: boolean, bytes: number, low: number, high: number, keep: number): void {
    const entry = this.#entries[line];
    const now = this.now();
    const idle = this.#sleep(now);
    const busy = Math.max(0, now - this.#last - idle);
    const own = Math.min(busy, now - start);
    entry.ownMs += own;
    entry.localMs += busy - own;
    if (complete) {
      entry.calls++;
      entry.spanMs += now - start;
    }
    const cause = idle > 0 ? this.#sleepCause(entry) : entry;
    cause.idleMs += idle;
    this.#advance(now);
    if (keep > 0 || busy + idle >= LEAST_KEPT_MS) {
      this.#log(line, now, complete ? now - start : 0, busy, own, idle, cause.id, bytes, low, high);
    }
  }

  /** Ends an interval with something that was waited for since `start`; -1: with room for more. */
  #end(line: number, start: number, bytes: number, low: number, high: number, keep: number): void {
    const entry = this.#entries[line];
    const now = this.now();
    const idle = this.#sleep(now);
    const busy = Math.max(0, now - this.#last - idle);
    // A kernel on this thread may run on after its call returned a promise.
    const own = entry.kind === 'kernel' && idle === 0 && this.#inFlight.length === 1 ? busy : 0;
    entry.ownMs += own;
    entry.localMs += busy - own;
    if (start >= 0) {
      entry.calls++;
      entry.spanMs += now - start;
    }
    // A kernel on another thread covers the wait for a message: the wait would be as long without it.
    const cause = this.#inFlight.length > 0 && entry.kind !== 'kernel' ? this.#inFlight[0] : entry;
    cause.idleMs += idle;
    this.#advance(now);
    if (keep > 0 || busy + idle >= LEAST_KEPT_MS || entry.kind === 'kernel') {
      this.#log(line, now, start >= 0 ? now - start : 0, busy, own, idle, cause.id, bytes, low, high);
    }
  }

  /** Who is to blame for sleep that ended unseen: something in flight. */
  #sleepCause(entry: Entry): Entry {
    return this.#inFlight[0] ?? this.#awaited[0] ?? (entry.kind === 'send' ? entry : this.#entries[0]);
  }

  #sleep(now: number): number {
    const slept = this.#slept();
    const idle = Math.min(slept - this.#lastSlept, now - this.#last);
    this.#lastSlept = slept;
    return Math.max(0, idle);
  }

  #advance(now: number): void {
    const passed = now - this.#last;
    this.#gauges.kernels += passed * this.#inFlight.length;
    this.#gauges.awaited += passed * this.#awaited.length;
    this.#last = now;
  }

  #log(
    line: number,
    end: number,
    span: number,
    busy: number,
    own: number,
    idle: number,
    cause: number,
    bytes: number,
    low: number,
    high: number,
  ): void {
    const c = this.#columns;
    const i = this.#length;
    if (i === c.line.length) {
      this.#unlogged++;
      return;
    }
    c.line[i] = line;
    c.end[i] = end;
    c.span[i] = span;
    c.busy[i] = busy;
    c.own[i] = own;
    c.idle[i] = idle;
    c.cause[i] = cause;
    c.bytes[i] = bytes;
    c.message[i] = low;
    c.messageHigh[i] = high;
    c.kernels[i] = Math.min(FULL_BYTE, this.#inFlight.length);
    c.awaited[i] = Math.min(FULL_BYTE, this.#awaited.length);
    this.#length++;
  }
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

function remove(entries: Entry[], entry: Entry): void {
  const at = entries.indexOf(entry);
  if (at >= 0) entries.splice(at, 1);
}
