/**
 * The messages of a protocol, declared beside its code like its cost: who sends what under which label, in the order in which each
 * depends on those before. From them follow payload bytes, frames, online rounds and which link carries what (`counting.ts`), without
 * running anything; a test compares all of it with what the channel counts.
 */
import { blocks } from '../channel/blocks.ts';

/**
 * exchange  P0 and P1 send each other; all messages of one step at the same time.
 * answer    P0 and P1 send to P2.
 * deal      P2 sends the worker that does not draw its share; after the answers before it.
 * ahead     The same, dependent on nothing in this protocol.
 * tell      P2 sends both workers the same; after the answers before it.
 *
 * Of the proof of a dealt code (`protocols/paper/codeProof.ts`), whose messages depend on each other and on what was dealt just before:
 * begin     No message: depends on nothing after this.
 * apart     No message: nor on anything before, and is sent ahead.
 * ask       The worker that was dealt its share sends to P2.
 * echo      P2 sends the other worker.
 * prove     P2 sends the worker that has asked.
 * show      The other worker sends that one; all that both send from here on depends on it.
 */
export type StepKind =
  'exchange' | 'answer' | 'deal' | 'ahead' | 'tell' | 'begin' | 'apart' | 'ask' | 'echo' | 'prove' | 'show';

export interface Message {
  /** What stands behind the path of the chunk, or of the operation: `:c`, `/convert:d`. */
  readonly label: string;
  /** Payload bytes of one such message. */
  readonly bytes: number;
}

export interface Step {
  readonly kind: StepKind;
  readonly messages: readonly Message[];
}

/** A part of a protocol: under `path` below the operation, in chunks or for all elements at once. */
export interface Stage {
  readonly path: string;
  readonly chunked: boolean;
  /** What an element counts for in a chunk; 1 when absent. */
  readonly each?: number | undefined;
  /** For `count` elements: of a chunk, or all. */
  readonly steps: (count: number) => readonly Step[];
  /** Keys of comparison functions (`functionKeys.ts`) that an element takes, of so many bits. */
  readonly keys?: { readonly each: number; readonly bits: number } | undefined;
}

export function step(kind: StepKind, ...messages: readonly [label: string, bytes: number][]): Step {
  return { kind, messages: messages.map(([label, bytes]) => ({ label, bytes })) };
}

/** The messages of `count` elements of Z_{2^64}, one a block. */
export function inBlocks(purpose: string, count: number): [label: string, bytes: number][] {
  return Array.from(blocks(purpose, count), ({ label, from, to }) => [label, 8 * (to - from)]);
}

/** A protocol that runs in chunks and does nothing else. */
export function inChunks(steps: Stage['steps'], keys?: Stage['keys'], each?: number): Stage[] {
  return [{ path: '', chunked: true, steps, keys, each }];
}

export function atOnce(steps: Stage['steps'], path = ''): Stage {
  return { path, chunked: false, steps };
}

/** The same steps with labels below a further path. */
export function below(path: string, steps: readonly Step[]): Step[] {
  return steps.map(({ kind, messages }) => ({
    kind,
    messages: messages.map(({ label, bytes }) => ({ label: `${path}${label}`, bytes })),
  }));
}
