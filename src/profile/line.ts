/**
 * What a profile is made of. A scope is a place in the program: `step/layer/2:dense/matmul`. It comes from the paths of `Party.fork`,
 * with numbers that only count (steps, chunks, values) left out, so a session of any length has a few hundred of them. A line is one kind
 * of thing that happens in a scope, down to the primitive: kernel `gemm`, message `E` to P1.
 */

export const KINDS = ['span', 'kernel', 'random', 'send', 'receive'] as const;
/**
 * span: a fork from its start to its end. kernel: a call of Compute. random: a draw from a stream. send: a message leaves. receive: a
 * message is asked for and comes.
 */
export type Kind = (typeof KINDS)[number];

export const PARTIES = ['P0', 'P1', 'P2'] as const;
export type PartyName = (typeof PARTIES)[number];

/** What a line adds up over the whole session. Times are milliseconds. */
export interface Counters {
  /** Calls, draws, messages or spans. */
  calls: number;
  /** From call to result, added up over calls that may overlap. For a receive: from asking to having. */
  spanMs: number;
  /** Of this party's main thread, in the thing itself. */
  ownMs: number;
  /** Of this party's main thread, before it in the same place: ring arithmetic, frames, the collector. */
  localMs: number;
  /** The main thread slept, and this is what it slept for. */
  idleMs: number;
  /** As the backend measured it; 0 where it does not. */
  gpuMs: number;
  /** Payload, and with header, label and padding. Sent (send) or received (receive; frames are counted where they leave). */
  payloadBytes: number;
  frameBytes: number;
  /** Online rounds that ended here: a message that lengthened the chain. They add up to the session's. */
  rounds: number;
}

export interface Line {
  readonly scope: string;
  readonly kind: Kind;
  /** Kernel, purpose of the message or draw; empty for a span. */
  readonly name: string;
  /** To or from whom. */
  readonly peer: PartyName | undefined;
}

export interface CountedLine extends Line, Counters {}

export function noCounters(): Counters {
  return {
    calls: 0,
    spanMs: 0,
    ownMs: 0,
    localMs: 0,
    idleMs: 0,
    gpuMs: 0,
    payloadBytes: 0,
    frameBytes: 0,
    rounds: 0,
  };
}

/**
 * The label of a fork as a scope has it; empty when the fork is no place of its own: a chunk, one of several tasks, an operand's lane.
 * `step/12` → `step`, `3:truncateRelu` → `truncateRelu`, `layer/3:relu` stays.
 */
export function scopeLabel(label: string): string {
  if (/^(\d+|v\d+|all\d+\.\d+)$/.test(label)) return '';
  if (label.startsWith('layer/')) return label;
  const named = /^(carried|input|data)\//.exec(label);
  if (named) return named[1];
  return label.replace(/^\d+:/, '').replace(/\/\d+$/, '');
}
