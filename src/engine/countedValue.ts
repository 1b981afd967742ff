/** What stands for a value in the engine that computes nothing (`counting.ts`). */
import type { RingValue } from './linear.ts';
import type { Lane } from './traffic.ts';
import type { LeftShape } from '../protocols/direct/leftOpen.ts';

/** The opening of a value as an operand of products. */
export interface Opening {
  lane: Lane | undefined;
  readonly makeLane: () => Lane;
  opened: boolean;
  /** Elements that the opening sends. */
  readonly elements: () => number;
  /** Of a sum that is opened by the openings of its terms. */
  readonly terms?: readonly Opening[];
}

export interface CountedValue extends RingValue {
  readonly mask: Opening;
  /** Of a value that was opened as it was made. */
  readonly opened?: boolean;
  /** Of what a truncation has left. */
  readonly left?: { readonly shape: LeftShape };
  /** A product whose part P2 still holds. */
  readonly partial: boolean;
  readonly whole: { value?: CountedValue };
}
