/** What a receiver asked for, and whether a frame is that. */
import type { ElementType } from './channel.ts';
import type { Frame } from './frame.ts';

export interface Expected {
  readonly label: string;
  readonly type: ElementType;
  /** Exact, or the most there may be. */
  readonly length: number;
  readonly exact: boolean;
}

/** How the frame differs from what was asked for, in words; undefined when it does not. */
export function mismatch(expected: Expected, frame: Frame): string | undefined {
  const { type, length, exact } = expected;
  const fits = frame.kind === type && (exact ? frame.data.length === length : frame.data.length <= length);
  return fits ? undefined : `expected ${describe(expected)}, found ${frame.kind}[${frame.data.length}]`;
}

export function describe({ label, type, length, exact }: Expected): string {
  return `"${label}" (${type}[${exact ? '' : 'up to '}${length}])`;
}
